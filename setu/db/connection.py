"""One connection to the database, under the session settings that all of SETU runs under."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from setu.db.address import VARIABLE, Address
from setu.db.address import database_address as database_url
from setu.db.pooler import refuse_transaction_pooler
from setu.db.rights import translated
from setu.db.session_settings import apply_stable_settings
from setu.errors import DatabaseConnectionError, DatabaseStateError

__all__ = [
    "VARIABLE",
    "apply_session_settings",
    "autocommit",
    "connected",
    "connection_lost",
    "database_url",
    "open_driver",
]

CONNECT_TIMEOUT_S = 10
NAME_BYTES = 63

_REASONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("connection refused", "no such file or directory"),
        "No server answers there",
        "Start the server, or correct host and port in DATABASE_URL",
    ),
    (
        ("could not translate host name", "name or service not known"),
        "The host is not known",
        "Correct the host in DATABASE_URL",
    ),
    (
        ("timeout expired", "timed out", "no route to host", "network is unreachable"),
        "The server cannot be reached",
        "Check host, port and network; then try again",
    ),
    (
        ("password authentication failed", "no password supplied", "authentication failed"),
        "The server does not accept user and password",
        "Correct user and password in DATABASE_URL",
    ),
    (
        ("no pg_hba.conf entry",),
        "The server does not let this user in from here",
        "Ask for an entry in its pg_hba.conf, or correct user and database in DATABASE_URL",
    ),
    (
        ("permission denied for database",),
        "This user may not connect to the database",
        "GRANT CONNECT ON DATABASE … TO the user in DATABASE_URL",
    ),
    (
        ("not permitted to log in",),
        "This user may not log in",
        "ALTER ROLE … LOGIN, or correct the user in DATABASE_URL",
    ),
    (
        ("definition of service", "service file"),
        "The service is not defined",
        "Correct service in DATABASE_URL, or the file that PGSERVICEFILE names",
    ),
    (
        ("session is read-only", "session is not read-only", "server is in hot standby"),
        "No host of the address is the kind of server that target_session_attrs asks for",
        "Add the primary to the hosts in DATABASE_URL",
    ),
    (
        ("not currently accepting connections",),
        "The database takes no connections",
        "ALTER DATABASE … ALLOW_CONNECTIONS true, or correct DATABASE_URL",
    ),
    (("does not exist",), "Database or role does not exist", "Create it, or correct DATABASE_URL"),
    (
        ("too many connections", "too many clients", "remaining connection slots"),
        "The server has no connection to spare",
        "Try again when others have ended theirs",
    ),
    (
        ("starting up", "shutting down", "in recovery mode"),
        "The server is not ready",
        "Wait for it, then try again",
    ),
)


def application_name(purpose: str) -> str:
    """Who deploys, for the server's view of sessions: ``setu <purpose> by user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    name = f"setu {purpose} by {user}@{socket.gethostname()}"
    return name.encode("ascii", "replace").decode()[:NAME_BYTES]


def open_driver(
    address: Address | URL | str, purpose: str, *, writes: bool = False, **given: Any
) -> Any:
    """A psycopg2 connection under SETU's session settings.

    :param purpose: what it is for, shown in ``application_name``.
    :param writes: refuse a standby, and a database that is read-only.
    :param given: libpq's parameters that hold unless the address has them. Raises
        :class:`DatabaseConnectionError`, :class:`~setu.errors.PoolerError` and
        :class:`~setu.errors.DatabaseStateError`.
    """
    address = Address.of(address)
    defaults = {
        "application_name": application_name(purpose),
        "connect_timeout": CONNECT_TIMEOUT_S,
        **given,
    }
    parameters = {**defaults, **address.parameters, "client_encoding": "utf8"}
    try:
        driver = psycopg2.connect(**parameters)
        try:
            refuse_transaction_pooler(driver, address, parameters)
            apply_stable_settings(driver)
            _refuse_unfit(driver, writes=writes)
        except BaseException:
            driver.close()
            raise
    except psycopg2.OperationalError as error:
        raise _connection_error(address, str(error)) from None
    except psycopg2.errors.FeatureNotSupported as error:
        # A standby refuses any statement at this level, also one that would end it.
        raise DatabaseStateError(
            "This server is a standby, and default_transaction_isolation is serializable here.",
            context=[str(error).strip()],
            hint="Point DATABASE_URL at the primary, or ALTER DATABASE or ROLE … "
            "SET default_transaction_isolation = 'repeatable read' there",
        ) from None
    return driver


