"""v1's sessions at work while a deploy goes by: what failed, and who waited how long.

Each kind of session repeats one transaction. What fails once v2 is live fails for want of v1, and
ends the session; anything else is the deploy's error. What a session has committed is kept, so that
it can be looked for afterwards.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import psycopg2.extensions

from tests.edge_cases.values import LAST_MIDNIGHT

Cursor = psycopg2.extensions.cursor
#: An event that lies ahead stays behind in the archive; it may lie a day ahead.
START = LAST_MIDNIGHT
#: So many machines are registered while the deploy goes by.
REGISTERED = 30
#: What PostgreSQL says to a session that was chosen to give way.
VICTIM = ("40P01", "55P03", "57014")
SWAPPED = "SELECT to_regclass('_archive.machine_cycles') IS NOT NULL"

#: What readers ask of gold.
GOLD = (
    "SELECT count(*) FROM gold.v_live_machine_status",
    "SELECT count(*) FROM gold.v_production_dashboard",
    "SELECT count(*) FROM gold.v_downtime_dashboard",
    "SELECT count(*) FROM gold.v_oee_dashboard",
    "SELECT * FROM gold.get_home_screen_stats('COMP-01')",
    "SELECT sum(total_cycle_count) FROM (SELECT total_cycles AS total_cycle_count"
    " FROM gold.machine_cycle_stats_hourly WHERE bucket > now() - interval '2 days') AS s",
    "SELECT count(*) FROM gold.get_energy_summary('CNC-00001', 'COMP-01', now() - interval"
    " '1 day', now())",
)
#: What reads an aggregate, which v1 does not have on the Apache edition.
_OF_AGGREGATES = ("v_production", "v_downtime", "v_oee", "machine_cycle_stats_hourly", "get_")
_SILVER = (
    "SELECT max(cycle_start) FROM silver.machine_cycles",
    "SELECT count(*) FROM silver.machine_status AS s INNER JOIN master.machine_info AS m"
    " USING (company_id, machine_id) WHERE s.time > now() - interval '1 day'",
    "SELECT count(*) FROM master.plants AS p INNER JOIN master.companies USING (company_id)",
    "SELECT max(time) FROM silver.machine_energy",
    "SELECT count(*) FROM config.alert_rules",
    "SELECT max(time) FROM alerting.history",
)


@dataclass
class Report:
    """What the sessions saw, by kind of session."""

    statements: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    errors: list[str] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    #: (machine, start) of each cycle whose transaction was committed.
    cycles: set[tuple[str, datetime]] = field(default_factory=set)
    deleted: set[tuple[str, datetime]] = field(default_factory=set)
    changed: dict[tuple[str, datetime], str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For a terminal."""
        return [
            f"{kind:<10} {count:>7,} statements, longest {self.longest[kind] * 1000:,.0f} ms"
            for kind, count in sorted(self.statements.items())
        ] + [f"errors: {len(self.errors)}", *self.errors[:10]]


