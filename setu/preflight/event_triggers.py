"""Does an event trigger of somebody's own refuse what the steps do?

No catalog says what such a trigger refuses. So statements of each kind that steps run are tried on
objects that nobody knows, in each schema that steps change, and rolled back.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg2
from psycopg2 import errors
from sqlalchemy import Connection

from setu.db.rows import query_rows
from setu.preflight.facts import ServerFacts
from setu.preflight.findings import Finding, Plan

PROBE: Final = "setu_event_trigger_probe"
_SCHEMAS: Final = """
SELECT quote_ident(n.nspname)
FROM pg_namespace AS n
WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_archive', '_etl')
    AND has_schema_privilege(n.oid, 'CREATE')
ORDER BY 1"""
_IN_SCHEMA: Final = """
CREATE TABLE {0}.{1} (i integer, t text);
CREATE INDEX ON {0}.{1} (i);
CREATE VIEW {0}.{1}_view AS SELECT i FROM {0}.{1};
CREATE SEQUENCE {0}.{1}_sequence;
CREATE FUNCTION {0}.{1}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER {1} AFTER INSERT ON {0}.{1} EXECUTE FUNCTION {0}.{1}();
ALTER TABLE {0}.{1} ADD COLUMN j integer;
ALTER TABLE {0}.{1} RENAME COLUMN j TO k;
ALTER TABLE {0}.{1} DROP COLUMN k;
COMMENT ON TABLE {0}.{1} IS 'probe';
REVOKE ALL ON {0}.{1} FROM PUBLIC;
GRANT SELECT ON {0}.{1} TO CURRENT_USER;
ALTER VIEW {0}.{1}_view SET SCHEMA {1};
ALTER FUNCTION {0}.{1}() SET SCHEMA {1};
ALTER TABLE {0}.{1} SET SCHEMA {1};
DROP TRIGGER {1} ON {1}.{1};
DROP FUNCTION {1}.{1}();
DROP VIEW {1}.{1}_view;
DROP SEQUENCE {0}.{1}_sequence;
DROP TABLE {1}.{1}"""


def refused_by_event_triggers(
    connection: Connection, facts: ServerFacts, plan: Plan
) -> list[Finding]:
    """What event triggers refuse of the kinds of statements that a run consists of."""
    if not facts.event_triggers or plan.current == plan.target:
        return []
    if facts.in_recovery or facts.read_only or not facts.may_create_in_database:
        return []
    refused = _refused(connection, [str(row[0]) for row in query_rows(connection, _SCHEMAS)])
    if refused is None:
        return []
    return [
        Finding(
            "An event trigger of your own refuses statements that the steps consist of.",
            [*facts.event_triggers, refused],
            "ALTER EVENT TRIGGER … DISABLE for the time of the run",
        )
    ]


def _refused(connection: Connection, schemas: list[str]) -> str | None:
    """The first kind of statement that is refused, and what was said."""
    statements = [f"CREATE SCHEMA {PROBE}"]
    for schema in schemas:
        statements += _IN_SCHEMA.format(schema, PROBE).strip().split(";\n")
    statements.append(f"DROP SCHEMA {PROBE}")
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        cursor.execute("SAVEPOINT probe")
        try:
            for statement in statements:
                try:
                    cursor.execute(statement)
                except errors.ReadOnlySqlTransaction:
                    return None
                except psycopg2.Error as error:
                    return f"{_kind(statement)}: {error.diag.message_primary}"
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT probe")
            cursor.execute("RELEASE SAVEPOINT probe")
    return None


def _kind(statement: str) -> str:
    first, second, *_ = statement.split()
    return first if first in ("GRANT", "REVOKE") else f"{first} {second}"
