"""Sweep by id against sweep by arrival time: what each reads, how long it takes, what it loses."""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade

ROWS = 3_000_000
BATCH = 60_000

# One row a millisecond, so the table is 50 minutes of a fleet of 1,000 rows/s.
FILL = """
INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id, cycle_start, cycle_end,
    program_no, std_load_unload, std_cycle_time, down_threshold)
SELECT t, 'GW-' || n %% 10000, 1 + n %% 10000, t, t + INTERVAL '7 minutes', 'O1000', 60, 420, 300
FROM generate_series(1, %s) AS n
CROSS JOIN LATERAL (
    SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + n * INTERVAL '1 millisecond'
) AS c (t)
"""


def main(rows: int = ROWS) -> None:
    """Measure both halves on one scratch database."""
    with scratch_database("sweep") as url:
        upgrade(url, "0301")
        with connect(url) as connection:
            say_where(connection)
            run(
                connection,
                "SELECT set_chunk_time_interval('bronze.raw_machine_cycles', "
                "INTERVAL '10 minutes')",
            )
            run(connection, FILL, rows)
            run(connection, "VACUUM ANALYZE bronze.raw_machine_cycles")
            _reads(connection, rows)
            run(connection, "TRUNCATE bronze.raw_machine_cycles")
        _losses(url)


def _reads(connection: Connection, rows: int) -> None:
    console.print(f"one sweep for the newest {BATCH:,} of {rows:,} rows in 10-minute chunks")
    [(last, since)] = run(
        connection,
        "SELECT id, time FROM bronze.raw_machine_cycles ORDER BY id DESC OFFSET %s LIMIT 1",
        BATCH,
    )
    by_id = (
        "SELECT * FROM bronze.raw_machine_cycles "
        f"WHERE id > {last} AND id <= {last + BATCH} AND time >= '{since}'::timestamptz "
        f"- INTERVAL '1 hour' ORDER BY id LIMIT {BATCH}"
    )
    _explain(connection, "by id, index (id, time DESC)", by_id)
    run(connection, "CREATE INDEX bench_time_idx ON bronze.raw_machine_cycles (time DESC)")
    run(connection, "VACUUM ANALYZE bronze.raw_machine_cycles")
    for margin in ("1 minute", "10 minutes"):
        _explain(
            connection,
            f"by time, index (time DESC), margin {margin}",
            "SELECT * FROM bronze.raw_machine_cycles "
            f"WHERE time > '{since}'::timestamptz - INTERVAL '{margin}'",
        )
    run(connection, "DROP INDEX bronze.raw_machine_cycles_id_time_idx, bronze.bench_time_idx")
    _explain(connection, "by id, no index", by_id)
    run(
        connection,
        "CREATE INDEX raw_machine_cycles_id_time_idx ON bronze.raw_machine_cycles (id, time DESC)",
    )


def _explain(connection: Connection, name: str, query: str) -> None:
    times: list[float] = []
    plan: dict[str, Any] = {}
    for _ in range(5):
        [(explained,)] = run(
            connection, f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {query}"
        )
        plan = (json.loads(explained) if isinstance(explained, str) else explained)[0]
        times.append(plan["Execution Time"])
    top = plan["Plan"]
    pages = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
    console.print(
        f"  {name}: {top['Actual Rows']:,.0f} rows, {pages:,} pages, "
        f"{sorted(times)[2]:.0f} ms (median of 5)"
    )


def _losses(url: str, run_seconds: float = 12.0, open_seconds: float = 3.0) -> None:
    """Quick writers beside one that stays open, and sweeps that remember their place."""
    stop = threading.Event()

    def insert(connection: Connection) -> None:
        run(
            connection,
            "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start) "
            "SELECT 'GW', 1, clock_timestamp() FROM generate_series(1, 50)",
        )

    def quick() -> None:
        with connect(url) as connection:
            while not stop.is_set():
                insert(connection)
                time.sleep(0.05)

    def slow() -> None:
        with connect(url) as connection:
            connection.autocommit = False
            while not stop.is_set():
                insert(connection)
                time.sleep(open_seconds)
                connection.commit()

    margins = (0.0, 1.0, 5.0)
    seen: dict[str, set[int]] = {"highest id": set(), "fence": set()}
    read: dict[str, int] = dict.fromkeys(["highest id", "fence"], 0)
    for margin in margins:
        seen[f"time, margin {margin:g} s"], read[f"time, margin {margin:g} s"] = set(), 0
    places: dict[str, Any] = {}

    def take(name: str, connection: Connection, condition: str, *parameters: object) -> list[Any]:
        rows = run(
            connection,
            f"SELECT id, time FROM bronze.raw_machine_cycles WHERE {condition} ORDER BY id",
            *parameters,
        )
        seen[name].update(row[0] for row in rows)
        read[name] += len(rows)
        return rows

    def sweep(connection: Connection) -> None:
        rows = take("highest id", connection, "id > %s", places.get("highest id", 0))
        if rows:
            places["highest id"] = rows[-1][0]
        for margin in margins:
            name = f"time, margin {margin:g} s"
            start: datetime | None = places.get(name)
            if start is None:
                rows = take(name, connection, "true")
            else:
                rows = take(name, connection, "time > %s", start - timedelta(seconds=margin))
            if rows:
                places[name] = max(row[1] for row in rows)
        [(fence,)] = run(connection, "SELECT _etl.fn_fence('bench', INTERVAL '0')")
        take("fence", connection, "id > %s AND id <= %s", places.get("fence", 0), fence)
        places["fence"] = max(fence, places.get("fence", 0))
        run(connection, "UPDATE _etl.watermarks SET last_processed_id = %s", places["fence"])

    upgrade(url, "0401")
    with connect(url) as connection:
        run(
            connection,
            "INSERT INTO _etl.watermarks (pipeline, source_table, target_table, "
            "batch_size) VALUES ('bench', 'bronze.raw_machine_cycles', 'silver.machine_cycles', 1)",
        )
        threads = [threading.Thread(target=work) for work in (quick, quick, slow)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + run_seconds
        while time.monotonic() < deadline:
            sweep(connection)
            time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        sweep(connection)
        [(total,)] = run(connection, "SELECT count(*) FROM bronze.raw_machine_cycles")
    console.print(
        f"{total:,} rows in {run_seconds:g} s, some in transactions that stay open "
        f"{open_seconds:g} s; a sweep every 0.5 s"
    )
    for name, ids in seen.items():
        console.print(
            f"  {name}: lost {total - len(ids):,} rows, read {read[name] / total:.1f} times each"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
