"""The second release, rehearsed: everyday changes after a release, on a copy of the repository.

After each change three databases end in the same catalog: one that comes from v1, one that stood at
the release with data in it, and a new one. Down and up again restores catalog and rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from setu.catalog import Catalog, differences, render_differences
from setu.chain.fresh import apply_fresh
from setu.chain.releases import read_releases, verify_released, write_release
from setu.chain.repository import steps_to
from setu.db.connection import connected
from setu.review.expected import freeze_catalog
from setu.review.lint import lint
from setu.review.verification import broken_checks
from tests.chain import Chain, chain_on
from tests.second_release import (
    CHANGES,
    Copy,
    Rows,
    at_the_release_with_data,
    fill,
    same_rows,
)
from tests.servers.at_hand import Server

NAMES = [change.__name__ for change in CHANGES]
#: Files edited by hand, at most.
BUDGET = {"column_from_gateway_to_gold": 8}
OPERATORS = """
SELECT machine_iot_id, down_start, operator_id
FROM silver.machine_downtime
ORDER BY machine_iot_id, down_start"""


@dataclass(repr=False)
class Seen:
    """What one change did to each of the databases."""

    edited: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    before: Catalog | None = None
    stood: Catalog | None = None
    down: Catalog | None = None
    again: Catalog | None = None
    new: Catalog | None = None
    from_v1: Catalog | None = None
    rows_before: Rows = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    rows_down: Rows = field(default_factory=dict)
    rows_again: Rows = field(default_factory=dict)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the repository, released."""
    copy = Copy.of_this(tmp_path_factory.mktemp("repository"))
    write_release(copy.root, "2.0")
    freeze_catalog(copy.root)
    return copy


@pytest.fixture(scope="module")
def stood(server: Server, copy: Copy) -> Iterator[Chain]:
    """A database at the release, with data in it; it follows the changes."""
    with pytest.MonkeyPatch.context() as patch, chain_on(server, copy.root) as chain:
        patch.chdir(copy.root)
        at_the_release_with_data(chain)
        yield chain


@pytest.fixture(scope="module")
def seen(server: Server, copy: Copy, stood: Chain) -> dict[str, Seen]:
    """The changes, one after the other."""
    return {change.__name__: see(change.__name__, copy, stood, server) for change in CHANGES}


def see(name: str, copy: Copy, stood: Chain, server: Server) -> Seen:
    """Make one change, and take each database to it."""
    seen = Seen(before=stood.catalog(), rows_before=stood.rows())
    previous = steps_to(copy.root)[-1].revision
    copy.edited.clear()
    next(change for change in CHANGES if change.__name__ == name)(copy)
    seen.edited = sorted(copy.edited)
    seen.problems = lint(copy.root)
    stood.upgrade()
    fill(name, stood)
    seen.stood, seen.rows = stood.catalog(), stood.rows()
    seen.broken = broken(stood)
    stood.downgrade(previous)
    seen.down, seen.rows_down = stood.catalog(), stood.rows()
    stood.upgrade()
    seen.again, seen.rows_again = stood.catalog(), stood.rows()
    with chain_on(server, copy.root) as from_v1:
        from_v1.upgrade()
        seen.from_v1 = from_v1.catalog()
    with chain_on(server, copy.root) as new:
        make_fresh(new)
        seen.new = new.catalog()
    return seen


def broken(chain: Chain) -> list[str]:
    with connected(chain.url, "test") as connection:
        return broken_checks(connection, chain.root, chain.settings)


def make_fresh(chain: Chain) -> None:
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        apply_fresh(connection, chain.root, chain.settings)


def same(expected: Catalog | None, actual: Catalog | None) -> None:
    assert expected is not None
    assert actual is not None
    found = render_differences(differences(expected, actual))
    assert not found, found


def test_a_new_database_needs_no_step(server: Server, tmp_path: Path) -> None:
    copy = Copy.of_this(tmp_path)
    for folder in ("schema", *(f"sql/{name}" for name in ("preflight", "operations", "standing"))):
        shutil.rmtree(copy.root / folder)
    for file in copy.root.glob("sql/**/*.sql"):
        file.unlink()
    with chain_on(server, copy.root) as chain:
        make_fresh(chain)
        assert chain.revision() == steps_to(copy.root)[-1].revision


# Databases beside each other: the embedded server has one.
each = pytest.mark.parametrize(
    "change",
    [pytest.param(name, marks=pytest.mark.requires("multi_session")) for name in NAMES],
)


@each
def test_a_change_keeps_the_rules(seen: dict[str, Seen], change: str) -> None:
    assert seen[change].problems == []


@each
def test_a_database_that_stood_at_the_release_ends_like_one_from_v1(
    seen: dict[str, Seen], change: str
) -> None:
    same(seen[change].from_v1, seen[change].stood)


@each
def test_a_new_database_ends_like_one_from_v1(seen: dict[str, Seen], change: str) -> None:
    same(seen[change].from_v1, seen[change].new)


@each
def test_a_change_is_one(seen: dict[str, Seen], server: Server, change: str) -> None:
    if change == "view_dropped" and "community" not in server.capabilities:
        return
    assert differences(seen[change].before or Catalog(), seen[change].stood or Catalog())


@each
def test_down_restores_catalog_and_rows(seen: dict[str, Seen], change: str) -> None:
    same(seen[change].before, seen[change].down)
    same_rows(seen[change].rows_before, seen[change].rows_down)


@each
def test_down_and_up_again_restores_catalog_and_rows(seen: dict[str, Seen], change: str) -> None:
    same(seen[change].stood, seen[change].again)
    same_rows(seen[change].rows, seen[change].rows_again)


@each
def test_what_must_hold_at_the_head_holds(seen: dict[str, Seen], change: str) -> None:
    assert seen[change].broken == []


@each
def test_a_change_takes_no_more_files_by_hand_than_it_may(
    seen: dict[str, Seen], change: str
) -> None:
    files = seen[change].edited
    assert len(files) <= BUDGET.get(change, 10), files


def test_nothing_released_has_changed(seen: dict[str, Seen], copy: Copy) -> None:
    assert len(seen) == len(CHANGES)
    verify_released(copy.root)
    [release] = read_releases(copy.root)
    assert release.version == "2.0"
    assert [step.phase for step in steps_to(copy.root)[-len(CHANGES) :]] == ["r2_1"] * len(CHANGES)


def test_the_changes_can_be_released_in_turn(seen: dict[str, Seen], copy: Copy) -> None:
    assert seen
    release = write_release(copy.root, "2.1")
    assert len(release.steps) == len(CHANGES)
    assert lint(copy.root) == []


@pytest.mark.requires("multi_session")
def test_a_later_release_goes_to_v1_and_up_again(seen: dict[str, Seen], stood: Chain) -> None:
    assert seen
    before, operators = stood.catalog(), stood.query(OPERATORS)
    stood.downgrade("0001")
    stood.upgrade()
    same(before, stood.catalog())
    assert stood.query(OPERATORS) == operators
    assert any(operator for _, _, operator in operators)


def test_a_database_at_a_release_goes_back_past_what_a_later_one_drops(
    server: Server, tmp_path: Path
) -> None:
    copy = Copy.of_this(tmp_path)
    write_release(copy.root, "2.0")
    freeze_catalog(copy.root)
    copy.remove("schema_new/silver/Tables/customer_feedback.sql")
    with chain_on(server, copy.root) as chain:
        chain.upgrade()
        chain.downgrade("0001")
        assert chain.revision() == "0001"
