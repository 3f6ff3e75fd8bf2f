"""Failures on the server that a person can act on: a missing right, a missing object.

Any command may be run by any role, on a database in any state. What the server then says is turned
into one line that names what is missing, and the statement that gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
from psycopg2 import errors as states
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from setu.errors import DatabaseConnectionError, DatabaseStateError, RightsError, SetuError

_DENIED: Final = re.compile(r"permission denied for ([a-z -]+?) \"?([^\"]+?)\"?$")
_OWNER: Final = re.compile(r"must be owner of ([a-z -]+?) \"?([^\"]+?)\"?$")
_UNDEFINED: Final = (
    states.UndefinedTable,
    states.InvalidSchemaName,
    states.UndefinedFunction,
    states.UndefinedColumn,
    states.UndefinedObject,
)
_RELATIONS: Final = ("table", "view", "materialized view", "relation", "sequence", "foreign table")
_ROUTINES: Final = ("function", "procedure", "routine")

_RELATION: Final = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), pg_catalog.pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname !~ '^pg_(temp|toast)' AND NOT pg_catalog.has_table_privilege(c.oid, %s)
ORDER BY pg_catalog.has_schema_privilege(n.oid, 'USAGE') DESC, 1
LIMIT 1"""
_ROUTINE: Final = """
SELECT p.oid::pg_catalog.regprocedure::text, pg_catalog.pg_get_userbyid(p.proowner)
FROM pg_catalog.pg_proc AS p
WHERE p.proname = %s AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1
LIMIT 1"""


@contextmanager
def translated(connection: Connection) -> Iterator[None]:
    """While inside, what the server refuses leaves as a :class:`~setu.errors.SetuError`.

    Only what a person can act on: missing rights and objects, a read-only or lost server, locks. A
    fault of our own leaves as it is.
    """
    try:
        yield
    except SetuError:
        raise
    except (DBAPIError, psycopg2.Error) as error:
        first = _said_before(error)
        if first is not None:
            raise first from error
        driver_error = error.orig if isinstance(error, DBAPIError) else error
        known = (
            _known(connection, driver_error) if isinstance(driver_error, psycopg2.Error) else None
        )
        if known is None:
            raise
        raise known from error


def _said_before(error: BaseException) -> SetuError | None:
    """The failure that an error came after: a lost connection makes the roll back fail, too."""
    seen = error.__context__
    while seen is not None:
        if isinstance(seen, SetuError):
            return seen
        seen = seen.__context__
    return None


def foreseen(driver: Any, error: psycopg2.Error) -> SetuError | None:
    """The same for a psycopg2 connection and its error; None for a fault of our own."""
    message = _message(error)
    if driver is None or driver.closed:
        return DatabaseConnectionError(
            "The connection was lost.",
            context=[message],
            hint="See why in the server's log, then run the same command again",
        )
    if isinstance(error, states.InsufficientPrivilege):
        return _rights(driver, error)
    if isinstance(error, states.ReadOnlySqlTransaction):
        return DatabaseStateError(
            "The server takes no changes: it is read-only.",
            context=[message],
            hint="Point DATABASE_URL at the primary; on a primary, set "
            "default_transaction_read_only = off for this role and database",
        )
    if isinstance(error, _UNDEFINED):
        return DatabaseStateError(
            f"This database has not what the command needs: {message}",
            hint="Run `alembic current`: the command may need a later revision, "
            "or another database than DATABASE_URL names",
        )
    if isinstance(error, states.LockNotAvailable | states.DeadlockDetected):
        return DatabaseStateError(
            "Another session holds a lock that the command needs.",
            context=[message],
            hint="See pg_locks and pg_stat_activity, then run the same command again",
        )
    if isinstance(error, states.DiskFull):
        return DatabaseStateError(
            "The server's disk is full.",
            context=[message],
            hint="Free some space, then run the same command again",
        )
    if isinstance(error, states.QueryCanceled):
        return DatabaseStateError(
            "The server cancelled the command.",
            context=[message],
            hint="Run the same command again when it may go on",
        )
    return None


def _known(connection: Connection, error: psycopg2.Error) -> SetuError | None:
    if connection.closed or connection.invalidated:
        return foreseen(None, error)
    driver: Any = connection.connection.dbapi_connection
    return foreseen(driver, error)


def _message(error: psycopg2.Error) -> str:
    return (error.diag.message_primary or str(error)).strip() or type(error).__name__


def _rights(driver: Any, error: psycopg2.Error) -> RightsError:
    """What is missing, and the GRANT. Looks it up in the catalog, which everybody may read."""
    message = _message(error)
    try:
        driver.rollback()
        with driver.cursor() as cursor:
            cursor.execute("SELECT current_user, pg_catalog.current_database()")
            role, database = cursor.fetchone()
            grant = _grant(cursor, message, role, database)
        driver.rollback()
    except psycopg2.Error:
        role, grant = "", ""
    return RightsError(
        f"{f'Role {_quoted(role)}' if role else 'This role'} lacks a right: {message}.",
        hint=grant or "Connect as the owner of the database's objects, or as a superuser",
    )


def _grant(cursor: Any, message: str, role: str, database: str) -> str:
    to = f"TO {_quoted(role)}"
    denied = _DENIED.search(message)
    if denied:
        kind, name = denied.groups()
        if kind == "schema":
            return (
                f"GRANT USAGE ON SCHEMA {_quoted(name)} {to}; "
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {_quoted(name)} {to}"
            )
        if kind == "database":
            return f"GRANT CREATE, CONNECT ON DATABASE {_quoted(database)} {to}"
        if kind in _RELATIONS:
            cursor.execute(_RELATION, (name, "SELECT"))
            found = cursor.fetchone()
            if found:
                return f"GRANT SELECT ON {found[0]} {to}"
            cursor.execute(_RELATION, (name, "INSERT, UPDATE, DELETE"))
            found = cursor.fetchone()
            if found:
                owner = _quoted(found[1])
                return f"Connect as {owner}, who owns {found[0]}, or GRANT {owner} {to}"
        if kind in _ROUTINES:
            cursor.execute(_ROUTINE, (name,))
            found = cursor.fetchone()
            if found:
                kind = "PROCEDURE" if kind == "procedure" else "FUNCTION"
                return f"GRANT EXECUTE ON {kind} {found[0]} {to}"
    owned = _OWNER.search(message)
    if owned:
        cursor.execute(
            "SELECT pg_catalog.pg_get_userbyid(c.relowner)"
            " FROM pg_catalog.pg_class AS c"
            " WHERE c.relname = %s ORDER BY 1 LIMIT 1",
            (owned.group(2),),
        )
        found = cursor.fetchone()
        if found:
            return f"Connect as {_quoted(found[0])}, or GRANT {_quoted(found[0])} {to}"
    return ""


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
