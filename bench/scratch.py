"""A scratch database on the server of ``DATABASE_URL``, timing, and a line about the machine."""

from __future__ import annotations

import logging
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psycopg2
import psycopg2.extensions
from alembic.config import Config
from rich.console import Console
from sqlalchemy import make_url

from alembic import command
from setu.chain.repository import alembic_config, repository_root

console = Console(highlight=False, width=150)

Connection = psycopg2.extensions.connection


@contextmanager
def scratch_database(name: str) -> Iterator[str]:
    """An empty database with the extension, dropped at the end; yields its address.

    The server must have many sessions and let this role create databases.
    """
    address = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql")
    admin = psycopg2.connect(address.render_as_string(hide_password=False))
    admin.autocommit = True
    database = f"setu_bench_{name}_{os.getpid()}"
    url = address.set(database=database).render_as_string(hide_password=False)
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
        try:
            with connect(url) as connection:
                run(connection, "CREATE EXTENSION IF NOT EXISTS timescaledb")
            yield url
        finally:
            cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")
    admin.close()


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection in autocommit."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def run(connection: Connection, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a statement; its rows, where it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def upgrade(url: str, revision: str) -> None:
    """``alembic upgrade`` of a scratch database, quietly."""
    _move(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """``alembic downgrade`` of a scratch database, quietly."""
    _move(url, command.downgrade, revision)


def _move(url: str, move: Callable[[Config, str], None], revision: str) -> None:
    config = alembic_config(repository_root())
    # env.py configures logging only where nobody has.
    logging.getLogger().addHandler(logging.NullHandler())
    before = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = url
    config.cmd_opts = Namespace(x=["accept_known_bad_pair=yes"], raiseerr=True)
    try:
        move(config, revision)
    finally:
        if before is not None:
            os.environ["DATABASE_URL"] = before


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_of(times: int, work: Callable[[], float]) -> float:
    """The median of several measurements."""
    return median(work() for _ in range(times))


def say_where(connection: Connection) -> None:
    """Name versions and cores, without which a number says nothing."""
    [(postgres, timescaledb, synchronous)] = run(
        connection,
        "SELECT split_part(current_setting('server_version'), ' ', 1), "
        "(SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'), "
        "current_setting('synchronous_commit')",
    )
    console.print(
        f"PostgreSQL {postgres}, TimescaleDB {timescaledb}, {os.cpu_count()} cores, "
        f"synchronous_commit {synchronous}"
    )
