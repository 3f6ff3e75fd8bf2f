"""A made-up v1 fleet with history, for the demo and the tests.

What is made follows from the size, the seed and ``until`` alone, except what v1's own procedures
stamp with the clock: ``raw_telemetry.batch_id``, and the times of rows that they write.
Nothing here commits.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import psycopg2.extensions
from psycopg2.extras import Json, execute_values

from setu.ingest.source_templates import read_columns, read_template
from setu.simulate.facts import make_other_facts, make_other_masters

__all__ = [
    "V1_TABLES",
    "FleetSize",
    "GatewayCycle",
    "count_rows",
    "gateway_cycles",
    "gateway_rows",
    "last_midnight",
    "make_fleet",
    "write_gateway_file",
    "write_gateway_rows",
]

V1_TABLES = (
    "master.companies",
    "master.plants",
    "master.machine_info",
    "master.shifts",
    "master.downtime_codes",
    "master.machine_assets",
    "master.machine_health_settings",
    "master.production_targets",
    "master.users",
    "config.alert_rules",
    "config.alert_subscriptions",
    "alerting.active_alerts",
    "alerting.history",
    "silver.customer_feedback",
    "silver.machine_alarms",
    "silver.machine_cycles",
    "silver.machine_downtime",
    "silver.machine_energy",
    "silver.machine_focas",
    "silver.machine_pm_status",
    "silver.machine_status",
    "silver.machine_tool_usage",
    "bronze.raw_telemetry",
    "bronze.dead_letter_queue",
    "bronze.migration_metadata",
)

_Connection = psycopg2.extensions.connection
_Shift = tuple[str, str, time, float | None]

# Three ways in which plants name their shifts; each has one that wraps past midnight.
_SHIFT_PLANS: tuple[tuple[_Shift, ...], ...] = (
    (
        ("A", "Morning", time(6), 8),
        ("B", "Evening", time(14), None),
        ("C", "Night", time(22), 8),
    ),
    (
        ("1", "First", time(7), 8.5),
        ("2", "Second", time(15, 30), 8),
        ("3", "Third", time(23, 30), 7.5),
    ),
    (
        ("SHIFT-1", "Day", time(8), 12),
        ("SHIFT-2", "Night", time(20), 12),
    ),
)


@dataclass(frozen=True)
class FleetSize:
    """How much to make. Companies, plants and machines count for each of the level above.

    ``events_per_machine_day`` is of each silver table but machine_cycles; the rarer kinds have a
    half to an eighth of it.
    """

    companies: int = 2
    plants: int = 2
    machines: int = 5
    days: int = 28
    cycles_per_machine_day: int = 24
    events_per_machine_day: int = 8
    processed_payloads: int = 40
    failed_payloads: int = 5
    pending_payloads: int = 20
    claimed_payloads: int = 5
    dead_letters: int = 5

    @property
    def machine_count(self) -> int:
        """Machines of the whole fleet."""
        return self.companies * self.plants * self.machines

    @property
    def cycle_count(self) -> int:
        """Cycles of the history, without those that payloads bring."""
        return self.machine_count * self.days * self.cycles_per_machine_day


def last_midnight() -> datetime:
    """The last midnight in UTC: v1's retention policy would take a history over a year old."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def make_fleet(
    connection: _Connection,
    size: FleetSize | None = None,
    *,
    seed: int = 1,
    until: datetime | None = None,
) -> dict[str, int]:
    """Fill an empty v1 database; returns the rows of each v1 table by name.

    ``until`` is the end of the history, with a time zone; by default ``last_midnight()``.
    """
    wanted = size or FleetSize()
    end = until or last_midnight()
    chance = random.Random(seed)
    machines = _make_masters(connection, wanted, end)
    make_other_masters(connection, end - timedelta(days=wanted.days + 30))
    _make_history(connection, wanted, seed, end)
    make_other_facts(
        connection,
        days=wanted.days,
        events_per_machine_day=wanted.events_per_machine_day,
        seed=seed,
        end=end,
    )
    _make_telemetry(connection, wanted, chance, machines, end)
    return count_rows(connection)


def count_rows(connection: _Connection, tables: Iterable[str] = V1_TABLES) -> dict[str, int]:
    """Rows of each table, by name. Names are pasted as they are."""
    counts: dict[str, int] = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            row = cursor.fetchone()
            counts[table] = int(row[0]) if row else 0
    return counts


@dataclass(frozen=True)
class _Machine:
    machine_id: str
    company_id: str
    plant_id: str
    device_id: str
    iot_id: str


