"""OEE over a long history: a machine's day, the plant's today, the plant's month.

One plant of a thousand machines, three shifts; the number of cycles makes the length of history,
140 a machine and day. A tenth as many stops and FOCAS rows. All dates that are over are rolled up,
as the action leaves them. Each query is read once to fill the caches and then several times, by the
clock and, where the server is on this machine, by the processor time of its process.

``python -m bench.oee_at_size 50000000``
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.scratch import (
    Connection,
    connect,
    console,
    run,
    say_where,
    scratch_database,
    seconds,
    upgrade,
)
from bench.sweep_speed import FLEET, cost

MACHINES = 1_000
CYCLES_A_DAY = 140
TIMES = 9

# The fleet of the sweep, all in its first plant, and never elsewhere.
ONE_PLANT = """
UPDATE master.plant_machine_mapping
SET plant_iot_id = (SELECT min(p.iot_id) FROM master.plants AS p);
TRUNCATE master.former_plants;
UPDATE master.plants SET timezone = 'UTC'
"""

AT = """
    SELECT
        m.iot_id, m.company_iot_id, a.at,
        (a.at AT TIME ZONE 'UTC' - INTERVAL '6 hours')::date AS day,
        1 + extract(HOUR FROM a.at AT TIME ZONE 'UTC' - INTERVAL '6 hours')::integer / 8 AS shift
    FROM master.machine_info AS m
    CROSS JOIN generate_series(0, {a_day} - 1) AS n (n)
    CROSS JOIN LATERAL (
        SELECT %s::timestamptz + n.n * INTERVAL '1 day' / {a_day}
            + m.iot_id * INTERVAL '3 milliseconds'
    ) AS a (at)
    WHERE a.at < now()
"""
# Table, rows a machine and day, its own columns and their values.
FACTS = (
    (
        "machine_cycles",
        CYCLES_A_DAY,
        "cycle_start, cycle_end, program_no, std_cycle_time, actual_cycle_time",
        "at, at + INTERVAL '9 minutes', 'O1', 500, 540",
    ),
    (
        "machine_downtime",
        CYCLES_A_DAY // 10,
        "down_start, down_end",
        "at, at + INTERVAL '5 minutes'",
    ),
    ("machine_focas", CYCLES_A_DAY // 10, "event_time, part_count, rej_count", "at, 10, 1"),
)

ONE_DAY = "SELECT * FROM gold.v_oee_dashboard WHERE machine_iot_id = 1 AND day = %s"
PLANT = (
    "SELECT count(*) FROM (SELECT * FROM gold.v_oee_dashboard"
    " WHERE plant_iot_id = 1 AND day BETWEEN %s AND %s OFFSET 0) AS d"
)


def fill(connection: Connection, cycles: int) -> int:
    """Silver with that many cycles up to now, and what belongs to them; returns its days."""
    days = cycles // (MACHINES * CYCLES_A_DAY)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for table, a_day, columns, values in FACTS:
        run(connection, f"ALTER TABLE silver.{table} DISABLE TRIGGER USER")
        for back in range(days, -1, -1):
            run(
                connection,
                f"INSERT INTO silver.{table}"
                f" (logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, {columns})"
                f" SELECT day, company_iot_id, iot_id, shift, 'S' || shift, {values}"
                f" FROM ({AT.format(a_day=a_day)}) AS r",
                today - timedelta(days=back),
            )
        run(connection, f"ALTER TABLE silver.{table} ENABLE TRIGGER USER")
    run(connection, "SELECT gold.fn_count_running_shifts()")
    run(connection, "VACUUM ANALYZE")
    return days


def main(cycles: int = 50_000_000) -> None:
    """Fill, roll up, and read."""
    with scratch_database("oee") as url:
        upgrade(url, "head")
        with connect(url) as connection:
            say_where(connection)
            run(connection, "SET synchronous_commit = off")
            for (job,) in run(connection, "SELECT job_id FROM timescaledb_information.jobs"):
                run(connection, "SELECT alter_job(%s, scheduled => false)", job)
            run(connection, FLEET, MACHINES)
            run(connection, ONE_PLANT)
            filled = seconds(lambda: fill(connection, cycles))
            run(connection, "CALL master.sp_extend_shift_calendar(0, NULL)")
            rolled = seconds(
                lambda: run(connection, """CALL gold.sp_roll_up(0, '{"max_runtime": "2 hours"}')""")
            )
            run(connection, "VACUUM ANALYZE gold.machine_shifts, gold.machine_days")
            [(rows, chunks, shifts)] = run(
                connection,
                "SELECT (SELECT count(*) FROM silver.machine_cycles),"
                " (SELECT count(*) FROM show_chunks('silver.machine_cycles')),"
                " (SELECT count(*) FROM gold.machine_shifts)",
            )
            console.print(
                f"{rows:,} cycles of {MACHINES:,} machines in {chunks} chunks, filled in "
                f"{filled:.0f} s; {shifts:,} machine shifts, rolled up in {rolled:.0f} s"
            )
            today = datetime.now(UTC).date()
            over = today - timedelta(days=5)
            month = today - timedelta(days=30)
            for name, statement, parameters in (
                ("a machine, a day that is rolled up", ONE_DAY, (over,)),
                (
                    "a machine, a day at the begin of history",
                    ONE_DAY,
                    (today - timedelta(days=300),),
                ),
                ("a machine, today", ONE_DAY, (today,)),
                ("the plant, today", PLANT, (today, today)),
                ("the plant, a month with today", PLANT, (month, today)),
                ("the plant, 30 days without today", PLANT, (month - timedelta(days=5), over)),
            ):
                read(connection, name, statement, parameters)


def read(connection: Connection, name: str, statement: str, parameters: tuple[object, ...]) -> None:
    """Print what a query takes."""
    found = run(connection, statement, *parameters)
    costs = [
        cost(connection, lambda: run(connection, statement, *parameters)) for _ in range(TIMES)
    ]
    clock = sorted(c[0] * 1000 for c in costs)
    console.print(
        f"{name:<42} {median(clock):8.1f} ms ({clock[0]:.1f}–{clock[-1]:.1f}), processor "
        f"{median(c[1] * 1000 for c in costs):.1f} ms; {found[0][0] if found else 'none'}"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
