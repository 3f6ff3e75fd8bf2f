"""Scratch databases where a server has one database: on another server, never in that one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from setu.chain.settings import Settings
from setu.cli.commands.drift import drift_of_database
from setu.cli.commands.plan import plan_of_database
from setu.review.scratch import ScratchError
from tests.chain import Chain
from tests.servers.embedded import Embedded


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    server = Embedded()
    try:
        chain = Chain(server.create_database(), server.capabilities)
        chain.upgrade("0103")
        yield chain
    finally:
        server.close()


@pytest.fixture(autouse=True)
def address(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", chain.url)


def test_drift_and_plan_work_beside_an_embedded_server(chain: Chain) -> None:
    before = chain.catalog().to_json()
    assert drift_of_database(Settings()).differences == ()
    plan = plan_of_database("0105", Settings())
    assert [step.revision for step in plan.steps] == ["0104", "0105"]
    assert chain.catalog().to_json() == before


def test_a_server_of_one_database_takes_no_scratch_database(chain: Chain) -> None:
    before = chain.catalog().to_json()
    with pytest.raises(ScratchError, match="could not be made") as refused:
        plan_of_database("0105", Settings(), chain.url)
    assert "This server has one database" in str(refused.value)
    assert chain.catalog().to_json() == before
