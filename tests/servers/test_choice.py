"""Which server the tests take, and that one which was asked for is never replaced or skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests.servers import at_hand as servers
from tests.servers import debian13
from tests.servers.at_hand import Server, ServerMissingError, open_server

NOWHERE = "postgresql://postgres@127.0.0.1:1/postgres"
ROOT = Path(__file__).parents[2]


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ServerMissingError, match="not a kind of server"):
        open_server({"SETU_TEST_SERVER": "oracle"})


def test_address_that_does_not_answer_is_an_error_not_another_server() -> None:
    with pytest.raises(ServerMissingError, match="does not answer"):
        open_server({"SETU_TEST_DATABASE_URL": NOWHERE})


def test_forced_address_must_be_given() -> None:
    with pytest.raises(ServerMissingError, match="SETU_TEST_DATABASE_URL is not set"):
        open_server({"SETU_TEST_SERVER": "url"})


def test_forced_docker_without_a_daemon_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(ServerMissingError, match="no Docker daemon answers"):
        open_server({"SETU_TEST_SERVER": "docker", "DOCKER_HOST": "tcp://127.0.0.1:1"})


def test_forced_local_without_the_extension_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "local_programs", lambda: None)
    with pytest.raises(ServerMissingError, match="no PostgreSQL on this machine"):
        open_server({"SETU_TEST_SERVER": "local"})


def test_forced_debian13_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> debian13.Tree:
        raise debian13.Debian13Error("debootstrap failed", hint="try again.")

    monkeypatch.setattr(debian13, "make", fail)
    with pytest.raises(ServerMissingError, match="debootstrap failed"):
        open_server({"SETU_TEST_SERVER": "debian13"})


def test_missing_server_fails_the_test_run_and_skips_nothing() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/servers/test_fixtures.py",
        ],
        cwd=ROOT,
        env={**os.environ, "SETU_TEST_SERVER": "url", "SETU_TEST_DATABASE_URL": NOWHERE},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "does not answer" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_fallback_is_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_env: object) -> Server:
        raise ServerMissingError("not here")

    taken: list[str] = []

    def embedded(_env: object) -> Server:
        taken.append("embedded")
        raise ServerMissingError("enough")

    monkeypatch.setattr(
        servers, "_OPENERS", {**servers._OPENERS, "local": missing, "docker": missing}
    )
    monkeypatch.setattr(servers, "_open_embedded", embedded)
    with pytest.raises(ServerMissingError, match="enough"):
        open_server({})
    assert taken == ["embedded"]


def test_connection_left_open_is_closed_and_counted(server: Server, database_url: str) -> None:
    left = psycopg2.connect(database_url)
    server.drop_database(database_url)
    assert server.left_open == 1
    with pytest.raises(psycopg2.Error):
        left.cursor().execute("SELECT 1")
    left.close()


@pytest.mark.requires("native")
def test_prepared_transaction_that_a_test_left_does_not_keep_the_database(
    server: Server, database_url: str
) -> None:
    session = psycopg2.connect(database_url)
    with session.cursor() as cursor:
        cursor.execute("CREATE TABLE public.t (id integer)")
        cursor.execute("PREPARE TRANSACTION 'left'")
    session.close()
    server.drop_database(database_url)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(database_url)


@pytest.mark.requires("native")
def test_roles_go_with_the_database(server: Server, database_url: str) -> None:
    def roles(url: str) -> int:
        session = psycopg2.connect(url)
        with session.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'setu_reader'")
            row = cursor.fetchone()
        session.close()
        assert row
        return int(row[0])

    session = psycopg2.connect(database_url)
    with session, session.cursor() as cursor:
        cursor.execute("CREATE ROLE setu_reader")
        cursor.execute("GRANT USAGE ON SCHEMA public TO setu_reader")
    session.close()
    assert roles(server.url) == 1
    server.drop_database(database_url)
    assert roles(server.url) == 0


@pytest.mark.requires("native")
def test_database_of_someone_else_is_not_dropped(server: Server) -> None:
    with pytest.raises(ValueError, match="not made by this server"):
        server.drop_database(server.url)