class V1Sessions:
    """Sessions of v1 on a database, until v2 is live or they are stopped.

    :param machines: ids of v1 machines of company ``COMP-01``, with gateway and source id.
    :param leave_out: queries of ``GOLD`` that readers do not ask.
    :param engine_pause_s: seconds between two calls of the alert engine in a session.
    """

    def __init__(
        self,
        url: str,
        machines: list[tuple[str, str, str]],
        has_aggregates: bool = True,
        seed: int = 1,
        leave_out: Collection[str] = (),
        engine_pause_s: float = 1,
    ) -> None:
        self._url = url
        self._engine_pause_s = engine_pause_s
        self._gold = [
            query
            for query in GOLD
            if query not in leave_out
            and (has_aggregates or not any(name in query for name in _OF_AGGREGATES))
        ]
        self._machines = machines
        self._seed = seed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._number = 0
        self._registered = 0
        self.report = Report()

    def start(self, ingest: int, batch: int, crossing: int, readers: int, others: int) -> None:
        """Start so many sessions of each kind; others are in turn editors, masters and engine."""
        work: list[tuple[str, Callable[[Cursor, random.Random], None]]] = []
        work += [("ingest", self._ingest)] * ingest
        work += [("batch", self._batch)] * batch
        work += [("crossing", self._crossing)] * crossing
        work += [("reader", self._read)] * readers
        kinds = (("editor", self._edit), ("master", self._master), ("engine", self._engine))
        work += [kinds[n % len(kinds)] for n in range(others)]
        for number, (kind, transaction) in enumerate(work):
            thread = threading.Thread(
                target=self._repeat, args=(kind, transaction, number), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> Report:
        """Let every session end its transaction, and give the report."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)
        return self.report

    def _repeat(
        self, kind: str, transaction: Callable[[Cursor, random.Random], None], number: int
    ) -> None:
        connection = self._connect(kind)
        chance = random.Random(f"{self._seed} {number}")
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                with connection.cursor() as cursor:
                    transaction(cursor, chance)
            except psycopg2.Error as error:
                # Not rolled back: where a BEGIN was cancelled, psycopg2 sends no ROLLBACK.
                connection.close()
                connection = self._connect(kind)
                if error.pgcode not in VICTIM and self._swapped(connection):
                    self.report.ended[kind] += 1
                    break
                with self._lock:
                    self.report.errors.append(f"{kind}: {error.pgcode} {error}".strip())
            finally:
                took = time.monotonic() - started
                with self._lock:
                    self.report.statements[kind] += 1
                    self.report.longest[kind] = max(self.report.longest[kind], took)
            self._stop.wait(self._engine_pause_s if kind == "engine" else chance.uniform(0, 0.2))
        connection.close()

    def _connect(self, kind: str) -> psycopg2.extensions.connection:
        return psycopg2.connect(self._url, application_name=f"v1 {kind}")

    @staticmethod
    def _swapped(connection: psycopg2.extensions.connection) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(SWAPPED)
            swapped = bool(cursor.fetchone()[0])  # type: ignore[index]
        connection.rollback()
        return swapped

    def _cycle(self, chance: random.Random) -> tuple[str, str, str, datetime]:
        with self._lock:
            self._number += 1
            number = self._number
        machine = chance.choice(self._machines)
        return (*machine, START + timedelta(seconds=number))

    def _payload(self, chance: random.Random) -> tuple[str, tuple[str, datetime]]:
        machine, device, source, at = self._cycle(chance)
        text = at.isoformat()
        return json.dumps(
            {
                "DeviceID": device,
                "IOTID": source,
                "MachineRunningStatus": [{"UpdatedTS": text, "Status": "Running", "Target": 3}],
                "MachineWiseCycleDetails": [{"CycleStart": text, "ProgramNo": "load"}],
                "MachineWiseEnergyDetails": [
                    {"UpdatedTS": text, "Category": "all", "TotalEnergy": 1.5}
                ],
                "MachineWiseToolDetails": [{"UpdatedTS": text, "ToolNo": "T1", "Actual": 1}],
            }
        ), (machine, at)

    def _committed(self, cursor: Cursor, *cycles: tuple[str, datetime]) -> None:
        cursor.connection.commit()
        with self._lock:
            self.report.cycles.update(cycles)

    def _ingest(self, cursor: Cursor, chance: random.Random) -> None:
        cycles = []
        for _ in range(chance.randint(1, 3)):
            payload, cycle = self._payload(chance)
            cursor.execute("CALL bronze.proc_ingest_payload(%s::jsonb)", (payload,))
            cycles.append(cycle)
        self._committed(cursor, *cycles)

    def _batch(self, cursor: Cursor, chance: random.Random) -> None:
        cycles = []
        for _ in range(5):
            payload, cycle = self._payload(chance)
            cursor.execute(
                "INSERT INTO bronze.raw_telemetry (payload, company_id) VALUES (%s, 'COMP-01')",
                (payload,),
            )
            cycles.append(cycle)
        cursor.connection.commit()
        cursor.execute("CALL bronze.proc_process_bronze_batch(10)")
        self._committed(cursor)

    def _crossing(self, cursor: Cursor, chance: random.Random) -> None:
        """Status and cycles in one order or the other, in one transaction."""
        machine, _, _, at = self._cycle(chance)
        writes = [
            (
                "INSERT INTO silver.machine_status (time, company_id, machine_id, status)"
                " VALUES (%s, 'COMP-01', %s, 'Idle')",
                (at, machine),
            ),
            (
                "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id,"
                " program_no) VALUES (%s, 'COMP-01', %s, 'crossing')",
                (at, machine),
            ),
            ("SELECT count(*) FROM master.machine_info", ()),
        ]
        chance.shuffle(writes)
        for statement, parameters in writes:
            cursor.execute(statement, parameters)
        self._committed(cursor, (machine, at))

    def _edit(self, cursor: Cursor, chance: random.Random) -> None:
        """Change one cycle that is there, delete another."""
        with self._lock:
            some = list(self.report.cycles - self.report.deleted - {*self.report.changed})
        if len(some) < 10:
            return
        changed, deleted = chance.sample(some, 2)
        with self._lock:  # no other editor takes them
            self.report.deleted.add(deleted)
            self.report.changed[changed] = ""
        try:
            cursor.execute(
                "UPDATE silver.machine_cycles SET program_no = 'corrected'"
                " WHERE machine_id = %s AND cycle_start = %s",
                changed,
            )
            cursor.execute(
                "DELETE FROM silver.machine_cycles WHERE machine_id = %s AND cycle_start = %s",
                deleted,
            )
            cursor.connection.commit()
        except psycopg2.Error:
            with self._lock:
                self.report.deleted.discard(deleted)
                del self.report.changed[changed]
            raise
        with self._lock:
            self.report.changed[changed] = "corrected"

    def _master(self, cursor: Cursor, chance: random.Random) -> None:
        """Change a user; now and then register a machine that has sent rows already."""
        cursor.execute(
            "UPDATE master.users SET full_name = %s WHERE company_id = 'COMP-01'",
            (f"name {chance.random()}",),
        )
        if chance.random() < 0.1 and self._registered < REGISTERED:
            self._registered += 1
            machine, _, _, at = self._cycle(chance)
            name = f"M-{at:%H%M%S}"
            cursor.execute(
                "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
                " VALUES (%s, 'COMP-01', %s)",
                (at, name),
            )
            cursor.connection.commit()
            cursor.execute(
                "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id,"
                " iot_id) SELECT %s, company_id, plant_id, %s, '1' FROM master.machine_info"
                " WHERE machine_id = %s",
                (name, f"D-{name}", machine),
            )
            self._committed(cursor, (name, at))
        cursor.connection.commit()

    def _engine(self, cursor: Cursor, _: random.Random) -> None:
        cursor.execute("CALL alerting.proc_run_engine()")
        cursor.connection.commit()

    def _read(self, cursor: Cursor, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 3)):
            cursor.execute(chance.choice(self._gold if chance.random() < 0.6 else _SILVER))
            cursor.fetchall()
        cursor.connection.commit()


@contextmanager
def v1_at_work(
    url: str,
    *,
    ingest: int,
    batch: int,
    crossing: int,
    readers: int,
    others: int,
    leave_out: Collection[str] = (),
    engine_pause_s: float = 1,
) -> Iterator[V1Sessions]:
    """Sessions of v1 on a database with a fleet, stopped at the end."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT machine_id, device_id, iot_id FROM master.machine_info"
            " WHERE company_id = 'COMP-01' ORDER BY machine_id"
        )
        machines: list[Any] = cursor.fetchall()
        # Two sessions that make a first chunk each can deadlock in v1 without any deploy.
        for table, column in (
            ("silver.machine_status", "time"),
            ("silver.machine_cycles", "cycle_start"),
            ("silver.machine_energy", "time"),
        ):
            cursor.execute(
                f"INSERT INTO {table} ({column}, company_id, machine_id)"
                " VALUES (%s, 'COMP-01', 'M-404')",
                (START,),
            )
        cursor.execute(
            "INSERT INTO silver.machine_tool_usage (time, company_id, machine_id, tool_no)"
            " VALUES (%s, 'COMP-01', 'M-404', 'T1')",
            (START,),
        )
        cursor.execute(
            "INSERT INTO alerting.history (company_id, machine_id) VALUES ('COMP-01', %s)",
            (machines[0][0],),
        )
        cursor.execute("INSERT INTO bronze.raw_telemetry (company_id) VALUES ('COMP-01')")
        cursor.execute("INSERT INTO bronze.dead_letter_queue (company_id) VALUES ('COMP-01')")
        cursor.execute("SELECT to_regclass('gold.v_oee_dashboard') IS NOT NULL")
        has_aggregates = cursor.fetchall() == [(True,)]
    connection.commit()
    connection.close()
    sessions = V1Sessions(
        url, machines, has_aggregates, leave_out=leave_out, engine_pause_s=engine_pause_s
    )
    sessions.start(ingest, batch, crossing, readers, others)
    try:
        yield sessions
    finally:
        sessions.stop()


def lost_and_doubled(url: str, report: Report) -> tuple[int, int]:
    """How many committed cycles v2 lacks, and how many it has that are none or are there twice."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.machine_id, c.cycle_start, c.program_no FROM silver.machine_cycles AS c"
            " INNER JOIN master.machine_info AS m ON m.iot_id = c.machine_iot_id"
            " WHERE c.cycle_start >= %s AND c.program_no IS DISTINCT FROM 'batch'",
            (START,),
        )
        found = cursor.fetchall()
    connection.close()
    keys = Counter((machine, at) for machine, at, _ in found)
    programs = {(machine, at): program for machine, at, program in found}
    wanted = report.cycles - report.deleted
    lost = sum(key not in keys for key in wanted)
    lost += sum(programs.get(key) != program for key, program in report.changed.items() if program)
    doubled = sum(count > 1 for count in keys.values())
    doubled += sum(key in keys for key in report.deleted)
    return lost, doubled
