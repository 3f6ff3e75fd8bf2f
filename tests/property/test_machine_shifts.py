"""What machines did in their shifts against a model, whatever came late, however rolled up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2.errors
import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fresh_v2 import add_company, add_machine, add_plant, apply_v2
from tests.property.profile import cases
from tests.servers.at_hand import Server
from tests.v1 import connect, query, run, value

DAYS = 6
SHIFTS = (("06:00", "14:00", 0), ("15:00", "22:00", 0), ("22:00", "06:00", 1))
COLUMNS = (
    "machine_iot_id, logical_date, shift_id, planned_sec, downtime_sec, stops, cycles,"
    " cycles_without_std, std_sec, run_time_sec, parts, rejects, unpaired_readings"
)
# Of each table: the column that says when, and the world's rows of it.
TABLES = {
    "machine_cycles": ("cycle_start", "cycles"),
    "machine_downtime": ("down_start", "stops"),
    "machine_focas": ("event_time", "readings"),
}
Key = tuple[int, date, int]


@dataclass
class World:
    """What silver holds, as the model knows it."""

    cycles: dict[tuple[int, datetime], tuple[datetime | None, int | None]] = field(
        default_factory=dict
    )
    stops: dict[tuple[int, datetime], datetime | None] = field(default_factory=dict)
    readings: dict[tuple[int, datetime], tuple[int | None, int | None]] = field(
        default_factory=dict
    )


#: Machine days in which gold.v_machine_days is not what its shifts add up to, or divides otherwise.
DAYS_APART = """
WITH sums AS (
    SELECT s.company_iot_id, s.plant_iot_id, s.machine_iot_id, s.logical_date,
        sum(s.planned_sec) AS planned_sec, sum(s.downtime_sec) AS downtime_sec,
        sum(s.stops) AS stops, sum(s.cycles) AS cycles,
        sum(s.cycles_without_std) AS cycles_without_std, sum(s.std_sec) AS std_sec,
        sum(s.run_time_sec) AS run_time_sec,
        coalesce(sum(s.cycles) FILTER (WHERE s.shift_id <> 0), 0) AS scheduled_cycles,
        coalesce(sum(s.cycles_without_std) FILTER (WHERE s.shift_id <> 0), 0)
            AS scheduled_cycles_without_std,
        coalesce(sum(s.std_sec) FILTER (WHERE s.shift_id <> 0), 0) AS scheduled_std_sec,
        sum(s.parts) AS parts, sum(s.rejects) AS rejects,
        sum(s.unpaired_readings) AS unpaired_readings
    FROM gold.v_machine_shifts AS s
    GROUP BY s.company_iot_id, s.plant_iot_id, s.machine_iot_id, s.logical_date
),
divided AS (
    SELECT s.*,
        CASE WHEN planned_sec > 0 THEN (planned_sec - downtime_sec) / planned_sec END AS available,
        CASE WHEN scheduled_cycles > 0 AND scheduled_cycles_without_std = 0
            AND planned_sec <> downtime_sec
            THEN scheduled_std_sec / (planned_sec - downtime_sec) END AS performance,
        CASE WHEN unpaired_readings = 0 AND parts <> 0 THEN (parts - rejects) / parts END AS good
    FROM sums AS s
),
added_up AS (SELECT d.*, d.available * d.performance * d.good AS oee FROM divided AS d)
(SELECT * FROM added_up EXCEPT ALL SELECT * FROM gold.v_machine_days)
UNION ALL
(SELECT * FROM gold.v_machine_days EXCEPT ALL SELECT * FROM added_up)
"""


#: The same of the two tables, whatever the views make of them.
SHIFTS_APART = DAYS_APART.replace("gold.v_machine_shifts", "gold.machine_shifts").replace(
    "SELECT * FROM gold.v_machine_days",
    "SELECT company_iot_id, plant_iot_id, machine_iot_id, logical_date, planned_sec, downtime_sec,"
    " stops, cycles, cycles_without_std, std_sec, run_time_sec, scheduled_cycles,"
    " scheduled_cycles_without_std, scheduled_std_sec, parts, rejects, unpaired_readings,"
    " availability, performance, quality, oee FROM gold.machine_days",
)

#: What the triggers have counted for the dates that reports read from there.
COUNTED = (
    "SELECT r.machine_iot_id, r.logical_date, r.shift_id, r.stops, r.cycles, r.cycles_without_std,"
    " r.std_sec, r.run_time_sec, r.readings, r.parts, r.readings_with_parts, r.rejects,"
    " r.readings_with_rejects, r.unpaired_readings FROM gold.running_shifts AS r"
    " WHERE r.logical_date >= (now() AT TIME ZONE 'UTC')::date - 3 ORDER BY 1, 2, 3"
)


class Fleet:
    """Two machines in a plant, one in none, and the moves that a test makes with them."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        company = add_company(connection, "C")
        self.company = company
        self.plant = add_plant(connection, company, "P", "Asia/Kolkata", SHIFTS)
        run(
            connection,
            "INSERT INTO master.shift_breaks (plant_iot_id, shift_id, start_time, end_time)"
            " VALUES (%s, 1, '10:00', '10:30')",
            self.plant,
        )
        self.machines = [
            add_machine(connection, company, "M1", self.plant),
            add_machine(connection, company, "M2", self.plant),
            add_machine(connection, company, "M3"),
        ]

    def clear(self) -> None:
        run(
            self.connection,
            "DELETE FROM silver.machine_cycles; DELETE FROM silver.machine_downtime;"
            " DELETE FROM silver.machine_focas; DELETE FROM gold.machine_shifts;"
            " DELETE FROM gold.rolled_up_dates; DELETE FROM gold.stale_machine_days;"
            " DELETE FROM gold.rolled_up_chunks; SELECT gold.fn_count_running_shifts()",
        )
        assert value(self.connection, "SELECT count(*) FROM gold.long_stops") == 0

    def put(self, table: str, instant: str, machine: int, at: datetime, **values: Any) -> None:
        """Insert a row, or complete and correct the one that is there, as the loads do."""
        names = list(values)
        run(
            self.connection,
            f"INSERT INTO silver.{table} (logical_date, company_iot_id, machine_iot_id, shift_id,"
            f" {instant}, {', '.join(names)}) SELECT s.logical_date, %s, %s, s.shift_id, %s"
            f"{', %s' * len(names)} FROM master.fn_get_shift((SELECT pm.plant_iot_id"
            " FROM master.plant_machine_mapping AS pm WHERE pm.machine_iot_id = %s), %s) AS s"
            f" ON CONFLICT (machine_iot_id, {instant}) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in names),
            *(self.company, machine, at, *values.values(), machine, at),
        )

    def put_many(
        self, table: str, keys: list[tuple[int, datetime]], lasts: str, other: tuple[str, Any]
    ) -> None:
        instant = TABLES[table][0]
        run(
            self.connection,
            f"INSERT INTO silver.{table} (logical_date, company_iot_id, machine_iot_id, shift_id,"
            f" {instant}, {instant.replace('start', 'end')}, {other[0]})"
            " SELECT s.logical_date, %s, k.who, s.shift_id, k.at, k.at + %s::interval, %s"
            " FROM unnest(%s::integer[], %s::timestamptz[]) AS k (who, at)"
            " LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = k.who"
            " CROSS JOIN LATERAL master.fn_get_shift(pm.plant_iot_id, k.at) AS s",
            *(self.company, lasts, other[1], [who for who, _ in keys], [at for _, at in keys]),
        )

    def move(self, table: str, instant: str, machine: int, at: datetime) -> bool:
        shift, day = self.shift_of(machine, at + timedelta(seconds=1))
        try:
            run(
                self.connection,
                f"UPDATE silver.{table} SET {instant} = {instant} + INTERVAL '1 second',"
                f" shift_id = %s, logical_date = %s WHERE machine_iot_id = %s AND {instant} = %s",
                *(shift, day, machine, at),
            )
        except psycopg2.errors.CheckViolation:
            return False
        return True

    def remove(self, table: str, instant: str, machine: int, at: datetime) -> None:
        run(
            self.connection,
            f"DELETE FROM silver.{table} WHERE machine_iot_id = %s AND {instant} = %s",
            machine,
            at,
        )

    def shift_of(self, machine: int, at: datetime) -> tuple[int, date]:
        [answer] = query(
            self.connection,
            "SELECT s.shift_id, s.logical_date FROM master.fn_get_shift((SELECT pm.plant_iot_id"
            " FROM master.plant_machine_mapping AS pm WHERE pm.machine_iot_id = %s), %s) AS s",
            machine,
            at,
        )
        return answer[0], answer[1]

    def check(self, world: World) -> None:
        """The view says what the model says, to the microsecond, and the days are its sums."""
        rows = query(
            self.connection, f"SELECT now(), {COLUMNS} FROM gold.v_machine_shifts ORDER BY 2, 3, 4"
        )
        now = rows[0][0].astimezone(UTC) if rows else datetime.now(UTC)
        found = {row[1:4]: row[4:] for row in rows}
        assert len(found) == len(rows)
        wanted = expected(self, world, now)
        assert found == wanted
        assert query(self.connection, DAYS_APART) == []

    def check_counts(self) -> None:
        """The triggers have counted what silver has, and the roll-up has merged it."""
        run(self.connection, "CALL gold.sp_roll_up(0, NULL)")
        kept = query(self.connection, COUNTED)
        assert len({row[:3] for row in kept}) == len(kept)
        run(self.connection, "SELECT gold.fn_count_running_shifts()")
        assert query(self.connection, COUNTED) == kept


