"""A database beside the real one, made for a question and dropped after it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import psycopg2
from alembic.script import ScriptDirectory
from pglast import ast, parse_sql
from pglast.enums import ObjectType
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy_utils import create_database, drop_database

from setu.catalog import Catalog, ObjectKey
from setu.catalog.model import Description
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import SourceFile, files_below
from setu.catalog.snapshot import snapshot
from setu.chain.repository import alembic_config, steps_to
from setu.chain.script import Statement
from setu.chain.settings import Settings
from setu.chain.step import Step
from setu.db.address import Address
from setu.db.connection import apply_session_settings, autocommit, connected
from setu.db.version_table import migration_context, schema_sql
from setu.errors import RightsError, SetuError

PREFIX: Final = "setu_scratch_"
#: What belongs to the server, and not to a database.
SERVER_KINDS: Final = frozenset({"role", "role setting", "membership"})
_ROLES: Final = (
    ast.CreateRoleStmt,
    ast.AlterRoleStmt,
    ast.AlterRoleSetStmt,
    ast.DropRoleStmt,
    ast.GrantRoleStmt,
)


class ScratchError(SetuError):
    """The scratch database could not be made, or the chain does not run in it."""


@dataclass(frozen=True)
class ScratchServer:
    """A server on which scratch databases may be made.

    :ivar is_empty: it has one database, empty, and ends after use: that is the scratch database.
    """

    address: Address
    is_empty: bool = False

    @contextmanager
    def database(self) -> Iterator[Address]:
        """An empty database."""
        if self.is_empty:
            yield self.address
            return
        with scratch_database(self.address) as made:
            yield made


@contextmanager
def scratch_database(address: Address) -> Iterator[Address]:
    """An empty database with TimescaleDB on the server of an address; dropped at the end.

    Raises :class:`~setu.errors.RightsError` where the role may not make databases.
    """
    name = PREFIX + secrets.token_hex(6)
    url = _url(address, name)
    try:
        create_database(url, template="template0")
    except (DBAPIError, psycopg2.Error) as error:
        driver_error = getattr(error, "orig", error)
        if isinstance(driver_error, psycopg2.errors.InsufficientPrivilege):
            raise RightsError(
                "A scratch database is needed, and this role may not make one.",
                context=[str(driver_error).strip()],
                hint="ALTER ROLE … CREATEDB, or give another server's address with --scratch",
            ) from error
        raise ScratchError(
            "The scratch database could not be made.", context=[str(driver_error).strip()]
        ) from error
    made = Address({**address.parameters, "dbname": name})
    try:
        with (
            connected(made, "scratch") as connection,
            autocommit(connection) as driver,
            driver.cursor() as cursor,
        ):
            cursor.execute("SELECT current_database()")
            if cursor.fetchall() != [(name,)]:
                raise ScratchError(
                    "The scratch database could not be made.",
                    context=["This server has one database, whatever a client asks for."],
                    hint="Give another server's address with --scratch or --server",
                )
            cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
            cursor.execute(_STOP_WORKERS)
        yield made
    finally:
        drop_database(url)


#: No job may run in it, nor hold it when it is dropped.
_STOP_WORKERS: Final = """DO $setu$
BEGIN
    PERFORM _timescaledb_functions.stop_background_workers();
EXCEPTION
    WHEN undefined_function OR feature_not_supported OR insufficient_privilege THEN
        NULL;