def _refuse_unfit(driver: Any, *, writes: bool) -> None:
    """Refuse a database in a state in which what is read or written would be wrong."""
    with driver.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.current_setting('timescaledb.restoring', true),"
            " pg_catalog.pg_is_in_recovery(),"
            " pg_catalog.current_setting('default_transaction_read_only')::boolean,"
            " pg_catalog.quote_ident(pg_catalog.current_database())"
        )
        restoring, standby, read_only, database = cursor.fetchone()
    driver.rollback()
    if restoring == "on":
        raise DatabaseStateError(
            "The database is being restored: timescaledb.restoring is on.",
            context=["Hypertables behave as plain tables meanwhile; rows would go astray."],
            hint="When the restore has ended, SELECT timescaledb_post_restore(); "
            f"or ALTER DATABASE {database} RESET timescaledb.restoring",
        )
    if writes and standby:
        raise DatabaseStateError(
            "This server is a standby: it is read-only.", hint="Point DATABASE_URL at the primary"
        )
    if writes and read_only:
        raise DatabaseStateError(
            "default_transaction_read_only is on for this role, database or server.",
            hint=f"ALTER DATABASE {database} SET default_transaction_read_only = off, "
            "or correct it where it is set",
        )


@contextmanager
def connected(
    address: Address | URL | str, purpose: str, *, writes: bool = False, role: str = ""
) -> Iterator[Connection]:
    """One connection, without a pool, under SETU's session settings; closed at the end.

    A statement in the block that fails for want of a right, or on an object that is not there,
    leaves it as an error that says what is missing (``setu.db.rights``).

    :param purpose: what the connection is for, shown in ``application_name``.
    :param writes: refuse a standby, and a database that is read-only. Raises what
        :func:`open_driver` does.
    :param role: the role that may do all of it, which a message on a missing right names.
    """
    known = Address.of(address)
    engine = create_engine(
        "postgresql+psycopg2://",
        poolclass=NullPool,
        # It is closed, not given back; a reset would only complain of a connection that is lost.
        pool_reset_on_return=None,
        creator=lambda: open_driver(known, purpose, writes=writes),
    )
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise _connection_error(known, str(error.orig)) from error
    try:
        with translated(connection, role):
            yield connection
    finally:
        _close(connection)


def _close(connection: Connection) -> None:
    """Close a connection; one that is lost has no more to say."""
    try:
        connection.close()
    except SQLAlchemyError:
        connection.invalidate()
        connection.close()


#: The server ends a session: by order, in a crash, since it idles, or with its database.
_ENDED: Final = ("57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "08")
#: What the driver raises when there is nobody to state a code.
_UNSTATED: Final = (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.DatabaseError)


def connection_lost(error: BaseException) -> DatabaseConnectionError | None:
    """The failure to show when a lost connection is what an error arose from; else None."""
    seen: BaseException | None = error
    while seen is not None:
        raised = seen.orig if isinstance(seen, DBAPIError) else seen
        if isinstance(raised, psycopg2.Error) and (
            (raised.pgcode or "").startswith(_ENDED)
            or (raised.pgcode is None and type(raised) in _UNSTATED)
        ):
            return DatabaseConnectionError(
                "The connection was lost.",
                context=[str(raised).strip() or "The server closed it."],
                hint="See why in the server's log, then run the same command again",
            )
        seen = seen.__cause__ or seen.__context__
    return None


def _connection_error(address: Address, message: str) -> DatabaseConnectionError:
    message = address.hide(message)
    title, hint = "The connection failed", "See the server's message above"
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
