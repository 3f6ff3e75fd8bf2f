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
_NOT_IN_A_NAME: Final = re.compile(r"[\s\"'«»„“”‹›]+")
_UNDEFINED: Final = (
    states.UndefinedTable,
    states.InvalidSchemaName,
    states.UndefinedFunction,
    states.UndefinedColumn,
    states.UndefinedObject,
)
_RELATIONS: Final = ("table", "view", "materialized view", "relation", "sequence", "foreign table")
_ROUTINES: Final = ("function", "procedure", "routine")

# SETU's roles that are granted to people, the one that may least first.
_SETU: Final = ("setu_reader", "setu_admin", "setu_ingest", "setu_etl")
#: For :func:`translated`: only the owner of the database's objects may do all that a command does.
OWNER: Final = "owner"
_GROUPS: Final = """
SELECT r.rolname
FROM pg_catalog.unnest(%s) WITH ORDINALITY AS g (name, place)
INNER JOIN pg_catalog.pg_roles AS r ON r.rolname = g.name
WHERE {may}
ORDER BY g.place
LIMIT 1"""
_MAY_CALL: Final = (
    "pg_catalog.has_function_privilege(r.oid, %s::pg_catalog.regprocedure, 'EXECUTE')"
)
_MAY: Final = {
    "schema": "pg_catalog.has_schema_privilege(r.oid, %s::pg_catalog.text, 'USAGE')",
    "relation": "pg_catalog.has_table_privilege(r.oid, %s::pg_catalog.text, 'SELECT')",
    "FUNCTION": _MAY_CALL,
    "PROCEDURE": _MAY_CALL,
}
_RELATION: Final = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), pg_catalog.pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname !~ '^pg_(temp|toast)' AND NOT pg_catalog.has_table_privilege(c.oid, %s)
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') >= %s
ORDER BY 1
LIMIT 1"""
_ROUTINE: Final = """
SELECT p.oid::pg_catalog.regprocedure::text, pg_catalog.pg_get_userbyid(p.proowner)
FROM pg_catalog.pg_proc AS p
WHERE p.proname = %s AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1
LIMIT 1"""
# Whatever the language of a message, it names the object as it is.
_LACKING: Final = """
SELECT f.kind, f.object, f.owner, f.readable
FROM (
    SELECT 'schema' AS kind, n.nspname AS name, pg_catalog.quote_ident(n.nspname) AS object,
        n.nspowner AS owner_oid, pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
        false AS readable
    FROM pg_catalog.pg_namespace AS n
    WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT 'relation', c.relname, pg_catalog.format('%%I.%%I', n.nspname, c.relname),
        c.relowner, pg_catalog.pg_get_userbyid(c.relowner),
        pg_catalog.has_table_privilege(c.oid, 'SELECT')
    FROM pg_catalog.pg_class AS c
    INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(temp|toast)'
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.proname,
        p.oid::pg_catalog.regprocedure::text, p.proowner, pg_catalog.pg_get_userbyid(p.proowner),
        false
    FROM pg_catalog.pg_proc AS p
    WHERE NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    UNION ALL
    SELECT 'database', d.datname, pg_catalog.quote_ident(d.datname), d.datdba,
        pg_catalog.pg_get_userbyid(d.datdba), false
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()
) AS f
WHERE (f.name = ANY (%s) OR (f.name ~ '\\s' AND pg_catalog.strpos(%s, f.name) > 0))
    AND NOT pg_catalog.pg_has_role(f.owner_oid, 'USAGE')
ORDER BY f.readable, f.kind, f.object
LIMIT 1"""


@contextmanager
def translated(connection: Connection, role: str = "") -> Iterator[None]:
    """While inside, what the server refuses leaves as a :class:`~setu.errors.SetuError`.

    Only what a person can act on: missing rights and objects, a read-only or lost server, locks. A
    fault of our own leaves as it is.

    :param role: the role of SETU's that may do all that the command does, or :data:`OWNER`; else
        the message names the one that may the least of those that have the missing right.
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
            _known(connection, driver_error, role)
            if isinstance(driver_error, psycopg2.Error)
            else None
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


def foreseen(driver: Any, error: psycopg2.Error, role: str = "") -> SetuError | None:
    """The same for a psycopg2 connection and its error; None for a fault of our own."""
    message = _message(error)
    if driver is None or driver.closed:
        return DatabaseConnectionError(
            "The connection was lost.",
            context=[message],
            hint="See why in the server's log, then run the same command again",
        )
    if isinstance(error, states.InsufficientPrivilege):
        return _rights(driver, error, role)
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


def _known(connection: Connection, error: psycopg2.Error, role: str) -> SetuError | None:
    if connection.closed or connection.invalidated:
        return foreseen(None, error)
    driver: Any = connection.connection.dbapi_connection
    return foreseen(driver, error, role)


def _message(error: psycopg2.Error) -> str:
    return (error.diag.message_primary or str(error)).strip() or type(error).__name__


