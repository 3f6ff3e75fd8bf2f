"""v2 after any changes of v1, against what a migration from the start would make of v1's rows.

Statements note rows one by one, or where they changed many: the limits are lowered here to 3 rows
and to 8, so that few rows take each way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setu.simulate.fleet_size import FleetSize
from tests.chain import chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.property.profile import cases
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

FLEET = FleetSize(companies=1, plants=1, machines=3, days=1, cycles_per_machine_day=1)
MACHINES = ("CNC-00001", "CNC-00002", "CNC-00003", "nobody's")
#: Three of v1's chunks.
DAYS = [LAST_MIDNIGHT - timedelta(days=days) for days in (3, 12, 20)]
FUNCTIONS = [
    f"fn_note_{event}_{time}"
    for event in ("update", "delete")
    for time in ("time", "cycle_start", "down_start")
]


@dataclass(frozen=True)
class Watched:
    """A table of v1, its time, a column and the expression that changes it, and what keys add."""

    name: str
    time: str
    column: str
    changed: str
    rest: str = ""

    @property
    def table(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def has_created_at(self) -> bool:
        return self.table != "history"


TABLES = [
    Watched("silver.machine_cycles", "cycle_start", "program_no", "program_no || '+'"),
    Watched("silver.machine_downtime", "down_start", "down_threshold", "down_threshold + 1000"),
    Watched("silver.machine_alarms", "time", "alarm_desc", "alarm_desc || '+'", "alarm_no"),
    Watched("alerting.history", "time", "message", "message || '+'"),
]


class Road:
    """v1 with v2 beside it, before the swap."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        self.made = 0
        for function in FUNCTIONS:
            text = value(
                connection,
                "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p"
                " WHERE p.pronamespace = '_stage'::regnamespace AND p.proname = %s",
                function,
            )
            assert text.count("OFFSET 100 ") == text.count("OFFSET 2000 ") == 1
            run(connection, text.replace(" 2000 ", " 8 ").replace(" 100 ", " 3 "))

    def clear(self) -> None:
        for watched in TABLES:
            run(self.connection, f"DELETE FROM {watched.name}")
            run(self.connection, f"DELETE FROM _stage.{watched.table}")
        run(self.connection, "DELETE FROM _stage.noted_rows; DELETE FROM _stage.noted_chunks")

    def insert(
        self, watched: Watched, day: int, minutes: list[int], machine: int, created: int
    ) -> None:
        names = [watched.time, "company_id", "machine_id", watched.column]
        names += [watched.rest] if watched.rest else []
        names += ["created_at", "shift_id"] if watched.has_created_at else []
        rows = []
        for minute in minutes:
            self.made += 1
            at = DAYS[day] + timedelta(minutes=minute)
            row = [f"'{at}'", "'COMP-01'", f"$${MACHINES[machine]}$$", f"'{self.made}'"]
            row += [["NULL", "'1'"][self.made % 2]] if watched.rest else []
            row += [f"'{DAYS[day] + timedelta(hours=created)}'", "'A'"]
            rows.append(f"({', '.join(row[: len(names)])})")
        run(
            self.connection,
            f"INSERT INTO {watched.name} ({', '.join(names)}) VALUES {', '.join(rows)}",
        )

    def change(self, watched: Watched, how: str, where: str) -> None:
        set_to = {
            "correct": f"{watched.column} = {watched.changed}",
            "other shift": "shift_id = CASE shift_id WHEN 'A' THEN 'B' ELSE 'A' END",
            "later": f"{watched.time} = {watched.time} + interval '30 s'",
            "other machine": f"machine_id = '{MACHINES[1]}'",
        }
        if how in set_to:
            run(self.connection, f"UPDATE {watched.name} SET {set_to[how]} WHERE {where}")
            return
        run(
            self.connection, f"CREATE TEMP TABLE kept AS SELECT * FROM {watched.name} WHERE {where}"
        )
        run(self.connection, f"DELETE FROM {watched.name} WHERE {where}")
        if how == "put back corrected":
            run(self.connection, f"UPDATE kept SET {watched.column} = {watched.changed}")
        elif how == "put back with another shift":
            run(self.connection, "UPDATE kept SET shift_id = 'B'")
        if how != "delete":
            run(self.connection, f"INSERT INTO {watched.name} SELECT * FROM kept")
        run(self.connection, "DROP TABLE kept")

    def catch_up(self) -> None:
        run(self.connection, "CALL _stage.catch_up()")

    def wrong(self, watched: Watched) -> list[tuple[object, ...]]:
        """Rows of v2 that a migration from the start would not make, and those that it would."""
        [(columns, key, order)] = query(
            self.connection,
            "SELECT _stage.column_list(%(t)s, 'v2.%%I'), _stage.key_list(%(t)s, 'v2.%%I'),"
            " _stage.first_created(%(t)s)".replace("%(t)s", f"'{watched.table}'").replace(
                "%%", "%"
            ),
        )
        fresh = (
            f"SELECT DISTINCT ON ({key}) {columns} FROM _stage.v2_{watched.table} AS v2"
            f" ORDER BY {order}"
        )
        held = f"SELECT {columns} FROM _stage.{watched.table} AS v2"
        return query(
            self.connection,
            f"SELECT 'v2', a.* FROM ({held} EXCEPT ALL ({fresh})) AS a"
            f" UNION ALL SELECT 'v1', b.* FROM (({fresh}) EXCEPT ALL {held}) AS b",
        )