def union(pieces: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def overlap(
    one: list[tuple[datetime, datetime]], other: list[tuple[datetime, datetime]]
) -> timedelta:
    return sum(
        (max(min(a[1], b[1]) - max(a[0], b[0]), timedelta(0)) for a in one for b in other),
        timedelta(0),
    )


def lasted(world: World, machine: int, now: datetime) -> list[tuple[datetime, datetime]]:
    """When a machine stood: an open stop lasts until the machine shows otherwise, or until now."""
    signs = sorted(
        [at for who, at in world.cycles if who == machine]
        + [at for who, at in world.stops if who == machine]
    )
    pieces = []
    for (who, start), end in world.stops.items():
        if who != machine:
            continue
        if end is None:
            end = min([at for at in signs if at > start] + [now])
        if start < end:
            pieces.append((start, end))
    return union(pieces)


def expected(fleet: Fleet, world: World, now: datetime) -> dict[Key, tuple[Any, ...]]:
    planned: dict[Key, list[tuple[datetime, datetime]]] = {}
    entries = query(
        fleet.connection,
        "SELECT e.logical_date, e.shift_id, e.starts_at, e.ends_at, e.planned_breaks <> '{}'"
        " FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS day) AS t"
        " CROSS JOIN LATERAL master.fn_shift_entries(%s, t.day - 30, t.day + 1) AS e",
        fleet.plant,
    )
    for machine in fleet.machines[:2]:
        for day, shift, starts, ends, has_break in entries:
            pieces = []
            if starts < now:
                pieces = [(starts, min(ends, now))]
                if has_break:
                    # The break, by the clock of Kolkata, which is never set.
                    at = starts + timedelta(hours=4)
                    pieces = [
                        (a, min(b, now))
                        for a, b in ((starts, at), (at + timedelta(minutes=30), ends))
                        if a < now
                    ]
            planned[machine, day, shift] = pieces
    sums: dict[Key, list[Any]] = {}

    def row(machine: int, at: datetime) -> list[Any]:
        shift, day = fleet.shift_of(machine, at)
        return sums.setdefault((machine, day, shift), [0, 0, 0, 0, timedelta(0), None, None, 0])

    for (machine, at), _ in world.stops.items():
        row(machine, at)[0] += 1
    for (machine, at), (end, std) in world.cycles.items():
        one = row(machine, at)
        one[1] += 1
        one[2] += std is None
        one[3] += std or 0
        if end is not None:
            one[4] += end - at
    for (machine, at), (parts, rejects) in world.readings.items():
        one = row(machine, at)
        for place, number in ((5, parts), (6, rejects)):
            if number is not None:
                one[place] = (one[place] or 0) + number
        one[7] += (parts is None) != (rejects is None)
    stood = {machine: lasted(world, machine, now) for machine in fleet.machines}
    downtime = {key: overlap(pieces, stood[key[0]]) for key, pieces in planned.items()}
    reported = {key[:2] for key in sums} | {key[:2] for key, time in downtime.items() if time}
    wanted: dict[Key, tuple[Any, ...]] = {}
    for key in {*sums, *planned}:
        if key[:2] not in reported:
            continue
        plan = planned.get(key)
        stops, cycles, without, std, ran, parts, rejects, unpaired = sums.get(
            key, [0, 0, 0, 0, timedelta(0), None, None, 0]
        )
        wanted[key] = (
            None if plan is None else seconds(sum((b - a for a, b in plan), timedelta(0))),
            seconds(downtime.get(key, timedelta(0))),
            *(stops, cycles, without, std, seconds(ran), parts, rejects, unpaired),
        )
    return wanted


def seconds(length: timedelta) -> Any:
    return Decimal(length // timedelta(microseconds=1)) / 1_000_000


@pytest.fixture(scope="module")
def fleet(server: Server) -> Iterator[Fleet]:
    url = server.create_database()
    connection = connect(url)
    apply_v2(connection, "community" if "community" in server.capabilities else "apache")
    if "community" in server.capabilities:
        run(
            connection,
            "SELECT alter_job(job_id, scheduled => false)"
            " FROM timescaledb_information.jobs WHERE job_id >= 1000",
        )
    connection.commit()
    connection.autocommit = True
    run(connection, "SET timezone = 'UTC'")
    yield Fleet(connection)
    connection.close()
    server.drop_database(url)


_MACHINES = st.integers(0, 2)
_AGO = st.integers(0, DAYS * 24 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))
_LENGTHS = st.none() | st.sampled_from([0, 1, 5, 30, 100, 200]).map(lambda h: timedelta(hours=h))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("cycle"), _MACHINES, _AGO, st.none() | st.integers(1, 99)),
        st.tuples(st.just("stop"), _MACHINES, _AGO, _LENGTHS),
        st.tuples(
            st.just("reading"),
            _MACHINES,
            _AGO,
            st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(0, 3)),
        ),
        st.tuples(st.just("many"), _MACHINES, _AGO, st.sampled_from(["cycles", "stops"])),
        st.tuples(st.just("remove"), _MACHINES, st.just(timedelta(0)), st.integers(0, 50)),
        st.tuples(st.just("move"), _MACHINES, st.just(timedelta(0)), st.integers(0, 50)),
        st.tuples(st.just("forget"), _MACHINES, _AGO, st.sampled_from(sorted(TABLES))),
        st.tuples(
            st.just("empty"), _MACHINES, st.just(timedelta(0)), st.sampled_from(sorted(TABLES))
        ),
        st.tuples(st.just("roll up"), _MACHINES, st.just(timedelta(0)), st.none()),
    ),
    min_size=3,
    max_size=10,
)


