"""Where did each machine's last cycle end: from the state cache, or looked up in silver."""

from __future__ import annotations

import json
import sys
from typing import Any

from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize

MACHINES = 10_000
WEEKS = 12
PER_WEEK = 25

HISTORY = """
INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,
    shift_name, cycle_start, cycle_end, actual_cycle_time)
SELECT c.t::date, m.company_iot_id, m.iot_id, 1, 'A', c.t, c.t + INTERVAL '7 minutes', 420
FROM generate_series(0, %(weeks)s - 1) AS w
CROSS JOIN generate_series(0, %(per_week)s - 1) AS n
CROSS JOIN master.machine_info AS m
CROSS JOIN LATERAL (SELECT date_trunc('week', now()) - w * INTERVAL '7 days'
    - n * INTERVAL '6 hours' - m.iot_id * INTERVAL '1 second') AS c (t)
-- One machine in ten has been silent for all but the oldest weeks.
WHERE m.iot_id %% 10 <> 0 OR w >= %(weeks)s - 2
"""

BATCH = """
CREATE TABLE public.batch AS
SELECT m.iot_id AS machine_iot_id, now() + n * INTERVAL '8 minutes' AS cycle_start,
    now() + n * INTERVAL '8 minutes' + INTERVAL '7 minutes' AS cycle_end
FROM master.machine_info AS m CROSS JOIN generate_series(1, 6) AS n
"""

STITCH = """
SELECT count(*), sum(extract(epoch FROM s.gap)) FROM (
    SELECT b.cycle_start - lag(b.cycle_end, 1, p.last_cycle_end)
        OVER (PARTITION BY b.machine_iot_id ORDER BY b.cycle_start) AS gap
    FROM public.batch AS b LEFT JOIN {previous} AS p ON {on}
) AS s
"""

CACHE = STITCH.format(
    previous="silver.latest_cycle_state", on="p.machine_iot_id = b.machine_iot_id"
)
LOOK_UP = STITCH.format(
    previous="""(
        SELECT m.machine_iot_id, l.cycle_end AS last_cycle_end
        FROM (SELECT DISTINCT k.machine_iot_id FROM public.batch AS k) AS m
        CROSS JOIN LATERAL (
            SELECT c.cycle_end FROM silver.machine_cycles AS c
            WHERE c.machine_iot_id = m.machine_iot_id ORDER BY c.cycle_start DESC LIMIT 1
        ) AS l
    )""",
    on="p.machine_iot_id = b.machine_iot_id",
)
SCAN = STITCH.format(
    previous="""(
        SELECT DISTINCT ON (c.machine_iot_id) c.machine_iot_id, c.cycle_end AS last_cycle_end
        FROM silver.machine_cycles AS c ORDER BY c.machine_iot_id, c.cycle_start DESC
    )""",
    on="p.machine_iot_id = b.machine_iot_id",
)


def main(weeks: int = WEEKS) -> None:
    """Measure the same stitching with three ways to find the predecessor."""
    size = FleetSize(
        companies=1,
        plants=10,
        machines=MACHINES // 10,
        days=0,
        processed_payloads=0,
        failed_payloads=0,
        pending_payloads=0,
        claimed_payloads=0,
        dead_letters=0,
    )
    with scratch_database("cache") as url:
        upgrade(url, "0001")
        with connect(url) as connection:
            connection.autocommit = False
            make_fleet(connection, size)
            connection.commit()
        upgrade(url, "head")
        with connect(url) as connection:
            say_where(connection)
            # Nothing is to compress or load behind the measurement's back.
            run(
                connection,
                "SELECT alter_job(job_id, scheduled => false) "
                "FROM timescaledb_information.jobs WHERE hypertable_schema IN ('bronze', 'silver') "
                "OR proc_schema = '_etl'",
            )
            with connection.cursor() as cursor:
                cursor.execute(HISTORY, {"weeks": weeks, "per_week": PER_WEEK})
            run(connection, BATCH)
            run(connection, "SELECT silver.fn_rebuild_cycle_state()")
            run(connection, "VACUUM ANALYZE silver.machine_cycles")
            run(connection, "VACUUM ANALYZE silver.latest_cycle_state")
            run(connection, "ANALYZE public.batch")
            [(rows, chunks)] = run(
                connection,
                "SELECT (SELECT count(*) FROM silver.machine_cycles), "
                "(SELECT count(*) FROM show_chunks('silver.machine_cycles'))",
            )
            console.print(
                f"a batch of 60,000 cycles of {MACHINES:,} machines, {rows:,} cycles of history in "
                f"{chunks} chunks; medians of 5"
            )
            _measure(connection)
            run(
                connection,
                "SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles', "
                "older_than => INTERVAL '14 days') AS c",
            )
            run(connection, "VACUUM ANALYZE silver.machine_cycles")
            console.print("with chunks older than 14 days in the column store")
            _measure(connection)


def _measure(connection: Connection) -> None:
    base = 0.0
    answers = set()
    for name, query in (
        ("state cache", CACHE),
        ("probe silver for each machine", LOOK_UP),
        ("scan silver once", SCAN),
    ):
        times: list[float] = []
        plan: dict[str, Any] = {}
        for _ in range(5):
            [(explained,)] = run(
                connection, f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {query}"
            )
            plan = (json.loads(explained) if isinstance(explained, str) else explained)[0]
            times.append(plan["Execution Time"] + plan["Planning Time"])
        answers.add(run(connection, query)[0])
        took = sorted(times)[2]
        base = base or took
        pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        console.print(
            f"  {name}: {took:,.0f} ms, {pages:,} pages"
            + (f", {took / base:.1f}x" if base != took else "")
        )
    assert len(answers) == 1, answers


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