@pytest.fixture(scope="module")
def road(server: Server) -> Iterator[Road]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        chain.upgrade("0104")
        with chain.session() as connection:
            yield Road(connection)


_MINUTE = st.integers(0, 20)
_DAYS = st.sets(st.integers(0, 2), min_size=1)
#: Machines, minutes from and to, days, and whether the number in a row is even: either if null.
Which = tuple[set[int], int, int, set[int], bool | None]
_WHICH = st.tuples(
    st.sets(st.integers(0, 3), min_size=1) | st.just({0, 1, 2, 3}),
    _MINUTE,
    _MINUTE,
    _DAYS,
    st.none() | st.booleans(),
)
_INSERT = st.tuples(
    st.just("insert"),
    st.integers(0, 2),
    # Rows of one minute are duplicates, of which v2 has the first.
    st.lists(_MINUTE, min_size=1, max_size=3) | st.lists(_MINUTE, min_size=9, max_size=20),
    st.integers(0, 3),
    st.integers(1, 2),
)
_CHANGE = st.tuples(
    st.just("change"),
    st.sampled_from(
        [
            *("correct", "other shift", "later", "other machine"),
            *("delete", "put back", "put back corrected", "put back with another shift"),
        ]
    ),
    _WHICH,
)
_STEPS = st.tuples(
    st.lists(_INSERT, min_size=1, max_size=4),
    st.lists(
        _CHANGE | _CHANGE | _INSERT | st.just(("catch up",)) | st.just(("truncate",)),
        min_size=1,
        max_size=8,
    ),
).map(lambda parts: [*parts[0], ("catch up",), *parts[1]])


def condition(watched: Watched, which: Which) -> str:
    machines, first, last, days, even = which
    names = ", ".join(f"$${MACHINES[n]}$$" for n in sorted(machines))
    dates = " OR ".join(
        f"{watched.time} BETWEEN '{DAYS[n] + timedelta(minutes=min(first, last))}'"
        f" AND '{DAYS[n] + timedelta(minutes=max(first, last))}'"
        for n in sorted(days)
    )
    number = f" AND {watched.column}::text {'~' if even else '!~'} '[02468][+]*$'"
    return f"machine_id IN ({names}) AND ({dates})" + ("" if even is None else number)


def take(road: Road, watched: Watched, steps: list[tuple[object, ...]]) -> None:
    for step in steps:
        match step:
            case ("insert", int(day), list(minutes), int(of), int(created)):
                # v1 holds alerts of machines that master knows, and no others.
                machine = of if watched.has_created_at else of % 3
                road.insert(watched, day, minutes, machine, created)
            case ("change", str(how), tuple(which)):
                if watched.has_created_at or "shift" not in how:
                    road.change(watched, how, condition(watched, which))
            case ("truncate",):
                run(road.connection, f"TRUNCATE {watched.name}")
            case _:
                road.catch_up()


@pytest.mark.parametrize("watched", TABLES, ids=lambda watched: watched.table)
@cases(60)
@given(steps=_STEPS)
def test_v2_is_what_a_migration_from_the_start_would_make(
    road: Road, watched: Watched, steps: list[tuple[object, ...]]
) -> None:
    road.clear()
    take(road, watched, steps)
    road.catch_up()
    assert value(road.connection, "SELECT _stage.count_notes()") == 0
    assert road.wrong(watched) == []


ALL: Which = ({0, 1, 2, 3}, 0, 20, {0, 1, 2}, None)
OF_THREE = [("insert", 0, [1, 2], machine, 1) for machine in range(3)]
CATCH_UP = ("catch up",)
#: What few random steps come upon.
SCENES: dict[str, list[tuple[object, ...]]] = {
    "the row that v2 has of a key goes, and a duplicate created with it stays": [
        *[("insert", 0, [*range(11), *range(11)], 0, 1), CATCH_UP],
        ("change", "delete", ALL),
    ],
    "two statements change neighbouring times of a machine": [
        *[("insert", 0, list(range(12)), 0, 1), CATCH_UP],
        ("change", "correct", ({0}, 6, 11, {0}, None)),
        ("change", "correct", ({0}, 0, 5, {0}, None)),
    ],
    "two statements give rows of a machine another shift": [
        *[("insert", 0, list(range(12)), 0, 1), CATCH_UP],
        ("change", "other shift", ({0}, 6, 11, {0}, None)),
        ("change", "other shift", ({0}, 0, 5, {0}, None)),
    ],
    "one statement changes rows of three machines": [
        *[*OF_THREE, CATCH_UP],
        ("change", "correct", ALL),
    ],
    "one statement deletes rows of three machines": [
        *[*OF_THREE, CATCH_UP],
        ("change", "delete", ALL),
    ],
    "rows go to another machine and leave no row behind": [
        *[("insert", 0, [1, 2, 3, 4], 0, 1), CATCH_UP],
        ("change", "other machine", ALL),
    ],
    "a table is emptied and filled again with other rows of the same keys": [
        *[("insert", 0, list(range(12)), 0, 1), CATCH_UP],
        *[("truncate",), ("insert", 0, list(range(12)), 0, 1)],
    ],
}


