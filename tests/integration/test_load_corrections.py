"""What contradicts itself: the value that arrived last counts, and a row can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from tests.fresh_v2 import add_machine
from tests.loads import Fleet, fleet_on
from tests.model import CYCLES, OTHER_FACTS, Fact, Key
from tests.property.test_loads import STRANGER
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
FACTS = {fact.name: fact for fact in (CYCLES, *OTHER_FACTS)}
DOWNTIME, FOCAS, STATUS = (FACTS[f"machine_{n}"] for n in ("downtime", "focas", "status"))


@pytest.fixture(scope="module")
def shared_fleet(server: Server) -> Iterator[Fleet]:
    with fleet_on(server) as made:
        yield made


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Fleet:
    """The fleet, with no row of any fact."""
    for fact in FACTS.values():
        shared_fleet.clear(fact)
    return shared_fleet


def row(fact: Fact, seconds: float = 0, **more: Any) -> dict[str, Any]:
    """A row of machine 1 that can be loaded."""
    key: dict[str, Any] = {fact.key: "K"} if fact.key else {}
    return {"machine_iot_id": 1, fact.instant: AT + timedelta(seconds=seconds), **key, **more}


def cycle(start: float, end: float | None, **more: Any) -> dict[str, Any]:
    """A cycle of machine 1, in seconds after ``AT``."""
    ends = None if end is None else AT + timedelta(seconds=end)
    return row(CYCLES, start, cycle_end=ends, **more)


def gaps(fleet: Fleet) -> list[tuple[float, int | None, int | None]]:
    """Start, gap before and run time of each cycle of machine 1."""
    return [
        ((key[1] - AT).total_seconds(), found["actual_load_unload"], found["actual_cycle_time"])
        for key, found in sorted(fleet.silver(CYCLES).items())
    ]


def key(fact: Fact, seconds: float = 0) -> Key:
    """The key of ``row(fact, seconds)``."""
    found: Key = (1, AT + timedelta(seconds=seconds))
    return (*found, "K") if fact.key else found


# ---------------------------------------------------------------------------- corrections arrive


@pytest.mark.parametrize("batch_size", [1, 1000])
@pytest.mark.parametrize(
    ("fact", "first", "then", "stored"),
    [
        (DOWNTIME, {"down_code": "NO POWER"}, {"down_code": "NO TOOL"}, {"down_id": 1}),
        (
            DOWNTIME,
            {"down_end": AT + timedelta(hours=2)},
            {"down_end": AT + timedelta(hours=1)},
            {"down_end": AT + timedelta(hours=1)},
        ),
        (FOCAS, {"part_count": 10.0}, {"part_count": 9.0}, {"part_count": 9}),
        (STATUS, {"status": "Running"}, {"status": "Idle"}, {"status": "Idle"}),
        # Two rows that are known whole do not mix.
        (
            STATUS,
            {"program_no": "O1", "status": "Idle", "operator_id": "Z"},
            {"program_no": "O2", "status": "Alarm", "operator_id": "A"},
            {"program_no": "O2", "status": "Alarm", "operator_id": "A"},
        ),
        # What is not known says nothing.
        (
            STATUS,
            {"program_no": "O1", "status": "Running"},
            {"program_no": None, "status": "Idle"},
            {"program_no": "O1", "status": "Idle"},
        ),
    ],
)
def test_the_known_value_that_arrived_last_counts_and_null_never_erases(
    fleet: Fleet,
    fact: Fact,
    first: dict[str, Any],
    then: dict[str, Any],
    stored: dict[str, Any],
    batch_size: int,
) -> None:
    fleet.send(fact, [row(fact, **first), row(fact, **then)])
    log = fleet.load(fact, batch_size=batch_size)
    assert (log["rows_loaded"], log["rows_merged"]) == (1, 1)
    [found] = fleet.silver(fact).values()
    assert {name: found[name] for name in stored} == stored


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_a_corrected_end_restitches_the_next_cycle_and_moves_the_cache_back(
    fleet: Fleet, batch_size: int
) -> None:
    fleet.send(CYCLES, [cycle(0, 60), cycle(100, 190)])
    fleet.load(CYCLES)
    assert gaps(fleet) == [(0, None, 60), (100, 40, 90)]
    fleet.send(CYCLES, [cycle(0, 30), cycle(100, 150)])
    fleet.load(CYCLES, batch_size=batch_size)
    assert gaps(fleet) == [(0, None, 30), (100, 70, 50)]
    assert fleet.state() == {1: (AT + timedelta(seconds=100), AT + timedelta(seconds=150))}
    fleet.send(CYCLES, [cycle(200, 210)])
    fleet.load(CYCLES)
    assert gaps(fleet)[-1] == (200, 50, 10)


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_redelivery_of_the_same_messages_in_order_ends_where_it_was(
    fleet: Fleet, fact: Fact
) -> None:
    number = next(n for n, k in fact.own.items() if k in ("integer", "count", "decimal", "text"))
    text = fact.own[number] == "text"
    messages = [row(fact, n % 2, **{number: str(9 - n) if text else 9 - n}) for n in range(6)]
    fleet.send(fact, messages)
    fleet.load(fact)
    before = fleet.silver(fact)
    fleet.send(fact, messages)
    fleet.load(fact, batch_size=2)
    assert fleet.silver(fact) == before


# ------------------------------------------------------------------------------------- sent again


@pytest.mark.parametrize("fact", [FOCAS, CYCLES], ids=lambda fact: fact.name)
@pytest.mark.parametrize("dropped", [False, True], ids=["", "bronze is gone"])
def test_a_row_that_is_sent_again_never_overrides_what_arrived_after_it(
    fleet: Fleet, fact: Fact, *, dropped: bool
) -> None:
    name = "part_count" if fact is FOCAS else "std_cycle_time"
    other = "rej_count" if fact is FOCAS else "std_load_unload"
    fleet.send(fact, [row(fact, **{name: 10, other: 1})])
    fleet.send(fact, [row(fact, device_id=STRANGER, **{name: 9, other: 2})])
    fleet.load(fact)
    fleet.send(fact, [row(fact, **{name: 11})])
    fleet.load(fact)
    run(fleet.connection, "UPDATE _etl.load_settings SET sender_check = 'count'")
    if dropped:
        run(fleet.connection, f"DELETE FROM bronze.raw_{fact.name}")
    assert fleet.resend(fact) == 1
    log = fleet.load(fact)
    assert (log["rows_merged"], log["rows_sender_mismatch"]) == (1, 1)
    [found] = fleet.silver(fact).values()
    # 11 came after it; of the other column it is the last that is known.
    assert (found[name], found[other]) == (11, 2)
    assert query(fleet.connection, "SELECT is_open FROM _etl.rejected_rows") == [(False,)]
    run(fleet.connection, "SELECT _etl.fn_trim_logs(INTERVAL '30 days')")
    assert value(fleet.connection, "SELECT count(*) FROM _etl.later_values") == 0


def test_a_row_that_is_rejected_again_keeps_its_first_place(fleet: Fleet) -> None:
    [first] = fleet.send(FOCAS, [row(FOCAS, device_id=STRANGER, part_count=9.0)])
    fleet.load(FOCAS)
    for _ in range(2):
        fleet.resend(FOCAS)
        fleet.send(FOCAS, [row(FOCAS, part_count=10.0)])
        fleet.load(FOCAS)
    places = "SELECT first_id, resent_at IS NULL FROM _etl.rejected_rows ORDER BY reject_id"
    assert query(fleet.connection, places) == [(first, False), (first, False), (first, True)]


# -------------------------------------------------------------------------------------- taken back


def test_a_removed_cycle_takes_its_place_in_the_gaps_the_cache_and_the_aggregates(
    fleet: Fleet, server: Server
) -> None:
    fleet.send(CYCLES, [cycle(0, 60), cycle(100, 190), cycle(200, 260)])
    fleet.load(CYCLES)
    fleet.remove(CYCLES, key(CYCLES, 100))
    assert gaps(fleet) == [(0, None, 60), (200, 140, 60)]
    fleet.remove(CYCLES, key(CYCLES, 200))
    assert fleet.state() == {1: (AT, AT + timedelta(seconds=60))}
    if "community" in server.capabilities:
        run(
            fleet.connection,
            "CALL refresh_continuous_aggregate('gold.machine_cycle_stats_hourly',"
            " '2024-03-01', '2024-04-01')",
        )
        total = "SELECT sum(total_cycles) FROM gold.machine_cycle_stats_hourly"
        assert value(fleet.connection, total) == 1
    fleet.remove(CYCLES, key(CYCLES, 0))
    assert (fleet.silver(CYCLES), fleet.state()) == ({}, {})


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_a_removed_row_does_not_come_back_unasked(fleet: Fleet, fact: Fact) -> None:
    fleet.send(fact, [row(fact), row(fact, 5)])
    fleet.load(fact)
    before = fleet.silver(fact)
    fleet.remove(fact, key(fact))
    # The gateway sends all of it again, and so does somebody who sends rejects again.
    fleet.send(fact, [row(fact), row(fact, 5)])
    fleet.load(fact)
    assert fleet.resend(fact) == 1
    log = fleet.load(fact)
    assert (log["rows_rejected"], list(fleet.silver(fact))) == (1, [key(fact, 5)])
    assert set(fleet.rejects(fact).values()) == {"corrected"}
    fleet.restore(fact, key(fact))
    assert fleet.resend(fact, "corrected") == 1
    assert fleet.load(fact)["rows_rejected"] == 0
    assert fleet.silver(fact) == before


def test_a_replaced_row_says_what_somebody_knows_better(fleet: Fleet) -> None:
    fleet.send(FOCAS, [row(FOCAS, part_count=10.0, rej_count=3.0)])
    fleet.load(FOCAS)
    fleet.replace(FOCAS, key(FOCAS), {"part_count": 9, "rej_count": None})
    fleet.send(FOCAS, [row(FOCAS, part_count=10.0, rej_count=3.0)])
    assert fleet.load(FOCAS)["rows_rejected"] == 1
    [found] = fleet.silver(FOCAS).values()
    assert (found["part_count"], found["rej_count"]) == (9, None)
    assert query(
        fleet.connection,
        "SELECT action, reason, row_before ->> 'part_count' FROM _etl.corrections",
    ) == [("replaced", "known better", "10")]
    fleet.restore(FOCAS, key(FOCAS))
    [found] = fleet.silver(FOCAS).values()
    assert (found["part_count"], found["rej_count"]) == (10, 3)


def test_a_replaced_end_restitches_the_next_cycle(fleet: Fleet) -> None:
    fleet.send(CYCLES, [cycle(0, 60), cycle(100, 190)])
    fleet.load(CYCLES)
    fleet.replace(CYCLES, key(CYCLES), {"cycle_end": str(AT + timedelta(seconds=80))})
    assert gaps(fleet) == [(0, None, 80), (100, 20, 90)]
    fleet.replace(CYCLES, key(CYCLES, 100), {"cycle_end": None})
    assert gaps(fleet) == [(0, None, 80), (100, 20, None)]
    assert fleet.state() == {1: (AT + timedelta(seconds=100), None)}


def test_a_replaced_column_leaves_what_v1_computed_while_the_end_stays(fleet: Fleet) -> None:
    computed = "UPDATE silver.machine_cycles SET actual_load_unload = 7, actual_cycle_time = 5"
    fleet.remember(
        CYCLES,
        {
            key(CYCLES, start): {
                "logical_date": AT.date(),
                "company_iot_id": 1,
                "shift_id": 0,
                "cycle_end": AT + timedelta(seconds=start + 60),
            }
            for start in (0, 100, 200)
        },
    )
    run(fleet.connection, computed)
    fleet.replace(CYCLES, key(CYCLES, 100), {"program_no": "O2"})
    assert gaps(fleet) == [(0, 7, 5), (100, 7, 5), (200, 7, 5)]
    fleet.restore(CYCLES, key(CYCLES, 100))
    assert gaps(fleet) == [(0, 7, 5), (100, 7, 5), (200, 7, 5)]
    fleet.replace(CYCLES, key(CYCLES, 100), {"cycle_end": str(AT + timedelta(seconds=170))})
    assert gaps(fleet) == [(0, 7, 5), (100, 40, 70), (200, 30, 5)]


def test_a_cycle_of_a_machine_that_was_deleted_can_be_corrected(fleet: Fleet) -> None:
    connection = fleet.connection
    gone = add_machine(connection, 1, "gone")
    run(connection, "UPDATE master.machine_info SET device_iot_id = NULL WHERE iot_id = %s", gone)
    fleet.send(CYCLES, [{**cycle(start, start + 60), "machine_iot_id": gone} for start in (0, 100)])
    fleet.load(CYCLES)
    for table, key_column in (
        ("silver.latest_cycle_state", "machine_iot_id"),
        ("master.machine_info", "iot_id"),
    ):
        run(connection, f"DELETE FROM {table} WHERE {key_column} = %s", gone)
    fleet.remove(CYCLES, (gone, AT))
    assert gaps(fleet) == [(100, None, 60)]
    assert fleet.state() == {}


@pytest.mark.parametrize("style", ["SQL, DMY", "Postgres, MDY", "German"])
def test_a_correction_meets_its_row_however_a_session_writes_dates(
    fleet: Fleet, style: str
) -> None:
    """Not ISO, an instant of India is written with IST, which PostgreSQL reads as Israel's."""
    later = timedelta(hours=3.5).total_seconds()
    fleet.send(FOCAS, [row(FOCAS, part_count=1.0), row(FOCAS, later, part_count=7.0)])
    fleet.load(FOCAS)
    run(fleet.connection, "SET datestyle = %s; SET timezone = 'Asia/Kolkata'", style)
    try:
        fleet.replace(FOCAS, key(FOCAS), {"part_count": 2})
        parts = "SELECT array_agg(f.part_count ORDER BY f.event_time) FROM silver.machine_focas f"
        assert value(fleet.connection, parts) == [2, 7]
        fleet.remove(FOCAS, key(FOCAS))
    finally:
        run(fleet.connection, "SET datestyle = 'ISO, MDY'; SET timezone = 'UTC'")
    assert list(fleet.silver(FOCAS)) == [key(FOCAS, later)]


