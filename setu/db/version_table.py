"""Where the database notes its revision: a table of SETU's own, whatever the search path.

Another program that uses Alembic may keep its ``alembic_version`` in the same database. It is not
read, and ours is not called so.
"""

from __future__ import annotations

from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from setu.errors import RevisionStateError

SCHEMA: Final = "_setu"
TABLE: Final = "version"
#: What Alembic needs to find it.
OPTIONS: Final = {"version_table": TABLE, "version_table_schema": SCHEMA}
COMMENT: Final = "The revision at which SETU has this database. Not for other programs"


def migration_context(connection: Connection, **options: Any) -> MigrationContext:
    """Alembic's context over our version table."""
    return MigrationContext.configure(connection, opts={**OPTIONS, **options})


def current_revision(connection: Connection) -> str | None:
    """The revision at which the database stands; None when it is not in the chain.

    Raises :class:`RevisionStateError` where the table names several.
    """
    named = migration_context(connection).get_current_heads()
    if len(named) > 1:
        raise RevisionStateError(
            f"The database names {len(named)} revisions, and stands at one.",
            context=[f"{SCHEMA}.{TABLE} has {', '.join(sorted(named))}."],
            hint="Keep the one that is so: alembic stamp --purge REVISION; `setu drift` then says "
            "whether it is",
        )
    return named[0] if named else None


def reader_sql() -> str:
    """Statements that let the role for people read the revision."""
    return (
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO setu_reader; "
        f"GRANT SELECT ON TABLE {SCHEMA}.{TABLE} TO setu_reader;"
    )


def schema_sql() -> str:
    """Statements that make the schema of the version table where it is missing."""
    return f"""DO $setu$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = '{SCHEMA}') THEN
        CREATE SCHEMA {SCHEMA};
        COMMENT ON SCHEMA {SCHEMA} IS '{COMMENT}';
    END IF;
END
$setu$;"""
