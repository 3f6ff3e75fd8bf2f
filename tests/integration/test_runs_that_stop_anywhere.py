"""A run that stops after any statement goes on when it is started again, or is taken back.

All of it with pre-flight, as an operator would: the same command again, or the way back.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from alembic import command
from setu.catalog.fingerprint import RowFingerprint
from setu.chain import runner
from setu.chain.failures import Position
from setu.chain.script import Statement
from setu.errors import SetuError
from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import STEPS, Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=1, plants=1, machines=2, days=10, cycles_per_machine_day=4)
#: Far more runs than there are places to stop at.
LIMIT = 1000


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        fill(chain)
        yield chain


def fill(chain: Chain) -> None:
    """v1 with rows."""
    chain.upgrade("0001")
    with chain.session() as connection:
        connection.autocommit = False
        make_fleet(connection, FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        edge_case_rows(connection)
        with connection.cursor() as cursor:
            # Another database has the same rows, whatever the time of day.
            cursor.execute(
                "SELECT c.table_schema || '.' || c.table_name FROM information_schema.columns AS c"
                " WHERE c.table_schema = 'silver' AND c.column_name = 'created_at'"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f"UPDATE {table} SET created_at = '2026-01-01 00:00+00'")
        connection.commit()


def migrated_rows(chain: Chain) -> dict[str, RowFingerprint]:
    """What was migrated, without what a load or the clock of this run puts beside it."""
    return {
        table: found
        for table, found in chain.rows().items()
        if table.split(".")[0] in ("master", "silver", "config", "alerting")
        and table != "silver.latest_cycle_state"
    }


class PlugPulledError(SetuError):
    """The run stops here."""


class Plug:
    """Stops a run once after each statement that commits, and once in each transaction.

    :ivar stops: how often a run was stopped in each script, by step and direction.
    """

    def __init__(self, execute: Callable[..., None]) -> None:
        self._execute = execute
        self._done: set[object] = set()
        self.stops: dict[tuple[str, str], int] = {}

    def __call__(
        self, where: Position, part: str, statement: Statement, *rest: Any, **more: Any
    ) -> None:
        self._execute(where, part, statement, *rest, **more)
        step = (where.step.revision, where.part)
        place = step if where.transaction else (*step, part, str(statement.origin))
        if place not in self._done:
            self._done.add(place)
            self.stops[step] = self.stops.get(step, 0) + 1
            raise PlugPulledError("the plug was pulled")


def run_to_the_end(move: Callable[[], None]) -> None:
    for _ in range(LIMIT):
        try:
            move()
        except PlugPulledError:
            continue
        return
    pytest.fail("the run never came to its end")


def test_a_run_that_stops_after_any_statement_goes_on_up_and_down(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    v1, catalog = chain.rows(*V1_TABLES), chain.catalog()
    plug = Plug(runner._execute)
    monkeypatch.setattr(runner, "_execute", plug)

    run_to_the_end(chain.upgrade)
    assert chain.broken() == []
    run_to_the_end(lambda: chain.downgrade("0001"))
    assert chain.catalog() == catalog
    assert chain.rows(*V1_TABLES) == v1

    for step in STEPS[1:]:
        for part in ("up", "down"):
            script = step.script(part)
            edition = chain.settings.edition
            least = 1 if script.header.transaction else len(script.statements(edition))
            assert plug.stops[step.revision, part] >= least, (step.name, part)


class PlugAt:
    """Stops a run after one statement of one script, once."""

    def __init__(
        self, execute: Callable[..., None], revision: str, part: str, statement: int
    ) -> None:
        self._execute = execute
        self._script = (revision, part)
        self._left = statement

    def __call__(self, where: Position, part: str, *rest: Any, **more: Any) -> None:
        self._execute(where, part, *rest, **more)
        if (where.step.revision, part) == self._script:
            self._left -= 1
            if self._left == 0:
                raise PlugPulledError("the plug was pulled")


@pytest.fixture(scope="module")
def straight(server: Server) -> dict[str, RowFingerprint]:
    """Every row of v2 after an upgrade that nothing stopped."""
    with chain_on(server) as chain:
        fill(chain)
        chain.upgrade()
        return migrated_rows(chain)


@pytest.mark.parametrize(
    ("revision", "part", "statement"),
    [
        ("0103", "up", 1),  # v1 is watched, nothing is migrated
        ("0103", "up", 3),  # every range is migrated, no index is built
        ("0105", "up", 1),
        ("0106", "up", 4),
        ("0109", "up", 2),
        ("0114", "up", 2),
        ("0205", "down", 1),  # v1's bronze tables are back
        ("0205", "down", 6),
        ("0108", "down", 3),  # v2's rows are in v1's archived tables
        ("0103", "down", 2),
    ],
)
def test_a_run_that_stopped_can_be_turned_round(
    chain: Chain,
    straight: dict[str, RowFingerprint],
    monkeypatch: pytest.MonkeyPatch,
    revision: str,
    part: str,
    statement: int,
) -> None:
    v1, low = chain.rows(*V1_TABLES), chain.catalog()
    high = None
    if part == "down":
        chain.upgrade()
        high = chain.catalog()
    monkeypatch.setattr(runner, "_execute", PlugAt(runner._execute, revision, part, statement))
    with pytest.raises(PlugPulledError):
        (chain.upgrade if part == "up" else lambda: chain.downgrade("0001"))()
    if high is not None:
        chain.upgrade()
        assert chain.catalog() == high
        assert chain.broken() == []
        assert migrated_rows(chain) == straight
    chain.downgrade("0001")
    assert chain.catalog() == low
    assert chain.rows(*V1_TABLES) == v1
    chain.upgrade()
    assert chain.broken() == []
    assert migrated_rows(chain) == straight


def test_a_run_that_goes_nowhere_takes_back_what_stopped(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chain.upgrade("0102")
    before = chain.catalog()
    with monkeypatch.context() as patched:
        patched.setattr(runner, "_execute", PlugAt(runner._execute, "0103", "up", 3))
        with pytest.raises(PlugPulledError):
            chain.upgrade()
    assert chain.catalog() != before
    chain.downgrade("0102")
    assert "0103 was begun and has not ended; it is taken back first" in caplog.text
    assert chain.revision() == "0102"
    assert chain.catalog() == before
    assert chain.query("SELECT revision FROM _setu.unfinished_step") == []


@pytest.mark.requires("multi_session")
def test_an_offline_script_refuses_a_database_with_an_unfinished_step(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("psql is not installed")
    with monkeypatch.context() as patched:
        patched.setattr(runner, "_execute", PlugAt(runner._execute, "0103", "up", 3))
        with pytest.raises(PlugPulledError):
            chain.upgrade()

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [psql, "-X", "-q", "-d", chain.url, "-f", "-"],
            input=script, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    capsys.readouterr()
    command.downgrade(chain.config(), "0102:0001", sql=True)
    refused = run(capsys.readouterr().out)
    assert refused.returncode != 0
    assert "revision 0103 was begun and has not ended" in refused.stderr
    command.upgrade(chain.config(), "0102:head", sql=True)
    done = run(capsys.readouterr().out)
    assert done.returncode == 0, done.stderr[-2000:]
    assert chain.broken() == []
    assert chain.query("SELECT revision FROM _setu.unfinished_step") == []
