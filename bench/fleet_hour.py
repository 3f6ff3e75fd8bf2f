"""The whole fleet at work on one native server: sinks, jobs of the scheduler, readers of gold.

Eight writers send as Kafka sinks do: 3,000 rows a transaction, all ten tables, 1,000 rows a second
in all. The server's scheduler runs the loads, the refreshes, compression and retention; two
readers go round all of gold. Then the writers send as much as the server takes. Prints the worst
lag of each phase, errors, failed runs, rejects, the memory of the server's processes, and the rate
that is loaded against a bare insert of the same rows. Three minutes at the even rate and two flat
out by default:

``python -m bench.fleet_hour 3600 600`` for the hour, and ten minutes flat out after it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg2

from bench.scratch import (
    Connection,
    connect,
    console,
    run,
    say_where,
    scratch_database,
    upgrade,
)
from bench.sweep_speed import FLEET
from tests.concurrency.at_work import GOLD

MACHINES = 10_000
WRITERS = 8
ROWS_A_TRANSACTION = 3_000
ROWS_A_SECOND = 1_000
LAG_S = 120.0

# Columns and values of each bronze table; n numbers the rows, at is the event's time.
FACTS = {
    "machine_cycles": (
        "cycle_start, cycle_end, program_no, std_cycle_time",
        "at, at + interval '40 s', 'O1', 40",
    ),
    "machine_downtime": ("down_start, down_end, down_threshold", "at, at + interval '1 min', 60"),
    "machine_status": ("event_time, status, program_no", "at, 'Running', 'O1'"),
    "machine_alarms": ("event_time, alarm_no, alarm_desc", "at, '7001', 'a'"),
    "machine_energy": ("event_time, category, total_energy", "at, 'all', 1.25"),
    "machine_focas": ("event_time, part_count, rej_count, pot, ot, ct", "at, 1, 0, 60, 50, 40"),
    "machine_focas_program_production": ("event_time, program_no, actual_count", "at, 'O1', 1"),
    "machine_tool_usage": ("event_time, tool_no, actual_count", "at, 'T1', 3"),
    "machine_pm_status": ("event_time, status, pm_corrected_count", "at, 'Due', 1"),
    "machine_am_status": ("event_time, status, am_corrected_count", "at, 'Due', 1"),
}
SEND = """
INSERT INTO {table} (device_id, machine_iot_id, {columns})
SELECT 'D' || n %% {machines}, 1 + n %% {machines}, {values}
FROM generate_series(%s::bigint, %s::bigint - 1) AS n
CROSS JOIN LATERAL (SELECT clock_timestamp() - (n %% 1000) * interval '1 ms' AS at) AS t
"""


class Fleet:
    """Writers and readers, and what they saw."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stop = threading.Event()
        self.flat_out = threading.Event()
        self.sent = 0
        self.read = 0
        self.errors: Counter[str] = Counter()
        self.slowest_send = 0.0
        self.slowest_read: dict[str, float] = {}
        self._lock = threading.Lock()
        self._numbers = 0
        self.threads = [
            threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(WRITERS)
        ] + [threading.Thread(target=self._read, daemon=True) for _ in range(2)]

    def _take(self) -> int:
        with self._lock:
            self._numbers += ROWS_A_TRANSACTION
            return self._numbers - ROWS_A_TRANSACTION

    def _write(self, number: int) -> None:
        pause = ROWS_A_TRANSACTION * WRITERS / ROWS_A_SECOND
        facts = list(FACTS)
        with connect(self.url) as connection:
            run(connection, "SET synchronous_commit = off")
            self.stop.wait(pause * number / WRITERS)
            turn = number
            while not self.stop.is_set():
                fact = facts[turn % len(facts)]
                turn += 1
                first = self._take()
                started = time.monotonic()
                try:
                    send(connection, f"bronze.raw_{fact}", fact, first, ROWS_A_TRANSACTION)
                    with self._lock:
                        self.sent += ROWS_A_TRANSACTION
                except psycopg2.Error as error:
                    self.errors[f"{type(error).__name__}: {error.diag.message_primary}"] += 1
                took = time.monotonic() - started
                self.slowest_send = max(self.slowest_send, took)
                if not self.flat_out.is_set():
                    self.stop.wait(max(pause - took, 0.0))

    def _read(self) -> None:
        with connect(self.url) as connection:
            while not self.stop.is_set():
                for name in (*GOLD, "v_oee_dashboard"):
                    if self.stop.is_set():
                        break
                    try:
                        started = time.monotonic()
                        run(connection, f"SELECT count(*) FROM gold.{name}")
                        took = time.monotonic() - started
                        self.read += 1
                        self.slowest_read[name] = max(self.slowest_read.get(name, 0.0), took)
                    except psycopg2.Error as error:
                        self.errors[f"{type(error).__name__}: {error.diag.message_primary}"] += 1
                self.stop.wait(1)


