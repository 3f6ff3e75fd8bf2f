"""The server under test, fresh databases on it, and what was skipped for want of it."""

from __future__ import annotations

import os
import signal
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url

from setu.errors import SetuError
from tests.mini_repository import MiniRepository, leave_out_preflight
from tests.servers.at_hand import CAPABILITIES, KIND_VARIABLE, URL_VARIABLE, Server, open_server

_SERVER = pytest.StashKey[Server]()
_FAILURE = pytest.StashKey[SetuError]()
_MISSING = pytest.StashKey[Counter[str]]()
_DESCRIPTIONS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requiring",
        choices=CAPABILITIES,
        help="Run only tests that require this of the server.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"requires(*capabilities): skip where the server lacks one of {', '.join(CAPABILITIES)}",
    )
    config.stash[_MISSING] = Counter()
    config.stash[_DESCRIPTIONS] = []
    # Processes of one run share the seed that the last lines name.
    os.environ.setdefault("SETU_HYPOTHESIS_SEED", str(uuid.uuid4().int % 2**32))
    # A shell that starts the suite in the background has it ignore SIGINT, and so would every
    # program that a test starts and interrupts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int | None:
    """One process on a server that is given: roles belong to the cluster. Else one a processor."""
    kind = os.environ.get(KIND_VARIABLE)
    given = kind == "url" or (not kind and os.environ.get(URL_VARIABLE))
    return 0 if given else None


def _server(config: pytest.Config) -> Server:
    """The session's server, opened when it is first needed; asked for once, also in vain."""
    failure = config.stash.get(_FAILURE, None)
    if failure is not None:
        raise failure
    if _SERVER not in config.stash:
        try:
            config.stash[_SERVER] = open_server()
        except SetuError as error:
            config.stash[_FAILURE] = error
            raise
    return config.stash[_SERVER]


def pytest_report_header() -> str:
    asked = os.environ.get(KIND_VARIABLE) or (
        "url" if os.environ.get(URL_VARIABLE) else "the best at hand"
    )
    return f"server: {asked} (named at the end)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("requires"):
            unknown = set(mark.args) - set(CAPABILITIES)
            if unknown or not mark.args:
                raise pytest.UsageError(
                    f"{item.nodeid}: requires{mark.args} must name some of {CAPABILITIES}"
                )
    only = config.getoption("requiring")
    if only:
        config.hook.pytest_deselected(items=[i for i in items if only not in _required(i)])
        items[:] = [item for item in items if only in _required(item)]


def _required(item: pytest.Item) -> set[str]:
    return {name for mark in item.iter_markers("requires") for name in mark.args}


def pytest_runtest_setup(item: pytest.Item) -> None:
    wanted = _required(item)
    if not wanted:
        return
    server = _server(item.config)
    missing = sorted(wanted - server.capabilities)
    if missing:
        item.config.stash[_MISSING].update(missing)
        pytest.skip(f"the server {server.name} lacks {', '.join(missing)}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a parallel run hands to the first what it used and skipped."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    server = session.config.stash.get(_SERVER, None)
    if output is not None and server is not None:
        output["server"] = server.description
        missing: Counter[str] = session.config.stash[_MISSING]
        output["missing"] = dict(missing)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})
    if "server" in output:
        node.config.stash[_DESCRIPTIONS].append(output["server"])
        missing: Counter[str] = node.config.stash[_MISSING]
        missing.update(output["missing"])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    server = config.stash.get(_SERVER, None)
    used = Counter(config.stash[_DESCRIPTIONS] + ([server.description] if server else []))
    if not used:
        return
    terminalreporter.section("server")
    for description, processes in used.items():
        each = f", one for each of {processes} processes" if processes > 1 else ""
        terminalreporter.write_line(f"{description}{each}")
    missing = config.stash[_MISSING]
    for name in CAPABILITIES:
        if missing[name]:
            terminalreporter.write_line(f"skipped for want of {name}: {missing[name]}")
    if not missing:
        terminalreporter.write_line("nothing was skipped for want of a capability")


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(_SERVER, None)
    if server is not None:
        server.close()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """The best server at hand, or the one that SETU_TEST_SERVER names."""
    return _server(pytestconfig)


@pytest.fixture
def database_url(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database with the extension, dropped afterwards."""
    url = server.create_database()
    yield url
    server.drop_database(url)
    if server.left_open:
        warnings.warn(
            f"{request.node.nodeid} left {server.left_open} connection(s) open; "
            "the server has closed them",
            ResourceWarning,
            stacklevel=1,
        )


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to that database; ``execution_options(isolation_level="AUTOCOMMIT")`` works."""
    address = make_url(database_url).set(drivername="postgresql+psycopg2")
    engine = create_engine(address, poolclass=NullPool)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def repository(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> MiniRepository:
    """A chain without steps, for a database of its own."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    leave_out_preflight(monkeypatch)
    return MiniRepository(tmp_path)
