"""The database to work on: its address from ``DATABASE_URL``, and one connection to it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from setu.errors import DatabaseConnectionError, DatabaseUrlError

VARIABLE = "DATABASE_URL"
EXAMPLE = "postgresql://user:password@host:5432/database"
CONNECT_TIMEOUT_S = 10
NAME_BYTES = 63

_REASONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("connection refused", "no such file or directory"),
        "No server answers there",
        "start the server, or correct host and port in DATABASE_URL",
    ),
    (
        ("could not translate host name", "name or service not known"),
        "The host is not known",
        "correct the host in DATABASE_URL",
    ),
    (
        ("timeout expired", "timed out", "no route to host", "network is unreachable"),
        "The server cannot be reached",
        "check host, port and network; then try again",
    ),
    (
        ("password authentication failed", "no password supplied", "authentication failed"),
        "The server does not accept user and password",
        "correct user and password in DATABASE_URL",
    ),
    (
        ("no pg_hba.conf entry",),
        "The server does not let this user in from here",
        "ask for an entry in its pg_hba.conf, or correct user and database in DATABASE_URL",
    ),
    (("does not exist",), "Database or role does not exist", "create it, or correct DATABASE_URL"),
    (
        ("too many connections", "too many clients", "remaining connection slots"),
        "The server has no connection to spare",
        "try again when others have ended theirs",
    ),
    (
        ("starting up", "shutting down", "in recovery mode"),
        "The server is not ready",
        "wait for it, then try again",
    ),
)


def database_url(environment: Mapping[str, str] | None = None) -> URL:
    """The address in ``DATABASE_URL``, for psycopg2.

    Takes ``postgres://``, ``postgresql://`` and ``postgresql+psycopg2://``. Raises
    :class:`DatabaseUrlError`, which never shows the address: it may hold a password.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    if not text:
        raise DatabaseUrlError(
            f"{VARIABLE} is not set.",
            hint=f"set it to the database's address: {VARIABLE}={EXAMPLE}",
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlError(
            f"{VARIABLE} is not an address.",
            hint=f"write it as {EXAMPLE}; special characters in a password are percent-encoded",
        ) from error
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise DatabaseUrlError(
            f"{VARIABLE} names {url.drivername}, not PostgreSQL.", hint=f"write it as {EXAMPLE}"
        )
    if not url.database:
        raise DatabaseUrlError(
            f"{VARIABLE} names no database.",
            hint=f"write it as {EXAMPLE}, with the name at the end",
        )
    return url.set(drivername="postgresql+psycopg2")


def application_name(purpose: str) -> str:
    """Who deploys, for the server's view of sessions: ``setu <purpose> by user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    name = f"setu {purpose} by {user}@{socket.gethostname()}"
    return name.encode("ascii", "replace").decode()[:NAME_BYTES]


@contextmanager
def connected(url: URL, purpose: str) -> Iterator[Connection]:
    """One connection, without a pool; closed at the end.

    :param purpose: what the connection is for, shown in ``application_name``. Raises
        :class:`DatabaseConnectionError`.
    """
    arguments: dict[str, Any] = {}
    if "application_name" not in url.query:
        arguments["application_name"] = application_name(purpose)
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_S
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise _connection_error(url, str(error.orig)) from error
    try:
        yield connection
    finally:
        connection.close()


def _connection_error(url: URL, message: str) -> DatabaseConnectionError:
    address = url.render_as_string(hide_password=True)
    title, hint = "The connection failed", "see the server's message above"
    for texts, reason, advice in _REASONS:
        if any(text in message.lower() for text in texts):
            title, hint = reason, advice
            break
    return DatabaseConnectionError(
        f"{title}: {address}", context=[line for line in message.splitlines() if line], hint=hint
    )


@contextmanager
def autocommit(connection: Connection) -> Iterator[Any]:
    """The psycopg2 connection with autocommit on, for work outside any transaction.

    A transaction that the connection has open is rolled back first.
    """
    connection.rollback()
    driver: Any = connection.connection.dbapi_connection
    driver.rollback()
    driver.autocommit = True
    try:
        yield driver
    finally:
        if not driver.closed:
            driver.autocommit = False


def apply_session_settings(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set session settings (name → value) for the life of the connection."""
    with autocommit(connection) as driver, driver.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
