"""A deploy whose session or server ends between two statements says so once, and goes on later."""

from __future__ import annotations

import itertools
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random

import psycopg2
import pytest
from alembic.config import main as alembic

from setu.simulate.fleet import V1_TABLES
from setu.simulate.fleet_size import FleetSize
from tests.chain import HEAD, Chain, chain_on
from tests.concurrency.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.concurrency.own_server import OwnServer
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server
from tests.v1 import ROOT

pytestmark = pytest.mark.requires("multi_session")
FLEET = FleetSize(companies=1, plants=1, machines=2, days=15, cycles_per_machine_day=2)
#: What comes before the first step: the session's settings, the deploy lock, pre-flight.
BEFORE_STEPS = 95
#: A step in one transaction must fit in: the longest has some two hundred statements.
FARTHEST = 900
LIMIT = 60


def fill(chain: Chain) -> None:
    """v1 with a few rows."""
    chain.upgrade("0001")
    chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))


@pytest.fixture
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        fill(chain)
        yield chain


@pytest.fixture
def proxy(v1: Chain) -> Iterator[CuttingProxy]:
    def end(pid: int) -> None:
        v1.value("SELECT pg_terminate_backend(%s)", pid)

    with cutting_proxy(v1.url, end) as made:
        yield made


@pytest.fixture
def deploys(
    v1: Chain,
    proxy: CuttingProxy,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Deploys:
    monkeypatch.setenv("DATABASE_URL", proxy.url)
    monkeypatch.chdir(ROOT)
    return Deploys(v1, capsys, caplog)


class Deploys:
    """Runs ``alembic`` in this process, and looks at what it says."""

    def __init__(
        self, chain: Chain, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        self._chain = chain
        self._capsys = capsys
        self._caplog = caplog

    def run(self, *words: str) -> int:
        """The exit code; a message that is none, or not the only one, fails the test."""
        self._caplog.clear()
        self._capsys.readouterr()
        code = 0
        x = [word for setting in self._chain.x for word in ("-x", setting)]
        try:
            alembic([*x, *words], prog="alembic")
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr().err
        logged = [r for r in self._caplog.records if r.levelno >= logging.ERROR or r.exc_info]
        assert not logged, [r.getMessage() for r in logged]
        if code:
            one_message(said)
        return code


def one_message(said: str) -> None:
    """It is one foreseen failure: a title, lines below it, and what to do at its end."""
    titles = [line for line in said.splitlines() if line and not line.startswith(" ")]
    assert len(titles) == 2, said
    assert titles[0].startswith(("The connection was lost", "The connection failed")), said
    assert titles[1].startswith("What to do: "), said


#: A line of the log, which goes to the error stream as well.
LOGGED = re.compile(r"\d\d:\d\d:\d\d ")
CUTS: tuple[Cut, ...] = ("unsent", "unanswered", "ended")


def test_a_session_that_ends_at_any_statement_gives_one_message_and_loses_nothing(
    v1: Chain, proxy: CuttingProxy, deploys: Deploys
) -> None:
    before = v1.rows(*V1_TABLES)
    chance = Random(20_263)
    for words, goal in ((("upgrade", "head"), HEAD), (("downgrade", "0001"), "0001")):
        cut = 0
        for number in range(LIMIT):
            early = number < len(CUTS)
            first, last = (1, BEFORE_STEPS) if early else (BEFORE_STEPS, FARTHEST)
            proxy.cut(CUTS[number % len(CUTS)], chance.randint(first, last))
            if deploys.run(*words) == 0:
                break
            cut += 1
        assert v1.revision() == goal
        assert cut > len(CUTS)
        if goal == HEAD:
            assert v1.broken() == []
    assert v1.rows(*V1_TABLES) == before


@pytest.mark.parametrize("kind", CUTS)
def test_a_session_that_ends_at_each_of_the_last_statements_is_no_success(
    v1: Chain, proxy: CuttingProxy, deploys: Deploys, kind: Cut
) -> None:
    proxy.cut(kind, 0)
    assert deploys.run("upgrade", "0101") == 0
    in_all = proxy.statements
    assert deploys.run("downgrade", "0001") == 0
    for at in (in_all - 4, in_all - 2, in_all):
        proxy.cut(kind, at)
        # Where the step was through, the answer to it was lost, or the lock's release.
        assert deploys.run("upgrade", "0101") == 1, at
        proxy.cut(kind, 0)
        assert deploys.run("upgrade", "0101") == 0
        assert deploys.run("downgrade", "0001") == 0


@pytest.mark.parametrize("kind", CUTS)
def test_the_command_line_ends_with_the_message_alone(
    v1: Chain, proxy: CuttingProxy, kind: Cut
) -> None:
    x = [word for setting in v1.x for word in ("-x", setting)]
    for at in (90, 150):
        proxy.cut(kind, at)
        done = subprocess.run(
            [sys.executable, "-m", "alembic.config", *x, "upgrade", "0102"],
            cwd=ROOT, env={**os.environ, "DATABASE_URL": proxy.url, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        one_message("\n".join(
            line for line in done.stderr.splitlines() if not LOGGED.match(line)
        ))  # fmt: skip


@pytest.mark.requires("native")
def test_a_server_that_is_killed_at_a_statement_gives_one_message_and_loses_nothing(
    own_server: OwnServer,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    chain = Chain(own_server.url, server.capabilities)
    with suppress(psycopg2.errors.DuplicateObject):
        chain.run("CREATE EXTENSION timescaledb")
    fill(chain)
    before = chain.rows(*V1_TABLES)
    deploys = Deploys(chain, capsys, caplog)
    chance = Random(20_264)

    def kill(_: int) -> None:
        own_server.kill()

    with cutting_proxy(own_server.url, kill) as proxy:
        monkeypatch.setenv("DATABASE_URL", proxy.url)
        killed = 0
        for words in (("upgrade", "head"), ("downgrade", "0001")):
            for number in itertools.count():
                proxy.cut("ended", chance.randint(BEFORE_STEPS, FARTHEST) if number < 4 else 0)
                if deploys.run(*words) == 0:
                    break
                killed += 1
                own_server.start()
        assert killed >= 3
    assert chain.rows(*V1_TABLES) == before
