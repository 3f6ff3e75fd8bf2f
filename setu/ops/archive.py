"""Dropping v1's archived rows for good: the one step that has no way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Connection

from setu.chain.repository import head_of
from setu.chain.settings import Settings
from setu.db.connection import autocommit
from setu.db.deploy_lock import deploy_lock
from setu.db.version_table import current_revision
from setu.errors import SetuError

SCRIPT = Path("sql/operations/drop_archive.sql")
#: With v1 gone nobody asks what changed since the swap.
NOTES = Path("sql/p1_normalization/shared/drop_change_notes.sql")


class ArchiveError(SetuError):
    """The archive may not be dropped now, or is gone already; nothing was changed."""


@dataclass(frozen=True)
class Dropped:
    """A table of v1 that was dropped, with its size in bytes."""

    table: str
    size: int


def drop_archive(
    connection: Connection, root: Path, settings: Settings, broken: Callable[[], list[str]]
) -> list[Dropped]:
    """Drop v1's tables in ``_archive``, in one transaction; what was dropped.

    :param broken: names what does not hold in the database. Nothing may be broken, since v1's rows
        cannot be compared with v2's afterwards. Raises :class:`ArchiveError` where the archive may
        not be dropped.
    """
    with deploy_lock(connection, settings.seconds("deploy_lock_wait")):
        _check(connection, root, broken)
        with autocommit(connection) as driver, driver.cursor() as cursor:
            try:
                _execute(cursor, root, settings)
            except psycopg2.Error as error:
                driver.rollback()
                raise ArchiveError(
                    "The archive was not dropped.",
                    context=[str(error).strip(), "Nothing was changed."],
                    hint="Correct the cause, then run the same command again",
                ) from error
            cursor.execute("SELECT table_name, bytes FROM _archive.dropped_tables ORDER BY 1")
            return [Dropped(*row) for row in cursor.fetchall()]


def _execute(cursor: Any, root: Path, settings: Settings) -> None:
    cursor.execute("BEGIN")
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (settings.text("lock_timeout"),))
    for script in (SCRIPT, NOTES):
        cursor.execute((root / script).read_text(encoding="utf-8"))
    cursor.execute("COMMIT")


def _check(connection: Connection, root: Path, broken: Callable[[], list[str]]) -> None:
    check_droppable(connection, root)
    failed = broken()
    if failed:
        raise ArchiveError(
            "The archive is not dropped while a standing check does not hold.",
            context=failed,
            hint="Run `setu verify`, and correct what it names",
        )


def check_droppable(connection: Connection, root: Path) -> None:
    """Raise :class:`ArchiveError` where there is no archive to drop, or not at this revision."""
    current, head = current_revision(connection), head_of(root)
    if current != head:
        raise ArchiveError(
            "The archive cannot be dropped at this revision.",
            context=[
                f"The database is at {current or 'no revision'}; only at {head} can be checked "
                "whether v1's rows are still needed."
            ],
            hint="Run `setu upgrade` first",
        )
    if connection.exec_driver_sql("SELECT to_regclass('_archive.dropped_tables')").scalar():
        made_fresh = connection.exec_driver_sql(
            "SELECT NOT EXISTS (SELECT FROM _archive.dropped_tables)"
        ).scalar_one()
        title = (
            "There is no archive: `setu fresh` made this database, and it never was v1."
            if made_fresh
            else "The archive was dropped already."
        )
        raise ArchiveError(title, hint="Nothing is left to do")
