"""What is particular to a sender, a clock, a plant or a key is rejected, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.loads import Fleet, fleet_on
from tests.model import CYCLES, OTHER_FACTS, Fact
from tests.property.test_loads import STRANGER
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
ALL = (CYCLES, *OTHER_FACTS)
FACTS = {fact.name: fact for fact in ALL}
each_fact = pytest.mark.parametrize("fact", ALL, ids=lambda fact: fact.name)


@pytest.fixture(scope="module")
def shared_fleet(server: Server) -> Iterator[Fleet]:
    with fleet_on(server) as made:
        yield made


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Fleet:
    """The fleet, with no row of any fact."""
    for fact in ALL:
        shared_fleet.clear(fact)
    return shared_fleet


def row(fact: Fact, seconds: float = 0, machine: int = 1, **more: Any) -> dict[str, Any]:
    """A row that can be loaded."""
    key: dict[str, Any] = {fact.key: "K"} if fact.key else {}
    return {"machine_iot_id": machine, fact.instant: AT + timedelta(seconds=seconds), **key, **more}


# ------------------------------------------------------------------------------------ the sender


@each_fact
def test_only_the_machines_own_gateway_speaks_for_it(fleet: Fleet, fact: Fact) -> None:
    others = fleet.device(2)
    sent = [row(fact, 1), row(fact, 2, device_id=STRANGER), row(fact, 3, device_id=others)]
    ids = fleet.send(fact, sent)
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_rejected"], log["rows_sender_mismatch"]) == (1, 2, 0)
    assert fleet.rejects(fact) == dict.fromkeys(ids[1:], "sender_mismatch")
    details = query(fleet.connection, "SELECT detail FROM _etl.rejected_rows ORDER BY bronze_id")
    assert details == [
        (f"machine_iot_id 1 belongs to device gateway of M0, and not to {device}",)
        for device in (STRANGER, others)
    ]


@each_fact
def test_a_machine_without_a_gateway_takes_rows_of_any(fleet: Fleet, fact: Fact) -> None:
    assert fleet.machines[4].device is None
    fleet.send(fact, [row(fact, 1, 4, device_id=STRANGER), row(fact, 2, 4, device_id="else")])
    assert fleet.load(fact)["rows_loaded"] == 2


@each_fact
def test_a_setting_counts_strangers_and_lets_them_in(fleet: Fleet, fact: Fact) -> None:
    run(fleet.connection, "UPDATE _etl.load_settings SET sender_check = 'count'")
    # The second time the machine is known to the cache, and goes the fast path.
    for number in (1, 2):
        fleet.send(fact, [row(fact, number), row(fact, number + 0.5, device_id=STRANGER)])
        log = fleet.load(fact)
        assert (log["rows_loaded"], log["rows_rejected"]) == (2, 0)
        assert log["rows_sender_mismatch"] == 1


# ------------------------------------------------------------------------------------- the future


@each_fact
def test_an_event_too_far_after_its_arrival_is_rejected(fleet: Fleet, fact: Fact) -> None:
    now = datetime.now(UTC)
    near, far = now + timedelta(hours=23), now + timedelta(hours=25)
    sent = [row(fact) | {fact.instant: at} for at in (now, near, far)]
    sent.append(row(fact) | {fact.instant: datetime(2126, 1, 1, tzinfo=UTC)})
    ids = fleet.send(fact, sent)
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_rejected"]) == (2, 2)
    assert fleet.rejects(fact) == dict.fromkeys(ids[2:], f"{fact.word}_in_future")
    # Sent again it counts by its first arrival: the clock was wrong then.
    run(fleet.connection, "UPDATE _etl.rejected_rows SET first_time = first_time - INTERVAL '1 y'")
    fleet.resend(fact)
    assert fleet.load(fact)["rows_rejected"] == 2
    run(
        fleet.connection,
        "UPDATE _etl.rejected_rows SET first_time = first_time + INTERVAL '1 year';"
        " UPDATE _etl.load_settings SET future_limit = '2 days'",
    )
    try:
        fleet.resend(fact)
        log = fleet.load(fact)
    finally:
        run(fleet.connection, "UPDATE _etl.load_settings SET future_limit = '1 day'")
    assert (log["rows_loaded"], log["rows_rejected"]) == (1, 1)


def test_what_a_wrong_clock_left_before_the_rule_is_taken_out(fleet: Fleet) -> None:
    future = datetime(2126, 1, 1, tzinfo=UTC)
    for fact in ALL:
        fleet.send(fact, [row(fact), row(fact) | {fact.instant: future}])
        run(fleet.connection, "UPDATE _etl.load_settings SET future_limit = '100 years'")
        fleet.load(fact)
    run(fleet.connection, "UPDATE _etl.load_settings SET future_limit = '1 day'")
    assert fleet.state() == {1: (future, None)}
    removed = query(fleet.connection, "SELECT * FROM _etl.fn_remove_future_rows()")
    assert sorted(removed) == sorted((fact.name, 1) for fact in ALL)
    assert fleet.state() == {1: (AT, None)}
    for fact in ALL:
        assert [key[1] for key in fleet.silver(fact)] == [AT]
    # The machine's next cycle is stitched to its last real one, and goes the fast path again.
    fleet.send(CYCLES, [row(CYCLES, 60)])
    fleet.load(CYCLES)
    assert fleet.state() == {1: (AT + timedelta(seconds=60), None)}


def test_a_clock_that_was_wrong_once_does_not_keep_its_machine_off_the_fast_path(
    fleet: Fleet,
) -> None:
    fleet.send(
        CYCLES, [row(CYCLES), row(CYCLES) | {"cycle_start": datetime(2126, 1, 1, tzinfo=UTC)}]
    )
    fleet.load(CYCLES)
    disputed = "SELECT _etl.fn_disputed_machines(0, 0, INTERVAL '1 day')"
    assert value(fleet.connection, disputed) == []
    # One whose time has come keeps it there, until it is sent again.
    fleet.send(CYCLES, [row(CYCLES, 10, device_id=STRANGER)])
    fleet.load(CYCLES)
    assert value(fleet.connection, disputed) == [1]


# ------------------------------------------------------------------------- a plant, a key, a table


@each_fact
def test_a_plant_whose_zone_is_gone_does_not_slow_the_others(fleet: Fleet, fact: Fact) -> None:
    break_zone = (
        "ALTER TABLE master.plants DISABLE TRIGGER ALL;"
        " SET session_replication_role = replica;"
        " {drop}"
        " UPDATE master.plants SET timezone = %s WHERE plant_id = 'P1'"
    )
    checks = query(
        fleet.connection,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'master.plants'::regclass AND contype = 'c'"
        " AND pg_get_constraintdef(oid) LIKE '%%timezone%%'",
    )
    drop = "".join(f" ALTER TABLE master.plants DROP CONSTRAINT {name};" for name, _ in checks)
    run(fleet.connection, break_zone.format(drop=drop), "Mars/Olympus")
    try:
        ids = fleet.send(fact, [row(fact, n, 1 + n % 3) for n in range(300)])
        log = fleet.load(fact)
        assert (log["rows_loaded"], log["rows_rejected"], log["batches"]) == (200, 100, 1)
        assert fleet.rejects(fact) == dict.fromkeys(ids[1::3], "unknown_timezone")
        detail = value(fleet.connection, "SELECT min(detail) FROM _etl.rejected_rows")
        assert detail.startswith("the server does not know time zone Mars/Olympus of plant ")
    finally:
        run(
            fleet.connection,
            "UPDATE master.plants SET timezone = 'Asia/Kolkata' WHERE plant_id = 'P1';"
            " SET session_replication_role = origin;"
            " ALTER TABLE master.plants ENABLE TRIGGER ALL",
        )
        for name, definition in checks:
            run(
                fleet.connection,
                f"ALTER TABLE master.plants ADD CONSTRAINT {name} {definition}".replace("%", "%%"),
            )
    assert fleet.resend(fact) == 100
    assert fleet.load(fact)["rows_loaded"] == 100


def test_keys_too_long_for_their_index_do_not_slow_the_others(fleet: Fleet) -> None:
    fact = FACTS["machine_alarms"]
    long = "x" * 2601
    fleet.send(fact, [row(fact, n, alarm_no=long if n % 2 else "7") for n in range(300)])
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_rejected"], log["batches"]) == (150, 150, 1)
    fleet.send(fact, [row(fact, 999, alarm_no=long[1:])])
    assert fleet.load(fact)["rows_loaded"] == 1


def test_a_row_that_a_trigger_of_somebody_refuses_is_rejected_alone(fleet: Fleet) -> None:
    run(
        fleet.connection,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not here'; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON silver.machine_status FOR EACH ROW"
        " WHEN (NEW.status = 'BOOM') EXECUTE FUNCTION public.refuse()",
    )
    fact = FACTS["machine_status"]
    try:
        ids = fleet.send(
            fact, [row(fact, n, status="BOOM" if n == 3 else "Idle") for n in range(6)]
        )
        assert fleet.load(fact)["rows_loaded"] == 5
    finally:
        run(fleet.connection, "DROP FUNCTION public.refuse() CASCADE")
    assert fleet.rejects(fact) == {ids[3]: "load_error"}


def test_the_loads_go_on_when_somebody_empties_the_settings(fleet: Fleet) -> None:
    run(fleet.connection, "DELETE FROM _etl.load_settings")
    try:
        for fact in ALL:
            fleet.send(fact, [row(fact), row(fact, 1, device_id=STRANGER)])
            log = fleet.load(fact)
            assert (log["rows_loaded"], log["rows_rejected"]) == (1, 1)
    finally:
        run(fleet.connection, "INSERT INTO _etl.load_settings DEFAULT VALUES")


def test_a_gateway_learns_the_numbers_of_its_machines(fleet: Fleet) -> None:
    run(fleet.connection, "SET ROLE setu_ingest")
    try:
        found = query(
            fleet.connection,
            "SELECT source_iot_id, machine_iot_id FROM _etl.v_device_machines"
            " WHERE device_id = 'gateway of M1'",
        )
    finally:
        run(fleet.connection, "RESET ROLE")
    assert found == [("M1", 2)]
