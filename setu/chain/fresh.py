"""v2 in an empty database, without the road through v1.

What is applied is ``schema_new/`` as the chain includes it, in the order of the chain, and the
statements with which the chain makes the schemas. Round-trip tests hold the result against the
chain's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pglast import ast, parse_sql
from pglast.enums import ObjectType
from sqlalchemy import Connection

from setu.chain.repository import alembic_config, steps_to
from setu.chain.settings import Settings
from setu.chain.steps import Header, Origin, Script, Statement, Step
from setu.db.connection import apply_session_settings
from setu.errors import RevisionStateError, StatementError

FOLDER = "schema_new/"
#: Schemas that only a database on its way has.
PASSING = frozenset({"_stage", "_archive"})
#: What verify.sql reads of the way from v1, for a database that never was v1.
STATE = (
    "sql/p1_normalization/shared/archive.sql",
    "sql/p2_bronze/shared/return_bronze.sql",
    "sql/operations/no_archive.sql",
)


def included_files(step: Step) -> list[str]:
    """The files of ``schema_new/`` that a step's ``up.sql`` includes, in order."""
    files = (origin.file for origin in step.script("up").origins)
    return list(dict.fromkeys(file for file in files if file.startswith(FOLDER)))


def fresh_statements(root: Path, edition: str) -> Iterator[Statement]:
    """The statements that make v2 in an empty database, in order."""
    for step in steps_to(root):
        taken: set[str] = set()
        for statement in step.script("up").all_statements:
            file = statement.origin.file
            if not file.startswith(FOLDER):
                if _makes_schema(statement):
                    yield statement
            elif file not in taken:
                taken.add(file)
                yield from _file(root, file).statements(edition)


def apply_fresh(connection: Connection, root: Path, settings: Settings) -> str:
    """Make v2 in an empty database and stamp it with the chain's head, in one transaction.

    :return: the head. Raises :class:`RevisionStateError` when the database is not empty, and
        :class:`StatementError` when a statement fails; then nothing has been changed.
    """
    apply_session_settings(connection, settings.session_settings())
    _refuse_unless_empty(connection, root)
    driver: Any = connection.connection.dbapi_connection
    for statement in fresh_statements(root, settings.edition):
        _execute(driver, statement)
    for file in STATE:
        for statement in _file(root, file).statements(settings.edition):
            _execute(driver, statement)
    directory = ScriptDirectory.from_config(alembic_config(root))
    MigrationContext.configure(connection).stamp(directory, "head")
    connection.commit()
    return str(directory.get_current_head())


def _file(root: Path, file: str) -> Script:
    text = (root / file).read_text(encoding="utf-8")
    origins = tuple(Origin(file, line + 1) for line in range(text.count("\n") + 1))
    return Script(file, text, origins, Header({}))


def _makes_schema(statement: Statement) -> bool:
    """Whether a statement makes, comments on or grants a schema that stays."""
    node: Any = parse_sql(statement.text)[0].stmt
    kind = type(node)
    names: list[str] = []
    if kind is ast.CreateSchemaStmt:
        names = [node.schemaname]
    elif kind is ast.CommentStmt and node.objtype == ObjectType.OBJECT_SCHEMA:
        names = [node.object.sval]
    elif kind is ast.GrantStmt and node.objtype == ObjectType.OBJECT_SCHEMA:
        names = [name.sval for name in node.objects]
    return bool(names) and not PASSING.intersection(names)


def _refuse_unless_empty(connection: Connection, root: Path) -> None:
    folders = (*root.glob("schema/*/"), *root.glob("schema_new/*/"))
    wanted = {folder.name for folder in folders if folder.is_dir()}
    found = connection.exec_driver_sql(
        "SELECT nspname FROM pg_catalog.pg_namespace ORDER BY nspname"
    ).scalars()
    taken = [name for name in found if name in wanted | PASSING]
    current = MigrationContext.configure(connection).get_current_revision()
    if taken or current is not None:
        context = [f"schema {name}" for name in taken]
        if current is not None:
            context.append(f"revision {current}")
        raise RevisionStateError(
            "The database is not empty, so v2 is not made in it.",
            context=context,
            hint="take an empty database; one that has v1 goes up with `alembic upgrade head`",
        )


def _execute(driver: Any, statement: Statement) -> None:
    try:
        with driver.cursor() as cursor:
            cursor.execute(statement.text)
    except psycopg2.Error as error:
        driver.rollback()
        raise StatementError(
            "v2 was not made.",
            context=[f"at {statement.origin}", str(error).strip(), "Nothing has been changed."],
            hint="mend the cause, then run the same command again",
            sqlstate=error.pgcode,
        ) from error