def _make_masters(connection: _Connection, size: FleetSize, end: datetime) -> list[_Machine]:
    begin = end - timedelta(days=size.days + 30)
    companies = [f"COMP-{c:02}" for c in range(1, size.companies + 1)]
    plants = [
        (f"{company}-P{p:02}", company) for company in companies for p in range(1, size.plants + 1)
    ]
    machines = [
        _Machine(f"CNC-{number:05}", company, plant, f"GW-{number:05}", str(1000 + number))
        for number, (plant, company) in enumerate(
            (pair for pair in plants for _ in range(size.machines)), start=1
        )
    ]
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO master.companies"
            " (company_id, company_name, effective_from_date, created_at) VALUES %s",
            [(company, f"Company {company[-2:]}", begin, begin) for company in companies],
        )
        execute_values(
            cursor,
            "INSERT INTO master.plants"
            " (plant_id, company_id, plant_name, plant_city, created_at) VALUES %s",
            [(plant, company, f"Plant {plant}", "Pune", begin) for plant, company in plants],
        )
        execute_values(
            cursor,
            "INSERT INTO master.machine_info"
            " (machine_id, company_id, plant_id, device_id, iot_id, created_at) VALUES %s",
            [(*astuple(machine), begin) for machine in machines],
            page_size=1000,
        )
        execute_values(
            cursor,
            "INSERT INTO master.shifts (shift_id, company_id, plant_id, shift_name, start_time,"
            " duration_hrs, created_at) VALUES %s",
            [
                (shift_id, company, plant, name, start, hours, begin)
                for number, (plant, company) in enumerate(plants)
                for shift_id, name, start, hours in _SHIFT_PLANS[number % len(_SHIFT_PLANS)]
            ],
        )
    return machines


