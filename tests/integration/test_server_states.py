"""A pooler, a restore that was not ended, a read-only server: noticed first, and said as such."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.cli.main import app, load_commands
from setu.db.connection import connected
from setu.errors import DatabaseStateError, PoolerError, SetuError
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import BASELINE

pytestmark = pytest.mark.requires("multi_session")

if not app.registered_commands:
    load_commands(app)


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        yield chain


def command(chain: Chain, *arguments: str, url: str | None = None) -> tuple[int, str]:
    """Exit code of a command of ``setu``, and what it said."""
    environment = {"DATABASE_URL": url or chain.url, "COLUMNS": "200"}
    result = CliRunner().invoke(app, list(arguments), env=environment)
    said = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, SetuError), result.exception
        said += str(result.exception)
    return result.exit_code, said


def pgbouncer(folder: Path, url: str, mode: str, pool: int) -> tuple[subprocess.Popen[bytes], str]:
    """A real pgbouncer in front of a database; the process, and the address through it."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not Path(program).exists():
        pytest.skip("pgbouncer is not installed")
    to = parse_dsn(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.chmod(0o777)
    ini = folder / "pgbouncer.ini"
    password = f" password={to['password']}" if "password" in to else ""
    ini.write_text(
        "[databases]\n"
        f"{to['dbname']} = host={to.get('host', '127.0.0.1')} port={to.get('port', 5432)}"
        f" user={to.get('user', 'postgres')}{password}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {pool}\n"
        "max_client_conn = 50\n",
        encoding="utf-8",
    )
    ini.chmod(0o644)
    as_user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen(
        [program, "-q", *as_user, str(ini)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"postgresql://{to.get('user', 'postgres')}@127.0.0.1:{port}/{to['dbname']}"
    until = time.monotonic() + 10
    while True:
        try:
            psycopg2.connect(address).close()
            return process, address
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                process.kill()
                raise
            time.sleep(0.05)


@pytest.fixture
def pooled(chain: Chain, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the chain's database through a pool; mode and size are the parameter."""
    folder = Path("/tmp") / f"setu_pgbouncer_{os.getpid()}_{time.monotonic_ns()}"
    folder.mkdir()
    mode, pool = request.param
    process, address = pgbouncer(folder, chain.url, mode, pool)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


TRANSACTION = pytest.mark.parametrize(
    "pooled", [("transaction", 1), ("transaction", 5), ("statement", 5)], indirect=True
)
SESSION = pytest.mark.parametrize("pooled", [("session", 1), ("session", 5)], indirect=True)


@TRANSACTION
def test_a_pooler_in_transaction_mode_is_refused_before_the_first_setting(
    chain: Chain, pooled: str
) -> None:
    with pytest.raises(PoolerError, match="pooler in transaction mode"):
        Chain(pooled, ()).upgrade()
    assert chain.revision() is None
    for arguments in (["adopt"], ["fresh"], ["status"], ["verify"], ["archive", "drop", "--yes"]):
        code, said = command(chain, *arguments, url=pooled)
        assert (code, "pool_mode = session" in said) == (1, True), arguments
    # Nothing was left behind for the next one who is given the session.
    found = chain.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    assert found == [(0,)]
    innocent = psycopg2.connect(pooled)
    innocent.autocommit = True
    with innocent.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_settings"
            " WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding')"
        )
        assert cursor.fetchone() == (0,)
    innocent.close()


@TRANSACTION
def test_a_pooler_in_transaction_mode_is_known_while_others_use_it(
    chain: Chain, pooled: str
) -> None:
    stop = threading.Event()

    def busy() -> None:
        connection = psycopg2.connect(pooled)
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT pg_sleep(0.002)")
        connection.close()

    others = [threading.Thread(target=busy) for _ in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(5):
            with pytest.raises(PoolerError), connected(pooled, "test"):
                pass
    finally:
        stop.set()
        for other in others:
            other.join()


@SESSION
def test_a_pooler_in_session_mode_does_no_harm(chain: Chain, pooled: str) -> None:
    with connected(pooled, "test") as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_no_command_works_while_the_database_is_being_restored(chain: Chain) -> None:
    chain.upgrade()
    rows, name = chain.rows(), make_url(chain.url).database
    chain.run(f"ALTER DATABASE \"{name}\" SET timescaledb.restoring = 'on'")
    for arguments in (
        ["adopt"],
        ["fresh"],
        ["status"],
        ["report"],
        ["verify"],
        ["archive", "drop", "--yes"],
    ):
        code, said = command(chain, *arguments)
        assert (code, "timescaledb_post_restore()" in said) == (1, True), arguments
    with pytest.raises(DatabaseStateError, match="is being restored"):
        chain.upgrade()
    with pytest.raises(DatabaseStateError, match="is being restored"):
        chain.downgrade("0001")
    lines: list[str] = []
    stop = threading.Event()
    worker = Worker(make_url(chain.url), Schedule(interval=0.1), lines.append, stop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    time.sleep(0.5)
    stop.set()
    thread.join()
    assert "is being restored" in lines[0]
    with pytest.raises(psycopg2.Error, match="restoring"):
        chain.run("CALL _etl.sp_load_machine_cycles(NULL, NULL)")
    chain.run(f'ALTER DATABASE "{name}" RESET timescaledb.restoring')
    assert chain.rows() == rows


def test_a_read_only_database_is_said_to_be_one(chain: Chain) -> None:
    chain.upgrade("0001")
    name = make_url(chain.url).database
    chain.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises(SetuError, match="default_transaction_read_only is on"):
        chain.upgrade()
    for arguments in (["archive", "drop", "--yes"], ["feed", "pyproject.toml"], ["adopt"]):
        code, said = command(chain, *arguments)
        assert code != 0
        assert "default_transaction_read_only" in said or "is in the chain already" in said, said


@pytest.mark.requires("community")
def test_v1_on_an_extension_in_another_schema_is_refused_by_its_name(chain: Chain) -> None:
    chain.run("DROP EXTENSION timescaledb CASCADE")
    chain.run("CREATE SCHEMA ext; CREATE EXTENSION timescaledb SCHEMA ext")
    said = "The extension timescaledb is in schema ext, not in public"
    with pytest.raises(SetuError, match=said):
        chain.upgrade()
    assert said in command(chain, "fresh")[1]
    # v1 as somebody may have made it there.
    with chain.session() as session, session.cursor() as cursor:
        cursor.execute("SET search_path = ext, pg_catalog")
        for statement in BASELINE.script("up").statements("community"):
            cursor.execute(statement.text.replace("public.", "ext."))
    code, refused = command(chain, "adopt")
    assert code == 1
    assert said in refused
    assert chain.revision() is None
    assert chain.value("SELECT count(*) FROM timescaledb_information.hypertables") >= 10
