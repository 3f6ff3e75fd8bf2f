"""A standby and a read-only database: each command reads there, or says why it does not write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.cli.main import app, load_commands
from setu.errors import DatabaseStateError, SetuError
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.servers.standby import caught_up, standby_of, why_none

pytestmark = pytest.mark.requires("native", "multi_session", "community")

if not app.registered_commands:
    load_commands(app)

#: Commands that write, beside up and down.
WRITERS = {
    "adopt": ["adopt"],
    "fresh": ["fresh"],
    "archive drop": ["archive", "drop", "--yes"],
    "feed": ["feed", "{file}"],
    "rejects resend": ["rejects", "resend", "machine_focas"],
    "rejects discard": ["rejects", "discard", "machine_focas", "--yes"],
    "register": ["register", "company", "ACME"],
    "catch-up": ["catch-up"],
    "simulate": ["simulate", "--bronze", "--hours", "0.1", "--machines", "1"],
}
#: Commands that read, and the exit code that they may have.
READERS = {
    "report": (["report"], (0,)),
    "verify": (["verify"], (0,)),
    "drift": (["drift"], (0,)),
    "catalog snapshot": (["catalog", "snapshot", "--out", "{out}"], (0,)),
    "rejects list": (["rejects", "list"], (0,)),
    "rejects discard --dry-run": (["rejects", "discard", "machine_focas", "--dry-run"], (0,)),
    "chunk-interval": (["chunk-interval", "--ram", "64GB", "--rate", "1000"], (0,)),
}


@pytest.fixture(scope="module")
def primary(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade()
        yield chain


@pytest.fixture(scope="module")
def standby(server: Server, primary: Chain) -> Iterator[Chain]:
    """The same database on a standby."""
    reason = why_none(server)
    if reason is not None:
        pytest.skip(f"no standby can be made: {reason}")
    with standby_of(server) as address:
        until = time.monotonic() + 60
        while not caught_up(server, address) and time.monotonic() < until:
            time.sleep(0.1)
        name = make_url(primary.url).database
        url = make_url(address).set(database=name).render_as_string(hide_password=False)
        yield Chain(url, server.capabilities)


@pytest.fixture(scope="module")
def read_only(primary: Chain) -> Iterator[Chain]:
    """The primary, as a role sees it that is read-only by default."""
    primary.run(
        "CREATE ROLE looks_on LOGIN SUPERUSER",
        "ALTER ROLE looks_on SET default_transaction_read_only = on",
    )
    try:
        url = make_url(primary.url).set(username="looks_on")
        yield Chain(url.render_as_string(hide_password=False), ("community",))
    finally:
        primary.run("DROP ROLE looks_on")


def command(chain: Chain, tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Exit code of a command of ``setu``, and what it said."""
    file = tmp_path / "gateway.sqlite"
    file.touch()
    words = [a.format(file=file, out=tmp_path / "out.json") for a in arguments]
    result = CliRunner().invoke(app, words, env={"DATABASE_URL": chain.url, "COLUMNS": "200"})
    said = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, SetuError), result.exception
        said += str(result.exception)
    return result.exit_code, said


@pytest.mark.parametrize("name", WRITERS)
def test_a_command_that_writes_says_that_the_server_is_a_standby(
    standby: Chain, tmp_path: Path, name: str
) -> None:
    code, said = command(standby, tmp_path, *WRITERS[name])
    assert code != 0
    assert "is a standby" in said, said
    assert "Point DATABASE_URL at the primary" in said
    assert len(said.splitlines()) <= 6, said


@pytest.mark.parametrize("name", WRITERS)
def test_a_command_that_writes_says_that_the_database_is_read_only(
    read_only: Chain, tmp_path: Path, name: str
) -> None:
    code, said = command(read_only, tmp_path, *WRITERS[name])
    assert code != 0
    assert "default_transaction_read_only is on" in said, said
    assert len(said.splitlines()) <= 6, said


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("where", ["standby", "read_only"])
def test_a_command_that_reads_works_there(
    where: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chain: Chain = request.getfixturevalue(where)
    arguments, codes = READERS[name]
    code, said = command(chain, tmp_path, *arguments)
    assert code in codes, said


def test_a_worker_says_so_each_round_and_waits(standby: Chain, read_only: Chain) -> None:
    for chain, says in ((standby, "is a standby"), (read_only, "read_only is on")):
        lines: list[str] = []
        stop = Event()

        def say(line: str, lines: list[str] = lines, stop: Event = stop) -> None:
            lines.append(line)
            stop.set()

        Worker(make_url(chain.url), Schedule(interval=0.1), say, stop).run()
        [line] = lines
        assert line.startswith("the database takes no rows, next try in 1 s: ")
        assert says in line


def test_status_says_that_the_server_is_a_standby(standby: Chain, tmp_path: Path) -> None:
    code, said = command(standby, tmp_path, "status")
    assert code == 4, said
    assert "server is a standby and takes no rows" in said


def test_neither_goes_up_or_down(standby: Chain, read_only: Chain) -> None:
    for chain, says in ((standby, "is a standby"), (read_only, "read_only is on")):
        assert chain.revision() is not None
        with pytest.raises(SetuError, match=says):
            chain.downgrade("0001")


def test_a_standby_of_serializable_sessions_is_said_to_be_one(
    primary: Chain, standby: Chain, server: Server
) -> None:
    name = make_url(primary.url).database
    primary.run(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'")
    try:
        until = time.monotonic() + 60
        while not caught_up(server, standby.url) and time.monotonic() < until:
            time.sleep(0.1)
        with pytest.raises(DatabaseStateError, match="is a standby, and default_transaction_iso"):
            standby.revision()
    finally:
        primary.run(f'ALTER DATABASE "{name}" RESET default_transaction_isolation')