def _make_history(connection: _Connection, size: FleetSize, seed: int, end: datetime) -> None:
    """Cycles on a regular beat, each moved by less than its slack, so that none overlap.

    All shifts begin and end on half hours, so v1 is asked for one shift in each of those.
    The chances come from md5, which gives the same on every server.
    """
    if not size.cycle_count:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH shift_of_slot AS MATERIALIZED (
                SELECT
                    p.plant_id,
                    half_hour,
                    master.get_shift_id(
                        p.plant_id,
                        (DATE '2000-01-03' + half_hour * INTERVAL '30 minutes')
                            AT TIME ZONE 'Asia/Kolkata'
                    ) AS shift_id
                FROM (SELECT DISTINCT plant_id FROM master.plants) AS p
                CROSS JOIN generate_series(0, 47) AS half_hour
            ),
            beat AS (
                SELECT
                    m.machine_id,
                    m.company_id,
                    m.plant_id,
                    n,
                    %(end)s::timestamptz - make_interval(
                        secs => (%(cycles)s - n) * %(period)s::double precision
                    ) AS slot,
                    ('x' || substr(d.digest, 1, 6))::bit(24)::integer / 16777216.0 AS jitter,
                    ('x' || substr(d.digest, 7, 6))::bit(24)::integer / 16777216.0 AS run,
                    ('x' || substr(d.digest, 13, 6))::bit(24)::integer %% 4 AS program
                FROM master.machine_info AS m
                CROSS JOIN generate_series(0, %(cycles)s - 1) AS n
                CROSS JOIN LATERAL (
                    SELECT md5(concat_ws('/', %(seed)s, m.company_id, m.machine_id, n)) AS digest
                ) AS d
            ),
            cycle AS (
                SELECT
                    b.machine_id,
                    b.company_id,
                    b.plant_id,
                    b.program,
                    date_trunc('milliseconds', b.slot + make_interval(
                        secs => (b.jitter * 0.1 * %(period)s)::double precision
                    )) AS cycle_start,
                    date_trunc('milliseconds', b.slot + make_interval(
                        secs => ((b.jitter * 0.1 + 0.5 + b.run * 0.3) * %(period)s)
                            ::double precision
                    )) AS cycle_end
                FROM beat AS b
            )
            INSERT INTO silver.machine_cycles (
                cycle_start, cycle_end, company_id, machine_id, program_no, std_load_unload,
                std_cycle_time, actual_load_unload, actual_cycle_time, created_at, shift_id,
                down_threshold
            )
            SELECT
                c.cycle_start,
                c.cycle_end,
                c.company_id,
                c.machine_id,
                'O' || (1000 + c.program),
                60,
                round(0.6 * %(period)s)::integer,
                round(extract(epoch FROM c.cycle_start - lag(c.cycle_end) OVER (
                    PARTITION BY c.company_id, c.machine_id ORDER BY c.cycle_start
                )))::integer,
                round(extract(epoch FROM c.cycle_end - c.cycle_start))::integer,
                c.cycle_end + INTERVAL '2 seconds',
                s.shift_id,
                300
            FROM cycle AS c
            INNER JOIN shift_of_slot AS s
                ON s.plant_id = c.plant_id
                AND s.half_hour = floor(
                    extract(epoch FROM (c.cycle_start AT TIME ZONE 'Asia/Kolkata')::time) / 1800
                )::integer
            """,
            {
                "end": end,
                "cycles": size.days * size.cycles_per_machine_day,
                "period": 86400 / size.cycles_per_machine_day,
                "seed": seed,
            },
        )


def _payload(machine: _Machine, start: datetime, end: datetime, program: str) -> dict[str, object]:
    """A poll of a machine: all eight arrays."""
    at = end.isoformat()
    return {
        "DeviceID": machine.device_id,
        "IOTID": machine.iot_id,
        "MachineRunningStatus": [
            {"UpdatedTS": at, "RunningProgramNo": program, "Status": "Running",
             "OperatorID": "OP-1", "Target": 100}
        ],
        "MachineWiseCycleDetails": [
            {"CycleStart": start.isoformat(), "CycleEnd": at, "ProgramNo": program,
             "StdLoadUnload": 60, "StdCycleTime": 420, "ActualLoadUnload": 45, "DownThreshold": 300}
        ],
        "MachineWiseDownDetails": [
            {"DownStart": at, "DownEnd": (end + timedelta(minutes=1)).isoformat(),
             "DownCode": "NO-OP", "DownID": 1, "DownThreshold": 300}
        ],
        "MachineWiseAlarmDetails": [{"AlarmTS": at, "AlarmNo": "1001", "AlarmDesc": "Door open"}],
        "MachineWiseEnergyDetails": [
            {"UpdatedTS": at, "Category": "Machine", "ServoEnergy": 0.125, "SpindleEnergy": 0.25,
             "TotalEnergy": 0.375}
        ],
        "MachineWiseFocasDetails": [
            {"UpdatedTS": at, "POT": 600, "OT": 420, "CT": 300, "PartCount": 1, "RejCount": 0}
        ],
        "MachineWiseToolDetails": [{"UpdatedTS": at, "ToolNo": "T1", "Target": 500, "Actual": 17}],
        "MachineWisePMDetails": [{"UpdatedTS": at, "PMCorrectedCount": 2}],
    }  # fmt: skip


_TELEMETRY = (
    "INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, processed,"
    " company_id, batch_id, processing_status) VALUES %s"
)


def _make_telemetry(
    connection: _Connection,
    size: FleetSize,
    chance: random.Random,
    machines: Sequence[_Machine],
    end: datetime,
) -> None:
    """Payloads of the hours after the history; v1's own batch makes processed and failed ones."""
    if not machines:
        return
    worked = size.processed_payloads + size.failed_payloads
    total = worked + size.pending_payloads + size.claimed_payloads
    rows: list[tuple[object, ...]] = []
    for number in range(total):
        machine = machines[number % len(machines)]
        start = end + timedelta(
            minutes=10 * (number // len(machines)), milliseconds=chance.randrange(60_000)
        )
        payload = _payload(
            machine, start, start + timedelta(minutes=7), f"O{chance.randrange(1000, 1004)}"
        )
        if number < size.failed_payloads:
            payload["MachineWiseCycleDetails"] = [{"CycleStart": "not a time"}]
        claimed = number >= worked + size.pending_payloads
        rows.append(
            (
                start + timedelta(minutes=8),
                machine.device_id,
                machine.iot_id,
                Json(payload),
                False,
                machine.company_id,
                "00000000-0000-4000-8000-000000000001" if claimed else None,
                "claimed" if claimed else "pending",
            )
        )
    letters = [
        (
            end + timedelta(minutes=n),
            Json({"DeviceID": f"GONE-{n}", "IOTID": "0"}),
            f"Unknown machine: DeviceID=GONE-{n}, IOTID=0",
            None,
        )
        for n in range(size.dead_letters)
    ]
    with connection.cursor() as cursor:
        if worked:
            execute_values(cursor, _TELEMETRY, rows[:worked], page_size=1000)
            cursor.execute("CALL bronze.proc_process_bronze_batch(%s)", (worked,))
        if rows[worked:]:
            execute_values(cursor, _TELEMETRY, rows[worked:], page_size=1000)
        if letters:
            execute_values(
                cursor,
                "INSERT INTO bronze.dead_letter_queue (time, payload, error_reason, company_id)"
                " VALUES %s",
                letters,
                page_size=1000,
            )


@dataclass(frozen=True)
class GatewayCycle:
    """A row of ``raw_machine_cycles`` in a gateway file, in the order of its columns.

    Times are ISO-8601 text as the gateway wrote it, so that broken ones can be made too.
    """

    kafka_partition: int | None
    kafka_offset: int | None
    device_id: str
    machine_iot_id: int
    cycle_start: str | None
    cycle_end: str | None
    program_no: str | None = "O1000"
    std_load_unload: int | None = 60
    std_cycle_time: int | None = 420
    down_threshold: int | None = 300


def gateway_cycles(
    machines: Sequence[tuple[str, int]],
    *,
    cycles: int,
    first_start: datetime,
    partition: int = 0,
    first_offset: int = 0,
    seed: int = 1,
) -> Iterator[GatewayCycle]:
    """``cycles`` cycles for each machine (device id, v2's integer key), in order of their offsets.

    A cycle runs four to eight minutes and starts half a minute to two after the one before it.
    """
    chance = random.Random(seed)
    clocks = dict.fromkeys(machines, first_start)
    offset = first_offset
    for _ in range(cycles):
        for machine in machines:
            start = clocks[machine] + timedelta(milliseconds=chance.randrange(30_000, 120_000))
            end = start + timedelta(milliseconds=chance.randrange(240_000, 480_000))
            clocks[machine] = end
            yield GatewayCycle(
                kafka_partition=partition,
                kafka_offset=offset,
                device_id=machine[0],
                machine_iot_id=machine[1],
                cycle_start=start.isoformat(timespec="milliseconds"),
                cycle_end=end.isoformat(timespec="milliseconds"),
                program_no=f"O{chance.randrange(1000, 1004)}",
            )
            offset += 1


# Business values of the facts that a gateway sends, by column. Times come from the row itself.
_SAMPLES: dict[str, tuple[str | int | float, ...]] = {
    "program_no": ("O1000", "O1001", "O1002"),
    "down_code": ("NO-OP", "TOOL", "POWER", "SETUP"),
    "down_id": (1, 2, 3, 4),
    "status": ("Running", "Idle", "Stopped"),
    "operator_id": ("OP-1", "OP-2"),
    "alarm_no": ("1001", "1002", "1003"),
    "alarm_desc": ("Door open", "Spindle too hot"),
    "category": ("Machine", "Coolant"),
    "tool_no": ("T1", "T2", "T3", "T4"),
}


def gateway_rows(
    table: str,
    machines: Sequence[tuple[str, int]],
    *,
    rows: int,
    first_time: datetime,
    partition: int = 0,
    first_offset: int = 0,
    seed: int = 1,
) -> Iterator[tuple[object, ...]]:
    """``rows`` rows of a bronze table for each machine, in the order of its template's columns.

    One row a minute; a column ``*_end`` is half a minute after the row's time. ``table`` is the
    full name without its schema, ``raw_machine_energy``. For cycles that run like real ones, see
    :func:`gateway_cycles`.
    """
    chance = random.Random(f"{seed}/{table}")
    columns = read_template(table).columns[4:]
    offset = first_offset
    for number in range(rows):
        at = first_time + timedelta(minutes=number)
        for device, machine in machines:
            values: list[object] = []
            for column in columns:
                if column.declared_type == "DATETIME":
                    later = timedelta(seconds=30 if column.name.endswith("_end") else 0)
                    values.append((at + later).isoformat(timespec="milliseconds"))
                elif column.name in _SAMPLES:
                    values.append(chance.choice(_SAMPLES[column.name]))
                elif column.declared_type == "REAL":
                    values.append(chance.randrange(8000) / 8)
                else:
                    values.append(chance.randrange(1000))
            yield (partition, offset, device, machine, *values)
            offset += 1


def write_gateway_file(path: Path, rows: Iterable[GatewayCycle]) -> int:
    """Make a gateway's file of cycles, or add to one; returns the number of rows written."""
    return write_gateway_rows(path, "raw_machine_cycles", map(astuple, rows))


def write_gateway_rows(path: Path, table: str, rows: Iterable[Sequence[object]]) -> int:
    """Add rows of any bronze table to a gateway's SQLite file; makes the file, and the table in it.

    A row has the columns of the table's template, without the file's own row number. Returns the
    number of rows written.
    """
    template = read_template(table)
    names = ", ".join(template.names)
    marks = ", ".join("?" for _ in template.names)
    with closing(sqlite3.connect(path)) as file, file:
        if not read_columns(file, table):
            file.execute(template.ddl)
        before = file.total_changes
        file.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        return file.total_changes - before
