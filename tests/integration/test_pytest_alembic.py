"""pytest-alembic's own tests, on the real chain: one head, all the way up, and down again.

Its plugin does not load with pytest 9, so its tests are called with its runner.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_alembic
from pytest_alembic.config import Config
from pytest_alembic.tests import test_single_head_revision as single_head_revision
from pytest_alembic.tests import test_up_down_consistency as up_down_consistency
from sqlalchemy import NullPool, create_engine, make_url

from tests.chain import HEAD, REVISIONS, Chain, chain_on
from tests.servers.at_hand import Server


@pytest.fixture(scope="module")
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        yield made


@pytest.fixture
def runner(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest_alembic.MigrationContext]:
    monkeypatch.setenv("DATABASE_URL", chain.url)
    address = make_url(chain.url).set(drivername="postgresql+psycopg2")
    engine = create_engine(address, poolclass=NullPool)
    with pytest_alembic.runner(Config(alembic_config=chain.config()), engine) as made:
        yield made


def test_the_chain_has_a_single_head(runner: pytest_alembic.MigrationContext) -> None:
    single_head_revision(runner)
    assert runner.heads == [HEAD]
    assert [r for r in runner.history.revisions if r in REVISIONS] == list(REVISIONS)


def test_each_revision_goes_up_and_down_and_up_again(
    runner: pytest_alembic.MigrationContext, chain: Chain
) -> None:
    up_down_consistency(runner)
    assert chain.revision() == HEAD
