"""v2 in an empty database, without going through v1.

Only ``schema_new/`` is applied, in the order of :mod:`setu.chain.order`. Round-trip tests compare
the result with the end of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from setu.chain.failures import met_another_change
from setu.chain.header import Header
from setu.chain.order import script_of, sections_in_order
from setu.chain.repository import alembic_config
from setu.chain.script import Origin, Script, Statement
from setu.chain.settings import Settings
from setu.db.acting_role import act_as_owner
from setu.db.connection import apply_session_settings
from setu.db.version_table import current_revision, migration_context, reader_sql, schema_sql
from setu.errors import RevisionStateError, StatementError

#: Schemas that only a database on its way has.
PASSING = frozenset({"_stage", "_archive"})
ATTEMPTS = 5
#: What is noted before v2 is made, for the way back.
STATE_BEFORE = (
    "schema_new/_archive/archive.sql",
    "schema_new/_archive/rights_before.sql",
)
#: What verify.sql reads of the way from v1, for a database that never was v1.
STATE = (
    "schema_new/_archive/let_roles_connect.sql",
    "schema_new/_archive/hand_back.sql",
    "schema_new/_archive/no_archive.sql",
)


def fresh_statements(root: Path, edition: str) -> Iterator[Statement]:
    """The statements that make v2 in an empty database, in order."""
    for section in sections_in_order(root):
        yield from script_of(section).statements(edition)


def apply_fresh(connection: Connection, root: Path, settings: Settings) -> str:
    """Make v2 in an empty database and stamp it with the chain's head, in one transaction.

    It is tried again when another deploy on the server changes the roles at the same moment.

    :return: the head. Raises :class:`RevisionStateError` when the database is not empty, and
        :class:`StatementError` when a statement fails; then nothing has been changed.
    """
    attempt = 1
    while True:
        try:
            return _make_v2(connection, root, settings)
        except StatementError as error:
            cause = error.__cause__
            met = isinstance(cause, psycopg2.Error) and met_another_change(cause)
            if attempt == ATTEMPTS or not met:
                raise
        connection.rollback()
        attempt += 1


def _make_v2(connection: Connection, root: Path, settings: Settings) -> str:
    apply_session_settings(connection, settings.session_settings())
    refuse_unless_empty(connection, root)
    act_as_owner(connection)
    driver: Any = connection.connection.dbapi_connection
    for file in STATE_BEFORE:
        for statement in _file(root, file).statements(settings.edition):
            _execute(driver, statement)
    for statement in fresh_statements(root, settings.edition):
        _execute(driver, statement)
    for file in STATE:
        for statement in _file(root, file).statements(settings.edition):
            _execute(driver, statement)
    directory = ScriptDirectory.from_config(alembic_config(root))
    connection.exec_driver_sql(schema_sql())
    migration_context(connection).stamp(directory, "head")
    connection.exec_driver_sql(reader_sql())
    connection.commit()
    return str(directory.get_current_head())


def _file(root: Path, file: str) -> Script:
    text = (root / file).read_text(encoding="utf-8")
    origins = tuple(Origin(file, line + 1) for line in range(text.count("\n") + 1))
    return Script(file, text, origins, Header({}))


def refuse_unless_empty(connection: Connection, root: Path) -> None:
    """Raise :class:`RevisionStateError` when the database has v1, v2, or a revision."""
    folders = (*root.glob("schema/*/"), *root.glob("schema_new/*/"))
    wanted = {folder.name for folder in folders if folder.is_dir()}
    found = connection.exec_driver_sql(
        "SELECT nspname FROM pg_catalog.pg_namespace ORDER BY nspname"
    ).scalars()
    taken = [name for name in found if name in wanted | PASSING]
    current = current_revision(connection)
    if taken or current is not None:
        context = [f"schema {name}" for name in taken]
        if current is not None:
            context.append(f"revision {current}")
        raise RevisionStateError(
            "The database is not empty, so v2 is not made in it.",
            context=context,
            hint="Take an empty database; one that has v1 goes up with `alembic upgrade head`",
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
            hint="Correct the cause, then run the same command again",
            sqlstate=error.pgcode,
        ) from error