def _rights(driver: Any, error: psycopg2.Error, may_all: str) -> RightsError:
    """What is missing, and the GRANT. Looks it up in the catalog, which everybody may read."""
    message = _message(error)
    try:
        driver.rollback()
        with driver.cursor() as cursor:
            cursor.execute("SELECT current_user, pg_catalog.current_database()")
            role, database = cursor.fetchone()
            to = f"TO {_quoted(role)}"
            groups = [may_all, *_SETU]
            grant = _from_owner(cursor, to) if may_all == OWNER else ""
            grant = grant or _grant(cursor, message, to, database, groups)
        driver.rollback()
    except psycopg2.Error:
        role, grant = "", ""
    return RightsError(
        f"{f'Role {_quoted(role)}' if role else 'This role'} lacks a right: {message}.",
        hint=grant or "Connect as the owner of the database's objects, or as a superuser",
    )


def _grant(cursor: Any, message: str, to: str, database: str, groups: list[str]) -> str:
    denied = _DENIED.search(message)
    if denied:
        kind, name = denied.groups()
        if kind == "schema":
            return _by_group(cursor, _MAY["schema"], name, to, groups) or (
                f"GRANT USAGE ON SCHEMA {_quoted(name)} {to}; "
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {_quoted(name)} {to}"
            )
        if kind == "database":
            return f"GRANT CREATE, CONNECT ON DATABASE {_quoted(database)} {to}"
        if kind in _RELATIONS:
            # A schema that the role may not use would have been named instead.
            for reached in (True, False):
                cursor.execute(_RELATION, (name, "SELECT", reached))
                found = cursor.fetchone()
                if found:
                    by_group = _by_group(cursor, _MAY["relation"], found[0], to, groups)
                    return by_group or f"GRANT SELECT ON {found[0]} {to}"
                for right in ("INSERT", "UPDATE", "DELETE"):
                    cursor.execute(_RELATION, (name, right, reached))
                    found = cursor.fetchone()
                    if found:
                        return _as_owner(cursor, found[1], found[0], to)
        if kind in _ROUTINES:
            cursor.execute(_ROUTINE, (name,))
            found = cursor.fetchone()
            if found:
                kind = "PROCEDURE" if kind == "procedure" else "FUNCTION"
                by_group = _by_group(cursor, _MAY[kind], found[0], to, groups)
                return by_group or f"GRANT EXECUTE ON {kind} {found[0]} {to}"
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
            return _as_owner(cursor, found[0], owned.group(2), to)
    return "" if denied or owned else _grant_in_any_language(cursor, message, to, groups)


def _by_group(cursor: Any, may: str, thing: str, to: str, groups: list[str]) -> str:
    """The GRANT of the first of these roles that may what is missing, if there is one.

    SETU's own roles get none: they would differ from the revision, and a sink would read.
    """
    cursor.execute(_GROUPS.format(may=may), (groups, thing))
    found = cursor.fetchone()
    if found is None:
        return ""
    if to.removeprefix("TO ") in _SETU:
        return f"Connect as a member of {found[0]}"
    return f"GRANT {found[0]} {to}"


def _grant_in_any_language(cursor: Any, message: str, to: str, groups: list[str]) -> str:
    """The GRANT for the object that a message names, in whatever language the server speaks."""
    cursor.execute(_LACKING, (_NOT_IN_A_NAME.split(message), message))
    found = cursor.fetchone()
    if found is None:
        return ""
    kind, thing, owner, readable = found
    if kind in _MAY and not readable:
        by_group = _by_group(cursor, _MAY[kind], thing, to, groups)
        if by_group:
            return by_group
    if kind == "schema":
        return (
            f"GRANT USAGE ON SCHEMA {thing} {to}; GRANT SELECT ON ALL TABLES IN SCHEMA {thing} {to}"
        )
    if kind == "database":
        return f"GRANT CREATE, CONNECT ON DATABASE {thing} {to}"
    if kind == "relation" and readable:
        return _as_owner(cursor, owner, thing, to)
    if kind == "relation":
        # Such a message may as well ask for the owner.
        return f"GRANT SELECT ON {thing} {to}, or connect as {_quoted(owner)}, who owns it"
    return f"GRANT EXECUTE ON {kind} {thing} {to}"


def _from_owner(cursor: Any, to: str) -> str:
    cursor.execute(
        "SELECT pg_catalog.pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace AS n"
        " WHERE n.nspname = '_setu'"
    )
    found = cursor.fetchone()
    return _as_owner(cursor, found[0], "what SETU has made here", to) if found else ""


def _as_owner(cursor: Any, owner: str, thing: str, to: str) -> str:
    cursor.execute("SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s", (owner,))
    connect = f"Connect as {_quoted(owner)}, who owns {thing}"
    # Nobody is made a superuser for the sake of one object.
    return connect if cursor.fetchone()[0] else f"{connect}, or GRANT {_quoted(owner)} {to}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