def send(connection: Connection, table: str, fact: str, first: int, rows: int) -> None:
    """Rows of a fact into a table."""
    columns, values = FACTS[fact]
    run(
        connection,
        SEND.format(table=table, columns=columns, values=values, machines=MACHINES),
        first,
        first + rows,
    )


def memory_mb(connection: Connection) -> float:
    """Private memory of the server's processes, where it is on this machine."""
    total = 0.0
    for (pid,) in run(connection, "SELECT pid FROM pg_stat_activity WHERE pid IS NOT NULL"):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        total += sum(
            int(line.split()[1]) / 1024
            for line in status.splitlines()
            if line.startswith("RssAnon:")
        )
    return total


def watch(connection: Connection, fleet: Fleet, span: float, name: str) -> float:
    """Let it go on; print how it went. The rows a second that were loaded."""
    loaded = "SELECT coalesce(sum(last_processed_id), 0)::bigint FROM _etl.watermarks"
    [(before,)] = run(connection, loaded)
    sent, started, worst, memory = fleet.sent, time.monotonic(), 0.0, 0.0
    while time.monotonic() - started < span:
        time.sleep(min(5.0, span))
        [(lag,)] = run(
            connection, "SELECT coalesce(max(seconds_behind), 0) FROM _etl.v_pipeline_lag"
        )
        worst = max(worst, float(lag))
        memory = max(memory, memory_mb(connection))
    took = time.monotonic() - started
    [(after,)] = run(connection, loaded)
    console.print(
        f"{name}: {took:.0f} s, {(fleet.sent - sent) / took:,.0f} rows/s sent, "
        f"{(after - before) / took:,.0f} rows/s loaded, worst lag {worst:.0f} s, "
        f"slowest send {fleet.slowest_send:.2f} s, memory {memory:,.0f} MB"
    )
    return float(after - before) / took


def main(even: float = 180.0, flat_out: float = 120.0) -> None:
    """An even rate, then flat out."""
    with scratch_database("fleet") as url:
        upgrade(url, "head")
        with connect(url) as connection:
            say_where(connection)
            run(connection, FLEET, MACHINES)
            run(connection, "ANALYZE")
            bare = 0.0
            for fact in FACTS:
                run(
                    connection,
                    f"CREATE TABLE public.bare (LIKE bronze.raw_{fact} INCLUDING DEFAULTS)",
                )
                run(connection, "ALTER TABLE public.bare ALTER COLUMN id DROP NOT NULL")
                started = time.monotonic()
                send(connection, "public.bare", fact, 0, 60_000)
                bare += time.monotonic() - started
                run(connection, "DROP TABLE public.bare")
            bare_rate = 60_000 * len(FACTS) / bare
            fleet = Fleet(url)
            for thread in fleet.threads:
                thread.start()
            watch(connection, fleet, even, "even rate")
            fleet.flat_out.set()
            rate = watch(connection, fleet, flat_out, "flat out")
            fleet.stop.set()
            for thread in fleet.threads:
                thread.join(60)
            failed = run(
                connection,
                "SELECT pipeline, status, count(*) FROM _etl.job_runs"
                " WHERE status NOT IN ('succeeded', 'running') GROUP BY 1, 2",
            )
            [(runs,)] = run(connection, "SELECT count(*) FROM _etl.job_runs")
            rejects = run(
                connection, "SELECT reason_code, count(*) FROM _etl.rejected_rows GROUP BY 1"
            )
            slowest, took = max(fleet.slowest_read.items(), key=lambda read: read[1])
            console.print(
                f"{fleet.read} reads of gold, slowest {slowest} with {took:.2f} s; "
                f"errors: {dict(fleet.errors) or 'none'}; runs that failed: {failed or 'none'}; "
                f"{runs} runs logged, rejected: {rejects or 'nothing'}"
            )
            console.print(
                f"bare inserts of the same rows, one connection: {bare_rate:,.0f} rows/s; "
                f"loaded flat out: {rate:,.0f} rows/s, {rate / bare_rate:.2f} of it"
            )
            if fleet.errors or failed:
                raise SystemExit("There were errors.")


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:]))