@pytest.mark.parametrize("watched", TABLES, ids=lambda watched: watched.table)
@pytest.mark.parametrize("scene", SCENES)
def test_v2_follows_also_where(road: Road, watched: Watched, scene: str) -> None:
    for even in (None, True, False):
        road.clear()
        take(road, watched, [_of(step, even) for step in SCENES[scene]])
        road.catch_up()
        assert road.wrong(watched) == []


def _of(step: tuple[object, ...], even: bool | None) -> tuple[object, ...]:
    match step:
        case ("change", str(), (machines, first, last, days, None)) if even is not None:
            return (*step[:2], (machines, first, last, days, even))
    return step


CYCLES = TABLES[0]


@pytest.mark.requires("multi_session")
def test_what_an_older_transaction_puts_back_after_a_delete_is_found(road: Road) -> None:
    """Its rows carry an id below that of the transaction that deleted those before them."""
    road.clear()
    take(road, CYCLES, [("insert", 0, list(range(12)), 0, 1), CATCH_UP])
    run(road.connection, "CREATE TABLE public.kept AS SELECT * FROM silver.machine_cycles")
    run(road.connection, "UPDATE public.kept SET shift_id = 'B'")
    with psycopg2.connect(road.connection.dsn) as older, older.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
        take(road, CYCLES, [("change", "delete", ALL)])
        cursor.execute("INSERT INTO silver.machine_cycles SELECT * FROM public.kept")
    older.close()
    run(road.connection, "DROP TABLE public.kept")
    road.catch_up()
    assert road.wrong(CYCLES) == []


FOUND_BY = {
    "note_stale": "delete",
    "note_written": "other shift",
}


@pytest.mark.parametrize("function", FOUND_BY)
def test_rows_that_are_not_searched_are_seen_by_the_check(road: Road, function: str) -> None:
    minutes = list(range(12))
    steps: list[tuple[object, ...]] = [
        *(("insert", day, minutes, 0, 1) for day in range(3)),
        ("catch up",),
        ("change", FOUND_BY[function], ALL),
        ("catch up",),
    ]
    road.clear()
    take(road, CYCLES, steps)
    assert road.wrong(CYCLES) == []
    text = value(
        road.connection,
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p"
        " WHERE p.pronamespace = '_stage'::regnamespace AND p.proname = %s",
        function,
    )
    run(road.connection, text.replace("INSERT INTO _stage.noted_rows", "INSERT INTO pg_temp.none"))
    run(road.connection, "CREATE TEMP TABLE none (LIKE _stage.noted_rows)")
    try:
        road.clear()
        take(road, CYCLES, steps)
        assert len(road.wrong(CYCLES)) >= 36
    finally:
        run(road.connection, text)
        run(road.connection, "DROP TABLE none")


# The embedded server does not hand its counts on between transactions, and names more chunks.
@pytest.mark.parametrize(
    "tracked", [pytest.param("on", marks=pytest.mark.requires("multi_session")), "off"]
)
def test_a_note_names_the_chunks_that_the_server_counted(road: Road, tracked: str) -> None:
    """Without counts of the server any chunk may be concerned."""
    road.clear()
    take(road, CYCLES, [("insert", day, list(range(4)), day, 1) for day in range(3)])
    road.catch_up()
    run(road.connection, f"SET track_counts = {tracked}")
    # Otherwise counts of the transactions before are handed on after a second.
    run(road.connection, "SELECT pg_stat_force_next_flush()")
    take(road, CYCLES, [("change", "delete", ({0, 1}, 1, 3, {0, 1}, None))])
    run(road.connection, "SET track_counts = on")
    noted = query(
        road.connection,
        "SELECT n.machine_from, n.machine_to, n.time_from, n.time_to, c.range_start <= n.time_from,"
        " c.range_end > n.time_to FROM _stage.noted_chunks AS n"
        " LEFT JOIN _archive.chunk_ranges('silver', 'machine_cycles') AS c ON c.chunk = n.chunk",
    )
    first, last = DAYS[1] + timedelta(minutes=1), DAYS[0] + timedelta(minutes=3)
    place = (*MACHINES[:2], first, last)
    if tracked == "on":
        assert sorted(noted) == [(*place, False, True), (*place, True, False)]
    else:
        assert noted == [(*place, None, None)]
    road.catch_up()
    assert road.wrong(CYCLES) == []