def make(fleet: Fleet, world: World, base: datetime, step: tuple[Any, ...]) -> None:
    """Make one step in the database and in the model."""
    kind, number, ago, what = step
    machine, at = fleet.machines[number], base - ago
    if kind == "cycle":
        end = None if what is None else at + timedelta(seconds=2 * what)
        world.cycles[machine, at] = (end, what)
        fleet.put("machine_cycles", "cycle_start", machine, at, cycle_end=end, std_cycle_time=what)
    elif kind == "stop":
        end = None if what is None else at + what
        world.stops[machine, at] = end
        fleet.put("machine_downtime", "down_start", machine, at, down_end=end)
    elif kind == "reading":
        world.readings[machine, at] = what
        fleet.put("machine_focas", "event_time", machine, at, part_count=what[0], rej_count=what[1])
    elif kind == "many":
        # In one statement, for two machines, every seven hours from then on.
        instants = [
            at + timedelta(hours=7 * n) for n in range(9) if at + timedelta(hours=7 * n) < base
        ]
        keys = [(who, moment) for who in fleet.machines[:2] for moment in instants]
        if what == "cycles":
            keys = [key for key in keys if key not in world.cycles]
            world.cycles.update({key: (key[1] + timedelta(seconds=30), 20) for key in keys})
            fleet.put_many("machine_cycles", keys, "30 seconds", ("std_cycle_time", 20))
        else:
            keys = [key for key in keys if key not in world.stops]
            world.stops.update({key: key[1] + timedelta(hours=2) for key in keys})
            fleet.put_many("machine_downtime", keys, "2 hours", ("down_id", None))
    elif kind == "remove":
        for table, (instant, name) in TABLES.items():
            rows = getattr(world, name)
            keys = sorted(rows)
            if keys:
                key = keys[what % len(keys)]
                del rows[key]
                fleet.remove(table, instant, *key)
    elif kind == "move":
        # A second later, where that is still its chunk.
        for table, (instant, name) in TABLES.items():
            rows = getattr(world, name)
            keys = sorted(rows)
            if keys:
                who, moment = keys[what % len(keys)]
                later = (who, moment + timedelta(seconds=1))
                if later not in rows and fleet.move(table, instant, who, moment):
                    rows[later] = rows.pop((who, moment))
    elif kind == "forget":
        # In one statement, all of a machine from then on.
        instant, name = TABLES[what]
        rows = getattr(world, name)
        for key in [key for key in rows if key[0] == machine and key[1] >= at]:
            del rows[key]
        run(
            fleet.connection,
            f"DELETE FROM silver.{what} WHERE machine_iot_id = %s AND {instant} >= %s",
            machine,
            at,
        )
    elif kind == "rename":
        run(fleet.connection, f"UPDATE silver.{what} SET shift_name = 'new name'")
    elif kind == "empty":
        getattr(world, TABLES[what][1]).clear()
        run(fleet.connection, f"TRUNCATE silver.{what}")
    else:
        run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")


