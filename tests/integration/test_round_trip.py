"""Three roads, one catalog; and at every revision the way back, with data in the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from setu.catalog import Catalog, differences, render_differences
from setu.catalog.fingerprint import RowFingerprint, fingerprint_differences
from setu.chain.fresh import apply_fresh
from setu.chain.includes import included_sections
from setu.chain.order import schema_sections
from setu.errors import RevisionStateError
from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import BEFORE, HEAD, REVISIONS, STEPS, Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FLEET = FleetSize(companies=2, plants=2, machines=2, days=10, cycles_per_machine_day=6)
CODE = ("Functions", "Stored Procedures", "Views")
Rows = dict[str, RowFingerprint]


ROLES_ELSEWHERE = """
SELECT count(*)
FROM pg_shdepend AS d
INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
INNER JOIN pg_database AS b ON b.oid = d.dbid AND b.datname <> current_database()
WHERE r.rolname IN ('setu_ingest', 'setu_etl')
"""


@dataclass(repr=False)
class Walk:
    """What one walk over the chain saw, by revision."""

    catalogs: dict[str, Catalog] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)
    back: dict[str, Catalog] = field(default_factory=dict)
    broken_after_down: dict[str, list[str]] = field(default_factory=dict)
    again: dict[str, Catalog] = field(default_factory=dict)
    rows_before: dict[str, Rows] = field(default_factory=dict)
    rows_after: dict[str, Rows] = field(default_factory=dict)
    down: dict[str, Catalog] = field(default_factory=dict)
    v1: Rows = field(default_factory=dict)
    v1_after: Rows = field(default_factory=dict)
    upgraded: Catalog | None = None
    roles_shared: bool = False


def with_data(chain: Chain) -> None:
    """Take an empty database to v1, with a fleet and edge cases."""
    chain.upgrade("0001")
    with chain.session() as connection:
        connection.autocommit = False
        make_fleet(connection, FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        edge_case_rows(connection)
        connection.commit()


@pytest.fixture(scope="module")
def walk(server: Server) -> Walk:
    """One walk: at each revision up, down and up again; from the head to v1; and up once more."""
    seen = Walk()
    with chain_on(server) as chain:
        with_data(chain)
        seen.v1 = chain.rows(*V1_TABLES)
        seen.catalogs["0001"] = chain.catalog()
        for revision, before in BEFORE.items():
            seen.rows_before[revision] = chain.rows()
            chain.upgrade(revision)
            seen.catalogs[revision] = chain.catalog()
            seen.broken[revision] = chain.broken()
            chain.downgrade(before)
            seen.back[revision] = chain.catalog()
            seen.broken_after_down[revision] = chain.broken(revision)
            seen.rows_after[revision] = chain.rows()
            chain.upgrade(revision)
            seen.again[revision] = chain.catalog()
        for revision in reversed(REVISIONS[:-1]):
            chain.downgrade(revision)
            seen.down[revision] = chain.catalog()
        seen.v1_after = chain.rows(*V1_TABLES)
        seen.roles_shared = chain.value(ROLES_ELSEWHERE) > 0
        chain.upgrade()
        seen.upgraded = chain.catalog()
    return seen


def same(expected: Catalog | None, actual: Catalog | None) -> None:
    """Fail with what differs between two catalogs."""
    assert expected is not None
    assert actual is not None
    found = render_differences(differences(expected, actual))
    assert not found, found


def same_rows(expected: Rows, actual: Rows) -> None:
    """Fail with the tables whose rows differ."""
    found = [d.render() for d in fingerprint_differences(expected, actual)]
    assert not found, found


after_v1 = pytest.mark.parametrize("revision", REVISIONS[1:])


@after_v1
def test_every_applied_revision_verifies_after_an_upgrade(walk: Walk, revision: str) -> None:
    assert walk.broken[revision] == []


@after_v1
def test_a_downgrade_gives_the_catalog_from_before(walk: Walk, revision: str) -> None:
    same(walk.catalogs[BEFORE[revision]], walk.back[revision])


# What a downgrade leaves in the tables on purpose, as its header says.
KEPT: dict[str, str | tuple[str, ...]] = {
    "0103": "_stage.",
    "0107": ("_stage.backfill_progress", "_stage.noted_masters"),
    "0110": "master.shift_calendar",
    "0205": "bronze.raw_machine_",
    "0401": "_etl.watermarks",
}


@after_v1
def test_a_downgrade_leaves_every_live_row_as_it_was(walk: Walk, revision: str) -> None:
    before, after = dict(walk.rows_before[revision]), dict(walk.rows_after[revision])
    kept = KEPT.get(revision)
    if kept is not None:
        assert changed_under(kept, before) != changed_under(kept, after)
    same_rows(before, after)


def changed_under(
    prefix: str | tuple[str, ...], rows: dict[str, RowFingerprint]
) -> dict[str, RowFingerprint | None]:
    """Take the tables with one of the prefixes out, and give them back."""
    return {name: rows.pop(name, None) for name in [*rows] if name.startswith(prefix)}


@after_v1
def test_verify_of_a_revision_fails_after_its_downgrade(
    walk: Walk, server: Server, revision: str
) -> None:
    # Without jobs, aggregates and column store there is nothing that these could miss.
    nothing = "community" not in server.capabilities and revision in ("0404", "0502")
    # Another database of the server keeps the roles' settings as they are.
    nothing |= revision == "0501" and walk.roles_shared
    assert walk.broken_after_down[revision] == ([] if nothing else [revision])


@after_v1
def test_upgrading_again_gives_the_same_catalog(walk: Walk, revision: str) -> None:
    same(walk.catalogs[revision], walk.again[revision])


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_the_walk_down_meets_the_catalogs_of_the_way_up(walk: Walk, revision: str) -> None:
    same(walk.catalogs[revision], walk.down[revision])


def test_v1_has_its_rows_to_the_bit_after_the_way_down(walk: Walk) -> None:
    same_rows(walk.v1, walk.v1_after)


def test_up_down_and_up_ends_in_the_catalog_of_up(walk: Walk) -> None:
    same(walk.catalogs[HEAD], walk.upgraded)


def make_fresh(chain: Chain) -> str:
    """v2 without the chain."""
    engine = create_engine(
        make_url(chain.url).set(drivername="postgresql+psycopg2"), poolclass=NullPool
    )
    with engine.connect() as connection:
        return apply_fresh(connection, ROOT, chain.settings)


def test_schema_new_in_an_empty_database_gives_the_catalog_of_the_chain(
    walk: Walk, server: Server
) -> None:
    with chain_on(server) as chain:
        assert make_fresh(chain) == HEAD
        same(walk.catalogs[HEAD], chain.catalog())
        assert chain.revision() == HEAD


def test_an_empty_v1_ends_in_the_catalog_that_a_full_one_ends_in(
    walk: Walk, server: Server
) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        same(walk.catalogs[HEAD], chain.catalog())
        chain.downgrade("base")
        assert not chain.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'silver'")


@pytest.mark.parametrize("revision", ["0001", HEAD])
def test_fresh_refuses_a_database_that_is_not_empty(server: Server, revision: str) -> None:
    with chain_on(server) as chain:
        chain.upgrade(revision)
        before = chain.catalog()
        with pytest.raises(RevisionStateError, match=f"revision {revision}"):
            make_fresh(chain)
        same(before, chain.catalog())


def test_every_section_of_schema_new_is_included_by_exactly_one_upgrade() -> None:
    included = []
    for step in STEPS:
        file = step.directory / "up.sql"
        name = file.relative_to(ROOT).as_posix()
        included += included_sections(file.read_text(encoding="utf-8"), name, ROOT)
        if step.revision < "0107":
            # Code that works in _stage until the swap is made anew by it; tables move.
            included = [s for s in included if s.file.split("/")[-2] not in CODE]
    labels = [
        s.label
        for s in included
        if s.file.startswith("schema_new/") and not s.file.startswith("schema_new/_archive/")
    ]
    there = [s.label for s in schema_sections(ROOT)]
    # v1 has made these schemas.
    there.remove("schema_new/schemas.sql#schemas")
    assert sorted(labels) == sorted(there)


def test_the_walk_can_tell_a_catalog_that_is_not_restored(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        before = chain.catalog()
        chain.upgrade("0101")
        chain.run("ALTER TABLE master.plants ALTER COLUMN plant_city SET DEFAULT 'Pune'")
        chain.downgrade("0001")
        with pytest.raises(AssertionError, match="plant_city"):
            same(before, chain.catalog())


def test_the_walk_can_tell_a_row_that_is_not_restored(server: Server) -> None:
    with chain_on(server) as chain:
        with_data(chain)
        before = chain.rows(*V1_TABLES)
        chain.upgrade("0107")
        chain.run("DELETE FROM _archive.machine_cycles WHERE machine_id = 'M-404'")
        chain.downgrade("0001")
        with pytest.raises(AssertionError, match=r"silver\.machine_cycles"):
            same_rows(before, chain.rows(*V1_TABLES))
