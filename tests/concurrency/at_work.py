"""v2 at work while it goes back: readers of gold, loads, people who write SQL, and sinks.

Each keeps count of what it did, what failed and how long its longest statement took. Loads and
people end when v1 is live; a sink ends when bronze is closed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg2
import psycopg2.extensions
from psycopg2 import errors

GOLD = (
    "hourly_production_stats",
    "hourly_downtime_stats",
    "hourly_energy_stats",
    "machine_cycle_stats_hourly",
    "machine_downtime_hourly",
    "machine_energy_hourly",
    "daily_production_stats",
    "daily_downtime_stats",
    "v_production_dashboard",
    "v_downtime_dashboard",
    "v_live_machine_status",
)
PAUSE_S = 0.02
#: v2's columns and tables are no longer there: v1 is live.
V1_IS_LIVE = (errors.UndefinedColumn, errors.UndefinedTable, errors.UndefinedFunction)
#: What a sink is told.
CLOSED = errors.ObjectNotInPrerequisiteState


@dataclass
class Seen:
    """What one kind of session saw."""

    statements: int = 0
    longest: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    confirmed: list[int] = field(default_factory=list)
    end: str = ""


class AtWork:
    """Sessions at work on a database at the chain's head."""

    def __init__(self, url: str, first: int = 1) -> None:
        self._url = url
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._numbers = iter(range(first, 10**9))
        self._lock = threading.Lock()
        self.seen: dict[str, Seen] = {}

    def start(self, *, readers: int = 2, people: int = 2, sinks: int = 2) -> None:
        """Let them begin."""
        for n in range(readers):
            self._add("reader", n, self._read)
        for n in range(people):
            self._add("person", n, self._write)
        for n in range(sinks):
            self._add("sink", n, self._send)
        self._add("load", 0, self._load)
        self._add("master", 0, self._change_master)

    def stop(self) -> None:
        """Let those end that go on, and wait for all."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)

    def total(self, kind: str) -> Seen:
        """All sessions of a kind as one."""
        total = Seen()
        for name, seen in self.seen.items():
            if name.startswith(kind):
                total.statements += seen.statements
                total.longest = max(total.longest, seen.longest)
                total.errors += seen.errors
                total.confirmed += seen.confirmed
                total.end += seen.end
        return total

    def number(self) -> int:
        """A number that no other row has."""
        with self._lock:
            return next(self._numbers)

    def _add(
        self, kind: str, n: int, work: Callable[[psycopg2.extensions.cursor, Seen], None]
    ) -> None:
        seen = self.seen[f"{kind} {n}"] = Seen()

        def repeat() -> None:
            connection = psycopg2.connect(self._url)
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    while not self._stop.is_set() and not seen.end:
                        started = time.monotonic()
                        try:
                            work(cursor, seen)
                        except psycopg2.Error as error:
                            name = type(error).__name__
                            if kind != "reader" and isinstance(error, V1_IS_LIVE):
                                seen.end = f"{name}. "
                            elif kind == "sink" and isinstance(error, CLOSED):
                                seen.end = f"{error.diag.message_primary}. "
                            else:
                                seen.errors[f"{name}: {error.diag.message_primary}"] += 1
                        seen.statements += 1
                        seen.longest = max(seen.longest, time.monotonic() - started)
                        time.sleep(PAUSE_S)
            finally:
                connection.close()

        thread = threading.Thread(target=repeat, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _read(self, cursor: psycopg2.extensions.cursor, seen: Seen) -> None:
        name = GOLD[seen.statements % len(GOLD)]
        cursor.execute(f"SELECT count(*) FROM gold.{name}")

    def _write(self, cursor: psycopg2.extensions.cursor, seen: Seen) -> None:
        number = self.number()
        cursor.execute(
            "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id,"
            " shift_id, cycle_start, program_no) SELECT '2026-01-01', m.company_iot_id, m.iot_id,"
            " 1,"
            " '2026-01-01'::timestamptz + %s * interval '1 s', %s FROM master.machine_info AS m"
            " ORDER BY m.iot_id LIMIT 1",
            (number, f"by hand {number}"),
        )
        seen.confirmed.append(number)

    def _send(self, cursor: psycopg2.extensions.cursor, seen: Seen) -> None:
        number = self.number()
        cursor.execute(
            "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start,"
            " program_no) SELECT d.device_id, m.iot_id,"
            " '2025-01-01'::timestamptz + %s * interval '1 s', %s"
            " FROM master.machine_info AS m INNER JOIN master.device_info AS d"
            " ON d.device_iot_id = m.device_iot_id ORDER BY m.iot_id LIMIT 1",
            (number, f"sent {number}"),
        )
        seen.confirmed.append(number)

    def _load(self, cursor: psycopg2.extensions.cursor, _: Seen) -> None:
        cursor.execute("CALL _etl.sp_load_machine_cycles(0, '{}')")

    def _change_master(self, cursor: psycopg2.extensions.cursor, seen: Seen) -> None:
        cursor.execute(
            "UPDATE master.plants SET plant_city = %s, updated_by = 'x' WHERE iot_id ="
            " (SELECT min(p.iot_id) FROM master.plants AS p)",
            (f"city {seen.statements}",),
        )


def lost_and_doubled_in_v1(url: str, work: AtWork) -> tuple[int, int, int]:
    """Of the rows that a person or a sink had confirmed: how many, and lost or doubled in v1."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            found = Counter(in_v1(cursor))
    finally:
        connection.close()
    names = [f"by hand {n}" for n in work.total("person").confirmed]
    names += [f"sent {n}" for n in work.total("sink").confirmed]
    lost = sum(not found[name] for name in names)
    return len(names), lost, sum(found[name] > 1 for name in names)


def in_v1(cursor: psycopg2.extensions.cursor) -> Iterator[str]:
    """Programs of cycles that v1 has, in silver or in a payload that waits."""
    cursor.execute(
        "SELECT program_no FROM silver.machine_cycles WHERE program_no LIKE 'by hand %'"
        " OR program_no LIKE 'sent %'"
        " UNION ALL SELECT c ->> 'ProgramNo' FROM bronze.raw_telemetry AS t"
        " CROSS JOIN LATERAL jsonb_array_elements(t.payload -> 'MachineWiseCycleDetails') AS c"
        " WHERE t.processing_status = 'pending' AND c ->> 'ProgramNo' LIKE 'sent %'"
    )
    yield from (row[0] for row in cursor)