@cases(30)
@given(steps=_STEPS)
def test_the_view_is_exact_whatever_came_late_and_whenever_it_is_rolled_up(
    fleet: Fleet, steps: list[tuple[Any, ...]]
) -> None:
    fleet.clear()
    world = World()
    base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
    for step in steps:
        make(fleet, world, base, step)
        if step[0] in ("roll up", "remove"):
            fleet.check(world)
    fleet.check(world)
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    fleet.check(world)
    fleet.check_counts()


@pytest.mark.parametrize(
    ("trigger", "step"),
    [
        ("machine_cycles_count_inserted", ("many", 0, timedelta(hours=5), "cycles")),
        ("machine_cycles_count_updated", ("cycle", 0, timedelta(hours=2), 90)),
        ("machine_cycles_deleted", ("forget", 0, timedelta(days=1), "machine_cycles")),
        ("machine_cycles_count_truncated", ("empty", 0, timedelta(0), "machine_cycles")),
        ("machine_downtime_count_inserted", ("many", 0, timedelta(hours=5), "stops")),
        ("machine_downtime_count_updated", ("rename", 0, timedelta(0), "machine_downtime")),
        ("machine_downtime_deleted", ("forget", 0, timedelta(days=1), "machine_downtime")),
        ("machine_downtime_count_truncated", ("empty", 0, timedelta(0), "machine_downtime")),
        ("machine_focas_count_inserted", ("reading", 0, timedelta(hours=1), (3, None))),
        ("machine_focas_count_updated", ("reading", 0, timedelta(hours=2), (7, None))),
        ("machine_focas_deleted", ("forget", 0, timedelta(days=1), "machine_focas")),
        ("machine_focas_count_truncated", ("empty", 0, timedelta(0), "machine_focas")),
    ],
)
def test_a_row_of_a_running_date_that_nothing_counts_is_seen_by_the_check(
    fleet: Fleet, trigger: str, step: tuple[Any, ...]
) -> None:
    table = f"silver.{'_'.join(trigger.split('_')[:2])}"
    for enabled in (True, False):
        fleet.clear()
        world = World()
        base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
        make(fleet, world, base, ("cycle", 0, timedelta(hours=2), 60))
        make(fleet, world, base, ("stop", 0, timedelta(hours=2), timedelta(minutes=9)))
        make(fleet, world, base, ("reading", 0, timedelta(hours=2), (5, 1)))
        fleet.check(world)
        definition = value(
            fleet.connection,
            "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t"
            f" WHERE t.tgrelid = '{table}'::regclass AND t.tgname = '{trigger}'",
        )
        if not enabled:
            run(fleet.connection, f"DROP TRIGGER {trigger} ON {table}")
        try:
            make(fleet, world, base, step)
            if enabled:
                fleet.check(world)
                assert names(fleet) == names(fleet, "gold.fn_count_running_shifts()")
            elif step[0] == "rename":
                assert names(fleet) != names(fleet, "gold.fn_count_running_shifts()")
            else:
                with pytest.raises(AssertionError):
                    fleet.check(world)
        finally:
            if not enabled:
                run(fleet.connection, definition)
    # Counted anew, it is right again.
    run(fleet.connection, "SELECT gold.fn_count_running_shifts()")
    fleet.check(world)


