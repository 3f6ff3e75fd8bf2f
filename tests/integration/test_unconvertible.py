"""Values that v2 cannot hold: reported before anything changes, quarantined when they come late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from setu.errors import PreflightError, StatementError
from setu.simulate.fleet import V1_TABLES
from tests.chain import HEAD, Chain, chain_on
from tests.edge_cases.rows import (
    LAST_MIDNIGHT,
    edge_case_rows,
    unconvertible_licences,
    unconvertible_numbers,
    unmappable_shifts,
)
from tests.servers.at_hand import Server


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """v1 with edge cases, all of which can be converted."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            edge_case_rows(connection)
            connection.commit()
        yield chain


def test_what_cannot_be_converted_is_counted_with_samples_and_nothing_changes(
    chain: Chain,
) -> None:
    with chain.session() as connection:
        connection.autocommit = False
        unconvertible_numbers(connection, until=LAST_MIDNIGHT)
        unconvertible_licences(connection)
        unmappable_shifts(connection)
        connection.commit()
    catalog, rows = chain.catalog(), chain.rows()
    with pytest.raises(PreflightError) as caught:
        chain.upgrade()
    said = caught.value.message
    for wanted in (
        "Nothing has been changed",
        # Five columns of focas and two of tools, seven numbers each; three columns, six numbers.
        "v1 counters do not fit v2's 32-bit integers: 49 rows.",
        "v1 energies do not fit v2's numeric(12,3): 18 rows.",
        "v1 machine assets have licence types that v2 has no tier for: 6 rows.",
        "license_type is 'Gold'",
        "… and 44 more",
        "M-1 of company north: part_count is 2147483647.4999995",
        "M-1 of company north: servo_energy is 999999999.9995",
        "→ Correct the values in silver.machine_energy, or delete the rows",
        "no start_time",
        "shifts X1 and X2",
    ):
        assert wanted in said, said
    assert chain.revision() == "0001"
    assert (chain.catalog(), chain.rows()) == (catalog, rows)


def test_edge_case_values_that_can_be_converted_pass(chain: Chain) -> None:
    chain.upgrade()
    assert chain.revision() == HEAD


LATE = LAST_MIDNIGHT - timedelta(days=2)
TOO_MUCH = (
    "INSERT INTO silver.machine_focas (time, company_id, machine_id, pot, created_at)"
    f" VALUES ('{LATE}', 'north', 'M-3', 3e9, now())"
)


def test_a_value_that_comes_after_the_check_stops_the_swap_and_not_v1(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.upgrade("0103")
    chain.run(TOO_MUCH)  # v1's own write goes through
    v1 = chain.rows(*V1_TABLES)
    with pytest.raises(PreflightError, match="pot is 3000000000"):
        chain.upgrade()
    # As if it had come after the check.
    monkeypatch.setattr("setu.preflight.check", lambda *_, **__: None)
    with pytest.raises(StatementError, match="rows that v1 has written") as caught:
        chain.upgrade()
    assert "machine_focas of north/M-3 at " in str(caught.value)
    assert "integer out of range" in str(caught.value)
    assert "delete them, then upgrade again" in str(caught.value)
    assert chain.query("SELECT table_name, event_time, sqlstate FROM _stage.migrate_failures") == [
        ("machine_focas", LATE, "22003")
    ]
    assert (chain.revision(), chain.rows(*V1_TABLES)) == ("0105", v1)

    chain.run(f"UPDATE silver.machine_focas SET pot = 3e8 WHERE time = '{LATE}' AND pot = 3e9")
    chain.upgrade()
    assert chain.value(f"SELECT pot FROM silver.machine_focas WHERE event_time = '{LATE}'") == (
        300_000_000
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE master.machine_assets SET license_type = 'Gold' WHERE asset_id = 'A-2'",
            "Gold of A-2",
        ),
        (
            "UPDATE master.shifts SET duration_hrs = 0 WHERE shift_id = 'B' AND company_id ="
            " 'south'",
            "south/P-1/B",
        ),
        (
            "UPDATE master.shifts SET start_time = '07:00' WHERE shift_id = 'A' AND company_id ="
            " 'north' AND plant_id = 'P-1'",
            "overlap",
        ),
    ],
    ids=["licence", "shift of no length", "overlapping shifts"],
)
def test_a_master_that_v1_spoils_after_the_check_stops_the_swap(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, change: str, said: str
) -> None:
    chain.upgrade("0106")
    chain.run(change)
    v1 = chain.rows(*V1_TABLES)
    monkeypatch.setattr("setu.preflight.check", lambda *_, **__: None)
    with pytest.raises(StatementError, match=said):
        chain.upgrade()
    assert (chain.revision(), chain.rows(*V1_TABLES)) == ("0106", v1)
