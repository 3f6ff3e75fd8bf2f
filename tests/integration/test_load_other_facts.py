"""The nine loads beside cycles: reasons, completion, rounding, resending, compressed silver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.loads import Fleet, fleet_on
from tests.model import CYCLES, OTHER_FACTS, Fact
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
FACTS = {fact.name: fact for fact in OTHER_FACTS}
DOWNTIME, FOCAS, ENERGY = (FACTS[f"machine_{n}"] for n in ("downtime", "focas", "energy"))


@pytest.fixture(scope="module")
def shared_fleet(server: Server) -> Iterator[Fleet]:
    with fleet_on(server) as made:
        yield made


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Fleet:
    """The fleet, with no row of any fact."""
    for fact in (CYCLES, *OTHER_FACTS):
        shared_fleet.clear(fact)
    return shared_fleet


def row(fact: Fact, seconds: float = 0, **more: Any) -> dict[str, Any]:
    """A row of machine 1 that can be loaded."""
    key: dict[str, Any] = {fact.key: "K"} if fact.key else {}
    return {"machine_iot_id": 1, fact.instant: AT + timedelta(seconds=seconds), **key, **more}


def _reasons() -> Iterator[tuple[str, dict[str, Any], str]]:
    for fact in OTHER_FACTS:
        yield fact.name, row(fact, machine_iot_id=404), "unknown_machine"
        yield fact.name, row(fact) | {fact.instant: None}, f"missing_{fact.word}"
        for far in ("1969-12-31 23:59:59+00", "2200-01-01 00:00:00+00", "infinity", "-infinity"):
            yield fact.name, row(fact) | {fact.instant: far}, f"{fact.word}_out_of_range"
        if fact.key and not fact.key_may_miss:
            yield fact.name, row(fact) | {fact.key: None}, "missing_key"
        for name, kind in fact.own.items():
            wrong: dict[str, list[Any]] = {
                "integer": [2**31, -(2**31) - 1],
                "count": [float("nan"), float("inf"), 2147483647.5, -2147483648.5],
                "decimal": [float("nan"), float("-inf"), 999999999.9995],
            }
            for bad in wrong.get(kind, []):
                yield fact.name, row(fact) | {name: bad}, "value_out_of_range"
            if kind == "end":
                before = row(fact)[fact.instant] - timedelta(microseconds=1)
                yield fact.name, row(fact) | {name: before}, "end_before_start"
                yield fact.name, row(fact) | {name: "infinity"}, "end_out_of_range"


REASONS = list(_reasons())


@pytest.mark.parametrize(
    ("name", "poison", "why"), REASONS, ids=[f"{name}-{why}" for name, _, why in REASONS]
)
def test_a_row_that_cannot_be_loaded_is_kept_with_its_reason(
    fleet: Fleet, name: str, poison: dict[str, Any], why: str
) -> None:
    fact = FACTS[name]
    ids = fleet.send(fact, [row(fact, -10), poison, row(fact, 10)])
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_merged"], log["rows_rejected"]) == (2, 0, 1)
    [(place, reason, detail, sent)] = query(
        fleet.connection,
        "SELECT bronze_id, reason_code, detail, row_data ->> 'id' FROM _etl.rejected_rows",
    )
    assert (place, reason, sent) == (ids[1], why, str(ids[1]))
    assert detail


@pytest.mark.parametrize("fact", OTHER_FACTS, ids=lambda fact: fact.name)
def test_a_row_that_fails_as_nobody_foresaw_does_not_hold_up_the_others(
    fleet: Fleet, fact: Fact
) -> None:
    planted = f"CHECK ({fact.instant} <> '{AT:%Y-%m-%d %H:%M:%S}+00')"
    run(fleet.connection, f"ALTER TABLE silver.{fact.name} ADD CONSTRAINT planted {planted}")
    try:
        ids = fleet.send(fact, [row(fact, n) for n in (-2, -1, 0, 1, 2)])
        log = fleet.load(fact)
    finally:
        run(fleet.connection, f"ALTER TABLE silver.{fact.name} DROP CONSTRAINT planted")
    assert (log["rows_loaded"], log["rows_rejected"]) == (4, 1)
    assert fleet.rejects(fact) == {ids[2]: "load_error"}


def test_a_key_too_long_for_its_index_is_rejected_with_its_reason(fleet: Fleet) -> None:
    fact = FACTS["machine_alarms"]
    long = value(
        fleet.connection,
        "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) AS n",
    )
    ids = fleet.send(fact, [row(fact, 1), row(fact, 2, alarm_no=long), row(fact, 3)])
    assert fleet.load(fact)["rows_loaded"] == 2
    assert fleet.rejects(fact) == {ids[1]: "key_too_long"}


@pytest.mark.parametrize("fact", [CYCLES, *OTHER_FACTS], ids=lambda fact: fact.name)
def test_rejected_rows_go_through_again_once_the_machine_is_registered(
    fleet: Fleet, fact: Fact
) -> None:
    new = value(
        fleet.connection,
        "SELECT CASE WHEN s.is_called THEN s.last_value + 1 ELSE s.last_value END"
        " FROM master.machine_info_iot_id_seq AS s",
    )
    own: dict[str, Any] = {
        "text": "O'1 ä", "end": AT + timedelta(seconds=5), "code": 1, "integer": 7,
        "count": 2.5, "decimal": 1.0005,
    }  # fmt: skip
    full = row(fact, machine_iot_id=new, **{name: own[kind] for name, kind in fact.own.items()})
    lost = row(fact) | {fact.instant: None}
    fleet.send(fact, [full, lost])
    assert fleet.load(fact)["rows_rejected"] == 2
    run(
        fleet.connection,
        "INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id)"
        " VALUES (%s, 1, 'x')",
        f"M-{fact.name}",
    )
    resend = "CALL _etl.sp_resend_rejected(%s, 'unknown_machine')"
    run(fleet.connection, "SET ROLE setu_etl")
    try:
        assert value(fleet.connection, resend, fact.name) == 1
        assert value(fleet.connection, resend, fact.name) == 0
    finally:
        run(fleet.connection, "RESET ROLE")
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_rejected"]) == (1, 0)
    [(key, stored)] = fleet.silver(fact).items()
    assert key[0] == new
    kept = {
        # 1 is what the company calls NO POWER, which the catalogue has as 2.
        name: {"count": 3, "decimal": Decimal("1.001"), "code": 2}.get(kind, own[kind])
        for name, kind in fact.own.items()
    }
    assert {name: stored[name] for name in kept} == kept
    waiting = query(
        fleet.connection, "SELECT reason_code FROM _etl.rejected_rows WHERE resent_at IS NULL"
    )
    assert waiting == [(f"missing_{fact.word}",)]


# --------------------------------------------------------------------------------- each transform


def test_a_later_row_completes_an_open_downtime(fleet: Fleet) -> None:
    end = AT + timedelta(minutes=7)
    fleet.send(DOWNTIME, [row(DOWNTIME, program_no="O1")])
    fleet.load(DOWNTIME)
    fleet.send(DOWNTIME, [row(DOWNTIME, down_end=end, down_id=1), row(DOWNTIME)])
    log = fleet.load(DOWNTIME)
    assert (log["rows_loaded"], log["rows_merged"]) == (0, 2)
    [stored] = fleet.silver(DOWNTIME).values()
    assert (stored["down_end"], stored["program_no"], stored["down_id"]) == (end, "O1", 2)


@pytest.mark.parametrize(
    ("sent", "found", "fault"),
    [
        # In the catalogue 1, 2, 3 are NO TOOL, NO POWER, Störung; the company says 2, 1 and 17.
        ({"down_id": 2}, "NO TOOL", None),
        ({"down_code": "NO POWER"}, "NO POWER", None),
        ({"down_id": 2, "down_code": "NO TOOL"}, "NO TOOL", None),
        ({"down_id": 1, "down_code": "NO TOOL"}, "NO TOOL", "code and number disagree"),
        ({"down_id": 404, "down_code": "NO POWER"}, "NO POWER", "unknown number"),
        ({"down_id": 1, "down_code": "what?"}, "NO POWER", "unknown code"),
        ({"down_id": 1, "down_code": ""}, "NO POWER", None),
        ({"down_id": 3}, None, "unknown number"),
        ({"down_id": 2**40}, None, "unknown number"),
        ({"down_code": "what?"}, None, "unknown code"),
        ({"down_id": 3, "down_code": "what?"}, None, "unknown code and number"),
        ({}, None, None),
    ],
)
def test_a_code_means_what_its_sender_means_by_it_and_is_counted_where_that_is_unknown(
    fleet: Fleet, sent: dict[str, Any], found: str | None, fault: str | None
) -> None:
    fleet.send(DOWNTIME, [row(DOWNTIME, **sent), row(DOWNTIME, 1, **sent)])
    log = fleet.load(DOWNTIME)
    assert (log["rows_loaded"], log["rows_unknown_code"]) == (2, 2 if fault else 0)
    assert {stored["down_id"] for stored in fleet.silver(DOWNTIME).values()} == {
        found and fleet.codes.by_text[found]
    }
    counted = query(
        fleet.connection,
        "SELECT company_id, source_down_id, down_code, fault, loaded_as, stops"
        " FROM _etl.v_unknown_codes",
    )
    number, text = sent.get("down_id"), sent.get("down_code")
    assert counted == ([("C", number, text, fault, found, 2)] if fault else [])


def test_a_new_code_or_company_has_the_numbers_of_the_catalogue(fleet: Fleet) -> None:
    mapping = "SELECT source_down_id, down_id FROM master.downtime_code_mapping"
    with_new = "WITH new AS (INSERT INTO master.downtime_codes (down_code) VALUES ('NEW')"
    new = value(fleet.connection, f"{with_new} RETURNING down_id) SELECT down_id FROM new")
    taken = value(fleet.connection, "SELECT max(iot_id) FROM master.companies")
    assert (new, new) in query(fleet.connection, f"{mapping} WHERE company_iot_id = %s", taken)
    company = value(
        fleet.connection,
        "INSERT INTO master.companies (company_id, company_name) VALUES ('N', 'N')"
        " RETURNING iot_id",
    )
    codes = query(fleet.connection, "SELECT down_id, down_id FROM master.downtime_codes")
    assert set(query(fleet.connection, f"{mapping} WHERE company_iot_id = %s", company)) == set(
        codes
    )
    run(fleet.connection, "DELETE FROM master.companies WHERE iot_id = %s", company)
    run(fleet.connection, "DELETE FROM master.downtime_codes WHERE down_id = %s", new)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (0.5, 1), (1.5, 2), (2.5, 3), (-0.5, -1), (-2.5, -3), (0.49999999999999994, 0),
        (2147483647.4, 2147483647), (-2147483648.4, -2147483648), (None, None),
    ],
)  # fmt: skip
def test_counts_are_rounded_half_away_from_zero(
    fleet: Fleet, sent: float | None, stored: int | None
) -> None:
    fleet.send(FOCAS, [row(FOCAS, part_count=sent)])
    fleet.load(FOCAS)
    [found] = fleet.silver(FOCAS).values()
    assert found["part_count"] == stored


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (1.0005, "1.001"),
        (-1.0005, "-1.001"),
        (2.0004999, "2.000"),
        (999999999.999, "999999999.999"),
    ],
)
def test_energy_is_rounded_as_the_decimal_that_was_sent(
    fleet: Fleet, sent: float, stored: str
) -> None:
    fleet.send(ENERGY, [row(ENERGY, total_energy=sent)])
    fleet.load(ENERGY)
    [found] = fleet.silver(ENERGY).values()
    assert found["total_energy"] == Decimal(stored)


@pytest.mark.parametrize("name", ["machine_alarms", "machine_energy"])
def test_a_key_that_was_not_sent_is_empty(fleet: Fleet, name: str) -> None:
    fact = FACTS[name]
    assert fact.key
    fleet.send(fact, [row(fact) | {fact.key: None}, row(fact) | {fact.key: ""}])
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_merged"]) == (1, 1)
    assert list(fleet.silver(fact)) == [(1, AT, "")]


@pytest.mark.requires("community")
@pytest.mark.parametrize("fact", [CYCLES, *OTHER_FACTS], ids=lambda fact: fact.name)
def test_rows_of_compressed_chunks_are_completed_and_duplicates_of_them_merged(
    fleet: Fleet, fact: Fact
) -> None:
    old = [row(fact, n) for n in (0, 1, 2)]
    own = next((name for name, kind in fact.own.items() if kind in ("integer", "count")), None)
    fleet.send(fact, old)
    fleet.load(fact)
    run(fleet.connection, f"SELECT compress_chunk(c) FROM show_chunks('silver.{fact.name}') AS c")
    more = [row(fact, 1, **({own: 5} if own else {})), row(fact, 2), row(fact, 3)]
    fleet.send(fact, more)
    log = fleet.load(fact)
    assert (log["rows_loaded"], log["rows_merged"]) == (1, 2)
    assert fleet.silver(fact) == fleet.expect(fact, [*old, *more]).silver


def test_the_jobs_start_six_seconds_apart(fleet: Fleet, server: Server) -> None:
    if "community" not in server.capabilities:
        pytest.skip("this edition has no jobs")
    starts = query(
        fleet.connection,
        "SELECT j.proc_name, extract(second FROM j.initial_start)::integer"
        " FROM timescaledb_information.jobs AS j"
        " WHERE j.proc_schema = '_etl' AND j.proc_name LIKE 'sp\\_load\\_%' ORDER BY 2",
    )
    assert starts == [
        (f"sp_load_{fact.name}", 6 * place) for place, fact in enumerate((CYCLES, *OTHER_FACTS))
    ]