def names(fleet: Fleet, after: str = "1") -> list[tuple[Any, ...]]:
    """What the shifts with cycles, stops or readings are called, after a call."""
    run(fleet.connection, f"SELECT {after}")
    return query(
        fleet.connection,
        "SELECT s.machine_iot_id, s.logical_date, s.shift_id, s.shift_name"
        " FROM gold.v_machine_shifts AS s WHERE s.shift_name LIKE 'new%' ORDER BY 1, 2, 3",
    )


def test_counts_go_once_no_report_reads_them(fleet: Fleet) -> None:
    fleet.clear()
    for days in (3, 5):
        run(
            fleet.connection,
            "INSERT INTO gold.running_shifts (machine_iot_id, logical_date, shift_id, cycles)"
            f" SELECT %s, (now() AT TIME ZONE 'UTC')::date - {days}, 0, 1",
            fleet.machines[0],
        )
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert value(fleet.connection, "SELECT sum(r.cycles) FROM gold.running_shifts AS r") == 1


@pytest.mark.parametrize("view", ["v_machine_shifts", "v_machine_days", "v_oee_dashboard"])
def test_a_report_reads_no_cycles_and_readings_of_running_dates(fleet: Fleet, view: str) -> None:
    fleet.clear()
    world = World()
    base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
    make(fleet, world, base, ("cycle", 0, timedelta(hours=1), 60))
    make(fleet, world, base, ("reading", 0, timedelta(hours=1), (5, 1)))
    tables = [
        name
        for row in query(
            fleet.connection,
            "SELECT c.hypertable_name, c.chunk_name FROM timescaledb_information.chunks AS c"
            " WHERE c.hypertable_name IN ('machine_cycles', 'machine_focas')",
        )
        for name in row
    ]
    assert len(tables) >= 4
    plan = "\n".join(
        row[0] for row in query(fleet.connection, f"EXPLAIN SELECT * FROM gold.{view}")
    )
    assert [name for name in tables if name in plan] == []
    assert "running_shifts" in plan


