"""The backfill of each fact against a bare INSERT … SELECT of the same rows, and the comparison.

For each table of v1's silver in turn: its rows into an empty hypertable with the same key (the
reference), then as 0103 does it (ranges, index, compression), then as 0106 compares them. Ratios
are of the server's processor time where it can be read, since a busy machine spoils the clock.

``DATABASE_URL=… python -m bench.backfill_rate 300000``. Exit code 1 when cycles take more than 2.0
times the reference, or another fact more than 2.5 times.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.road_at_size import FACTS, FILL, MACHINES, MASTERS, REFERENCE, THIRD
from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade

LIMITS = {"machine_cycles": 2.0}
LIMIT = 2.5
TICKS = 100
SETTINGS = {
    "setu.backfill_compress": "yes",
    "setu.silver_columnstore_after": "14 days",
    "setu.backfill_pause": "0",
    "setu.lock_attempts": "60",
    "setu.future_limit": "1 day",
    "timezone": "UTC",
}


class Watch:
    """Seconds of the server's processor, or of the clock where those cannot be read."""

    def __init__(self, connection: Connection) -> None:
        [(self._pid,)] = run(connection, "SELECT pg_backend_pid()")
        self.of_processor = Path(f"/proc/{self._pid}/stat").exists()
        self.last = 0.0

    def _now(self) -> float:
        if not self.of_processor:
            return time.perf_counter()
        words = Path(f"/proc/{self._pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICKS

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the block, into ``last``."""
        started = self._now()
        yield
        self.last = self._now() - started


def measure(table: str, columns: str, values: str, rows: int) -> float:
    """Print the ratios of one table; the backfill's."""
    at = {"machine_cycles": "cycle_start", "machine_downtime": "down_start"}.get(table, "time")
    with scratch_database("rate") as url:
        upgrade(url, "0001")
        with connect(url) as connection:
            run(connection, "SELECT _timescaledb_functions.stop_background_workers()")
            run(connection, MASTERS)
            run(
                connection,
                FILL.format(
                    table=table, columns=columns, values=values, rows=rows, machines=MACHINES,
                    days=max(rows / 40_000, 28),
                ),
            )  # fmt: skip
            run(connection, "ANALYZE")
        upgrade(url, "0102")
        with connect(url) as connection:
            for name, value in SETTINGS.items():
                run(connection, "SELECT set_config(%s, %s, false)", name, value)
            watch = Watch(connection)
            run(connection, REFERENCE.format(table=table, at=at, third=THIRD.get(table, "")))
            run(connection, "CHECKPOINT")
            with watch.timed():
                run(connection, f"INSERT INTO public.reference SELECT * FROM silver.{table}")
            reference = watch.last
            run(connection, "DROP TABLE public.reference")
            run(connection, "CALL _stage.watch_v1(true)")
            with watch.timed():
                run(connection, "SELECT _stage.plan_backfill()")
                run(connection, "CALL _stage.backfill()")
                run(connection, "CALL _stage.build_indexes()")
            backfill = watch.last
            run(connection, "CREATE TABLE public.ranges AS SELECT * FROM _stage.backfill_progress")
            with watch.timed():
                run(
                    connection,
                    "SELECT _stage.compare(table_name, range_start, range_end) FROM public.ranges"
                    f" WHERE table_name = '{table}'",
                )
            compared = watch.last
            [(there,)] = run(connection, f"SELECT count(*) FROM _stage.{table}")
            assert there == rows, there
    console.print(
        f"{table:<20} {rows:>10,} rows, reference {reference:6.2f} s: backfill"
        f" {backfill / reference:.2f} times, comparison {compared / reference:.2f} times"
    )
    return backfill / reference


def main() -> int:
    """Measure each fact with that many rows."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with scratch_database("where") as url, connect(url) as connection:
        say_where(connection)
        console.print(
            "of processor time" if Watch(connection).of_processor else "of the clock's time"
        )
    over = 0
    for _, table, columns, values in FACTS:
        over += measure(table, columns, values, rows) > LIMITS.get(table, LIMIT)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
