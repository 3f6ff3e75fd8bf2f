"""One deploy at a time."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from alembic import command
from setu.db.connection import connected
from setu.db.connection import database_url as url_of
from setu.db.deploy_lock import LOCK_KEY, deploy_lock, offline_lock_sql, offline_unlock_sql
from setu.errors import DeployLockError, StatementError
from tests.mini_repository import MiniRepository


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(url_of({"DATABASE_URL": database_url}), "test") as connection:
        yield connection


def held(connection: Connection) -> bool:
    count = connection.execute(
        text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key"),
        {"key": LOCK_KEY},
    ).scalar_one()
    connection.rollback()
    return bool(count)


def test_the_lock_outlives_transactions_and_goes_at_the_end(connection: Connection) -> None:
    with deploy_lock(connection, 0):
        assert held(connection)
        connection.execute(text("SELECT 1"))
        connection.rollback()
        connection.execute(text("CREATE TABLE public.one (a int)"))
        connection.commit()
        assert held(connection)
    assert not held(connection)


def test_the_lock_goes_when_the_work_fails_in_a_transaction(connection: Connection) -> None:
    with pytest.raises(DBAPIError), deploy_lock(connection, 0):
        connection.execute(text("SELECT 1 / 0"))
    assert not held(connection)


@pytest.mark.requires("multi_session")
def test_the_loser_is_told_who_holds_the_lock(connection: Connection, database_url: str) -> None:
    holder = psycopg2.connect(database_url, application_name="setu upgrade by ana@press")
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s) AS taken_by_test", (LOCK_KEY,))
        pid = holder.get_backend_pid()
    try:
        with pytest.raises(DeployLockError) as caught, deploy_lock(connection, 0):
            pass
    finally:
        holder.close()
    message = str(caught.value)
    assert f"pid {pid}" in message
    assert "user " in message
    assert "application setu upgrade by ana@press" in message
    assert "connected since 2" in message
    assert "idle in transaction: SELECT pg_advisory_lock" in message
    assert f"pg_terminate_backend({pid})" in message


@pytest.mark.requires("multi_session")
def test_the_wait_is_bounded_and_outside_any_transaction(
    connection: Connection, database_url: str
) -> None:
    holder = psycopg2.connect(database_url)
    holder.cursor().execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
    now = 0.0
    states: list[str] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        with holder.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity WHERE application_name LIKE 'setu test%%' "
                "AND datname = current_database()"
            )
            states.extend(row[0] for row in cursor.fetchall())

    with (
        pytest.raises(DeployLockError, match="waited 3 s"),
        deploy_lock(connection, 3, clock=lambda: now, sleep=sleep),
    ):
        pass
    holder.close()
    assert now == pytest.approx(3)
    assert set(states) == {"idle"}


@pytest.mark.requires("multi_session")
def test_the_lock_goes_with_a_lost_connection(connection: Connection, database_url: str) -> None:
    with deploy_lock(connection, 0):
        connection.connection.dbapi_connection.close()  # type: ignore[union-attr]
    url = url_of({"DATABASE_URL": database_url})
    with connected(url, "test") as other, deploy_lock(other, 5):
        assert held(other)


@pytest.mark.requires("multi_session")
def test_a_second_deploy_changes_nothing_and_names_the_first(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.one (a int);")
    holder = psycopg2.connect(database_url)
    holder.cursor().execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
    try:
        for move in (command.upgrade, command.stamp):
            with pytest.raises(DeployLockError, match="Another deploy holds the lock"):
                move(repository.config("deploy_lock_wait=0"), "head")
        command.current(repository.config())
        with holder.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.one'), to_regclass('_setu.version')")
            assert cursor.fetchall() == [(None, None)]
    finally:
        holder.close()


def test_every_step_runs_under_the_lock(repository: MiniRepository) -> None:
    check = f"""SELECT 1 / count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = {LOCK_KEY};"""
    repository.add("0001_first", up=check, down=check, verify=check)
    repository.add("0002_alone", up=check, down=check, verify=check, transaction="no")
    repository.add("0003_after", up=check, down=check, verify=check)
    command.upgrade(repository.config(), "head")
    command.downgrade(repository.config(), "base")


def test_a_failed_deploy_gives_the_lock_back(
    repository: MiniRepository, connection: Connection
) -> None:
    connection.close()
    repository.add("0001_first", up="SELECT 1 / 0;")
    for _ in range(2):
        with pytest.raises(StatementError):
            command.upgrade(repository.config("deploy_lock_wait=0"), "head")


@pytest.mark.requires("multi_session")
def test_the_offline_statement_refuses_while_the_lock_is_held(
    connection: Connection, database_url: str
) -> None:
    other = psycopg2.connect(database_url)
    other.autocommit = True
    with other.cursor() as cursor:
        with (
            deploy_lock(connection, 0),
            pytest.raises(psycopg2.errors.LockNotAvailable, match="another deploy"),
        ):
            cursor.execute(offline_lock_sql())
        cursor.execute(offline_lock_sql())
        with pytest.raises(DeployLockError), deploy_lock(connection, 0):
            pass
        cursor.execute(offline_unlock_sql())
    with deploy_lock(connection, 0):
        assert held(connection)
    other.close()