LATER = ("cycle", 0, timedelta(days=4, minutes=30), 60)
CORRECTED = ("cycle", 0, timedelta(days=4), 90)
REMOVED = ("forget", 0, timedelta(days=5), "machine_cycles")
NO_STOP = ("forget", 0, timedelta(days=5), "machine_downtime")
NO_READING = ("forget", 0, timedelta(days=5), "machine_focas")
MANY = ("many", 0, timedelta(days=5), "stops")
EMPTIED = ("empty", 0, timedelta(0), "machine_cycles")


@pytest.mark.parametrize(
    ("trigger", "step"),
    [
        ("machine_cycles_inserted", LATER),
        ("machine_cycles_updated", CORRECTED),
        ("machine_cycles_deleted", REMOVED),
        ("machine_cycles_truncated", EMPTIED),
        ("machine_downtime_inserted", MANY),
        ("machine_downtime_deleted", NO_STOP),
        ("machine_focas_deleted", NO_READING),
    ],
)
def test_a_late_row_that_nothing_notes_is_seen_by_the_check(
    fleet: Fleet, trigger: str, step: tuple[Any, ...]
) -> None:
    fleet.clear()
    world = World()
    base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
    make(fleet, world, base, ("cycle", 0, timedelta(days=4), 60))
    make(fleet, world, base, ("stop", 0, timedelta(days=4, hours=5), timedelta(hours=1)))
    make(fleet, world, base, ("reading", 0, timedelta(days=4), (5, 1)))
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    fleet.check(world)
    table = f"silver.{trigger.rsplit('_', 1)[0]}"
    definition = value(
        fleet.connection,
        "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t"
        f" WHERE t.tgrelid = '{table}'::regclass AND t.tgname = '{trigger}'",
    )
    run(fleet.connection, f"DROP TRIGGER {trigger} ON {table}")
    try:
        make(fleet, world, base, step)
        with pytest.raises(AssertionError):
            fleet.check(world)
    finally:
        run(fleet.connection, definition)
    # With the trigger, the same is seen.
    fleet.clear()


