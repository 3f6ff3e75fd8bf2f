"""A step outside a transaction that was begun and has not ended is noted in the database.

The next run begins with it: it goes on with the step where its way leads through it, and takes it
back first where its way leads elsewhere, as when a stopped upgrade is rolled back. The step's two
scripts are written for that: each can run over what the other, or itself, has left half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from setu.chain.step import Part, Step
from setu.db.version_table import SCHEMA

TABLE: Final = f"{SCHEMA}.unfinished_step"


@dataclass(frozen=True)
class UnfinishedStep:
    """What was begun: the script (``up`` or ``down``) of a revision, and when."""

    revision: str
    part: str
    begun_at: str


def unfinished_step_sql() -> str:
    """A statement that makes the table of the note, where it is missing."""
    return f"""DO $setu$
BEGIN
    IF pg_catalog.to_regclass('{TABLE}') IS NULL THEN
        CREATE TABLE {TABLE} (
            revision text NOT NULL,
            part text NOT NULL,
            begun_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
        );
        COMMENT ON TABLE {TABLE} IS 'The step that was begun and has not ended; at most one';
    END IF;
END
$setu$;"""


def begin_sql(step: Step, part: Part) -> tuple[str, str]:
    """Statements that note that a script begins; the note must be committed before it does."""
    return (
        end_sql(),
        f"INSERT INTO {TABLE} (revision, part) VALUES ('{step.revision}', '{part}')",
    )


def end_sql() -> str:
    """The statement that takes the note away, in the transaction that notes the new revision."""
    return f"DELETE FROM {TABLE}"


def unfinished_step(connection: Connection) -> UnfinishedStep | None:
    """The step that was begun and has not ended; None as well for a role that may not know."""
    readable = (
        f"SELECT pg_catalog.to_regclass('{TABLE}') IS NOT NULL"
        f" AND pg_catalog.has_table_privilege(pg_catalog.to_regclass('{TABLE}'), 'SELECT')"
    )
    if not _ask(connection, readable).scalar_one():
        return None
    row = _ask(connection, f"SELECT u.revision, u.part, u.begun_at::text FROM {TABLE} AS u").first()
    return UnfinishedStep(*row) if row else None


def _ask(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query)


def to_take_back(
    connection: Connection,
    first: str | None,
    current: str | None,
    before: Mapping[str, str | None],
) -> tuple[str, Part] | None:
    """The script that undoes the unfinished step; None where there is none, or the run goes on.

    :param first: the revision of the first step that the run takes; None where it takes none.
    :param current: the revision at which the database stands.
    :param before: each revision's predecessor.
    :return: the revision and the script.
    """
    found = unfinished_step(connection)
    if found is None or found.revision == first or found.revision not in before:
        return None
    if current == found.revision:
        return found.revision, "up"
    # Elsewhere the database was stamped since.
    return (found.revision, "down") if current == before[found.revision] else None