def test_reports_follow_a_row_that_is_replaced_removed_and_restored(fleet: Fleet) -> None:
    connection = fleet.connection
    at: datetime = value(connection, "SELECT date_trunc('hour', now()) - INTERVAL '5 days'")
    counted = "SELECT sum(r.parts), sum(r.rejects) FROM gold.v_machine_shifts AS r"
    sent = [
        {"machine_iot_id": 1, "event_time": at, "part_count": 10.0, "rej_count": 3.0},
        {"machine_iot_id": 1, "event_time": at + timedelta(hours=1), "part_count": 4.0,
         "rej_count": 0.0},
    ]  # fmt: skip
    fleet.send(FOCAS, sent)
    fleet.load(FOCAS)
    run(connection, "CALL gold.sp_roll_up(0, NULL)")
    assert query(connection, counted) == [(14, 3)]
    steps: list[tuple[Callable[[], None], tuple[int, int]]] = [
        (lambda: fleet.replace(FOCAS, (1, at), {"part_count": 9}), (13, 3)),
        (lambda: fleet.remove(FOCAS, (1, at)), (4, 0)),
        # What it was before anybody corrected it.
        (lambda: fleet.restore(FOCAS, (1, at)), (14, 3)),
    ]
    for step, parts in steps:
        step()
        # At once, and once the action has rolled the day up again.
        assert query(connection, counted) == [parts]
        run(connection, "CALL gold.sp_roll_up(0, NULL)")
        assert query(connection, counted) == [parts]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("fn_remove_row('machine_focas', 1, '2001-01-01', 'x')", "has no row of this key"),
        ("fn_remove_row('machine_nothing', 1, '2001-01-01', 'x')", "does not know it"),
        ("fn_restore_row('machine_focas', 1, '2001-01-01')", "no correction has its key"),
        (
            "fn_replace_row('machine_cycles', 1, '2024-03-05 08:00+00',"
            " '{\"actual_cycle_time\": 1}', 'x')",
            "only its own columns",
        ),
        (
            "fn_replace_row('machine_cycles', 1, '2024-03-05 08:00+00',"
            " '{\"cycle_end\": \"2024-03-05 07:00+00\"}', 'x')",
            "before its start",
        ),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(
    fleet: Fleet, statement: str, said: str
) -> None:
    fleet.send(CYCLES, [cycle(0, 60)])
    fleet.load(CYCLES)
    with pytest.raises(psycopg2.Error, match=said):
        fleet.as_etl(f"SELECT _etl.{statement}")
    assert value(fleet.connection, "SELECT count(*) FROM _etl.corrections") == 0


@pytest.mark.requires("community")
def test_a_row_of_a_compressed_chunk_can_be_taken_back(fleet: Fleet) -> None:
    fleet.send(CYCLES, [cycle(0, 60), cycle(100, 190)])
    fleet.load(CYCLES)
    run(fleet.connection, "SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c")
    fleet.remove(CYCLES, key(CYCLES, 0))
    assert gaps(fleet) == [(100, None, 90)]