OLDEST = "logical_date = (SELECT min(r.logical_date) FROM gold.machine_shifts AS r)"
MOVED = f"UPDATE gold.machine_shifts SET logical_date = logical_date - 9 WHERE {OLDEST}"


@pytest.mark.parametrize(
    ("trigger", "change"),
    [
        ("machine_shifts_updated_from", MOVED),
        ("machine_shifts_updated_to", MOVED),
        ("machine_shifts_deleted", f"DELETE FROM gold.machine_shifts WHERE {OLDEST}"),
        ("machine_shifts_truncated", "TRUNCATE gold.machine_shifts"),
    ],
)
def test_the_days_follow_the_shifts_however_those_change(
    fleet: Fleet, trigger: str, change: str
) -> None:
    for enabled in (True, False):
        fleet.clear()
        world = World()
        base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
        make(fleet, world, base, ("cycle", 0, timedelta(days=4), 60))
        make(fleet, world, base, ("stop", 1, timedelta(days=6), timedelta(hours=30)))
        run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
        assert query(fleet.connection, SHIFTS_APART) == []
        if not enabled:
            run(fleet.connection, f"ALTER TABLE gold.machine_shifts DISABLE TRIGGER {trigger}")
        try:
            run(fleet.connection, change)
            apart = query(fleet.connection, SHIFTS_APART)
        finally:
            run(fleet.connection, f"ALTER TABLE gold.machine_shifts ENABLE TRIGGER {trigger}")
        assert (apart == []) is enabled
        run(fleet.connection, "TRUNCATE gold.machine_shifts")


def test_a_stop_without_an_end_lasts_again_once_the_cycle_that_ended_it_is_gone(
    fleet: Fleet,
) -> None:
    fleet.clear()
    world = World()
    base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
    make(fleet, world, base, ("stop", 0, timedelta(days=6), None))
    make(fleet, world, base, ("cycle", 0, timedelta(days=5), 60))
    for _ in range(2):
        run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    fleet.check(world)
    make(fleet, world, base, ("forget", 0, timedelta(days=7), "machine_cycles"))
    fleet.check(world)
    # A cycle ends it anew, and one that comes late, but is young, sooner.
    for hours in (2, 3):
        make(fleet, world, base, ("cycle", 0, timedelta(hours=hours), 60))
        run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
        fleet.check(world)


def test_no_long_stop_is_left_of_stops_that_were_emptied_or_dropped(fleet: Fleet) -> None:
    fleet.clear()
    world = World()
    base = value(fleet.connection, "SELECT date_trunc('hour', now())").astimezone(UTC)
    make(fleet, world, base, ("stop", 0, timedelta(days=5), None))
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    make(fleet, world, base, ("empty", 0, timedelta(0), "machine_downtime"))
    assert value(fleet.connection, "SELECT count(*) FROM gold.long_stops") == 0
    fleet.check(world)
    # Chunks go without a trigger: the action looks.
    old = base - timedelta(days=20)
    fleet.put("machine_downtime", "down_start", fleet.machines[0], old, down_end=None)
    make(fleet, world, base, ("stop", 1, timedelta(days=40), timedelta(hours=1)))
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert value(fleet.connection, "SELECT count(*) FROM gold.long_stops") == 1
    run(
        fleet.connection,
        "SELECT drop_chunks('silver.machine_downtime', newer_than => now() - INTERVAL '30 days')",
    )
    run(fleet.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert value(fleet.connection, "SELECT count(*) FROM gold.long_stops") == 0