END
$setu$"""


def _url(address: Address, database: str) -> URL:
    known = address.parameters
    return URL.create(
        "postgresql+psycopg2",
        username=known.get("user"),
        password=known.get("password"),
        host=known.get("host"),
        port=int(known["port"]) if known.get("port", "").isdigit() else None,
        database=database,
    )


def chain_catalog(server: ScratchServer, root: Path, revision: str, settings: Settings) -> Catalog:
    """The catalog that the chain has at a revision, made in a scratch database.

    Roles belong to the server: what the steps do to them is not run, but read from their text. On a
    server that lacks some, other roles stand in for them meanwhile.
    """
    steps = steps_to(root, revision)
    maintenance = Address({**server.address.parameters, "dbname": "postgres"})
    with connected(maintenance, "scratch") as connection:
        missing = missing_roles(connection, root)
    with (
        _stand_ins(maintenance, missing, are_kept=server.is_empty) as names,
        server.database() as made,
        connected(made, "scratch") as connection,
    ):
        run_steps(connection, root, steps, settings, names)
        own = snapshot(connection).without_kinds(SERVER_KINDS)
    text = own.to_json()
    for name, stand_in in names.items():
        text = text.replace(stand_in, name)
    own = Catalog.from_json(text)
    return replace(own, objects={**own.objects, **_roles(steps, settings)})


@contextmanager
def _stand_ins(
    address: Address, missing: frozenset[str], *, are_kept: bool
) -> Iterator[dict[str, str]]:
    """A new role for each that is missing, by its name; dropped at the end, unless they are kept.

    They can log in, as owners of jobs must. Raises :class:`~setu.errors.RightsError` where the role
    may not make roles.
    """
    run = secrets.token_hex(4)
    names = {name: f"{PREFIX}{run}_{name.removeprefix('setu_')}" for name in sorted(missing)}
    made: list[str] = []
    try:
        with connected(address, "scratch") as connection, autocommit(connection) as driver:
            for name in names.values():
                _make_role(driver, name, missing)
                made.append(name)
        yield names
    finally:
        if made and not are_kept:
            with (
                connected(address, "scratch") as connection,
                autocommit(connection) as driver,
                driver.cursor() as cursor,
            ):
                for name in made:
                    cursor.execute(f"DROP ROLE {name}")


def _make_role(driver: Any, name: str, missing: frozenset[str]) -> None:
    try:
        with driver.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {name} LOGIN")
            cursor.execute(f"GRANT {name} TO CURRENT_USER")
    except psycopg2.errors.InsufficientPrivilege as error:
        raise RightsError(
            "The server lacks SETU's roles, and this role may not make others in their place.",
            context=[f"missing: {', '.join(sorted(missing))}", str(error).strip()],
            hint="ALTER ROLE … CREATEROLE, or give another server's address with --scratch",
        ) from error


def _roles(steps: list[Step], settings: Settings) -> dict[ObjectKey, Description]:
    """The roles that steps make, with their settings."""
    files = [
        SourceFile(statement.origin.file, statement.text)
        for step in steps
        for statement in step.script("up").statements(settings.edition)
        if of_server(statement)
    ]
    made = parse_schema(files, settings=settings.session_settings())
    return {key: fields for key, fields in made.objects.items() if key.kind in SERVER_KINDS}


def missing_roles(connection: Connection, root: Path) -> frozenset[str]:
    """The roles of the chain that the server does not have: it never was at phase 2."""
    wanted = {key.name for key in _schema_of_head(root) if key.kind == "role"}
    there = connection.exec_driver_sql("SELECT r.rolname FROM pg_catalog.pg_roles AS r").scalars()
    return frozenset(wanted - set(there))


def with_stand_ins(text: str, stand_ins: Mapping[str, str]) -> str:
    """A statement with roles that there are in place of those that there are not.

    A scratch database makes no roles, since they belong to the server.
    """
    for name, role in stand_ins.items():
        text = re.sub(rf"\b{re.escape(name)}\b", role, text)
    return text


def _schema_of_head(root: Path) -> Catalog:
    files = files_below(root / "schema_new")
    return parse_schema(files, settings=Settings().session_settings())


def run_steps(
    connection: Connection,
    root: Path,
    steps: list[Step],
    settings: Settings,
    stand_ins: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run the ``up.sql`` of steps in an empty scratch database, without any check around it.

    :param stand_ins: for each role that the server does not have, the one that stands in for it.
    """
    apply_session_settings(connection, settings.session_settings())
    connection.exec_driver_sql(schema_sql())
    connection.commit()
    # Steps grant rights on the table of the revision.
    directory = ScriptDirectory.from_config(alembic_config(root))
    migration_context(connection).stamp(directory, "base")
    connection.commit()
    for step in steps:
        script = step.script("up")
        statements = [
            replace(s, text=with_stand_ins(s.text, stand_ins))
            for s in script.statements(settings.edition)
            if not of_server(s)
        ]
        if script.header.transaction:
            driver: Any = connection.connection.dbapi_connection
            for statement in statements:
                _execute(driver, statement)
            connection.commit()
            driver.commit()
        else:
            with autocommit(connection) as alone:
                for statement in statements:
                    _execute(alone, statement)


def of_server(statement: Statement) -> bool:
    """Whether a statement changes what belongs to the server, and not to the database."""
    node: Any = parse_sql(statement.text)[0].stmt
    if isinstance(node, ast.CommentStmt):
        return bool(node.objtype == ObjectType.OBJECT_ROLE)
    if isinstance(node, ast.DoStmt):
        return "ROLE " in statement.text
    return isinstance(node, _ROLES)


def _execute(driver: Any, statement: Statement) -> None:
    try:
        with driver.cursor() as cursor:
            cursor.execute(statement.text)
    except psycopg2.Error as error:
        raise ScratchError(
            "The chain does not run in a scratch database.",
            context=[f"at {statement.origin}", str(error).strip()],
        ) from error
