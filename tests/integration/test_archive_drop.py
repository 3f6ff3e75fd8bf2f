"""Dropping v1's rows for good: when it refuses, and what refuses afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from setu.db.connection import connected
from setu.errors import PreflightError
from setu.ops.archive import ArchiveError, Dropped, drop_archive
from setu.ops.reconciliation import read_reconciliation
from setu.review.verification import broken_checks
from setu.simulate.fleet import V1_TABLES
from setu.simulate.fleet_size import FleetSize
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FLEET = FleetSize(companies=1, plants=1, machines=2, days=10, cycles_per_machine_day=4)


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """A database at v1 with a fleet."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET)
        yield chain


def drop(chain: Chain) -> list[Dropped]:
    """``setu archive drop --yes``."""
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    with connected(url, "test") as connection:
        return drop_archive(
            connection,
            ROOT,
            chain.settings,
            lambda: broken_checks(connection, ROOT, chain.settings),
        )


def test_dropping_the_archive_refuses_while_v1_is_still_needed(chain: Chain) -> None:
    chain.upgrade("0204")
    with pytest.raises(ArchiveError, match="at 0204"):
        drop(chain)
    assert chain.value("SELECT count(*) FROM _archive.machine_cycles") > 0


def test_dropping_the_archive_refuses_while_a_check_does_not_hold(chain: Chain) -> None:
    chain.upgrade()
    chain.run("DROP INDEX bronze.raw_machine_cycles_id_time_idx")
    with pytest.raises(ArchiveError, match="hypertables"):
        drop(chain)
    assert chain.value("SELECT count(*) FROM _archive.machine_cycles") > 0


def test_downgrade_refuses_when_archive_was_dropped(chain: Chain) -> None:
    chain.upgrade()
    catalog, rows = chain.catalog(), chain.rows()
    dropped = drop(chain)
    assert {table.table for table in dropped} == {name.split(".")[1] for name in V1_TABLES}
    assert chain.broken() == []
    assert (chain.catalog(), chain.rows()) == (catalog, rows)
    with pytest.raises(ArchiveError, match="dropped already"):
        drop(chain)

    with pytest.raises(PreflightError, match="no way back to v1"):
        chain.downgrade("0001")
    assert chain.revision() == HEAD

    chain.downgrade("0205")
    chain.upgrade()
    assert chain.catalog() == catalog


def test_the_report_still_counts_when_archive_was_dropped(chain: Chain) -> None:
    chain.upgrade()
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    with connected(url, "test") as connection:
        before = read_reconciliation(connection)
    drop(chain)
    with connected(url, "test") as connection:
        after = read_reconciliation(connection)
    facts = [a for a in before.tables if a.table.startswith(("silver.", "alerting.history"))]
    assert [*after.tables] == facts
    [cycles] = [a for a in facts if a.table == "silver.machine_cycles"]
    assert cycles.v1_rows == FLEET.cycle_count + FLEET.processed_payloads
    assert (after.orphans, after.payloads) == (None, None)


@pytest.mark.parametrize(
    ("revision", "before", "table"),
    [
        ("0205", "0204", "raw_telemetry"),
        ("0108", "0107", "machine_cycles"),
        ("0107", "0106", "machine_cycles"),
    ],
)
def test_a_downgrade_is_refused_when_v1_rows_were_dropped_by_hand(
    chain: Chain, revision: str, before: str, table: str
) -> None:
    chain.upgrade(revision)
    chain.run(
        "DROP FUNCTION IF EXISTS _archive.payload_digest",
        "DROP VIEW IF EXISTS _archive.v_oee_dashboard, _archive.v_downtime_dashboard,"
        " _archive.v_production_dashboard, _archive.v_live_machine_status",
        # Its functions and, where there are any, its aggregates go with it.
        f"DROP TABLE _archive.{table} CASCADE",
    )
    rows = chain.rows()
    with pytest.raises(PreflightError, match="no longer in _archive") as refusal:
        chain.downgrade(before)
    assert "restore a backup" in str(refusal.value)
    assert chain.revision() == revision
    assert chain.rows() == rows
