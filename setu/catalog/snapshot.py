"""Take a snapshot over one connection, with set-based queries and few round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from setu.catalog.deparse import unqualified_single_source
from setu.catalog.model import Catalog, Description, ObjectKey, describe
from setu.db.session_settings import stable_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

_QUERIES: Final = files("setu.catalog") / "queries"
_PLAIN: Final = (
    "schemas",
    "relations",
    "columns",
    "constraints",
    "indexes",
    "sequences",
    "functions",
    "types",
    "triggers",
    "privileges",
    "roles",
    "others",
)
_VIEW_KINDS: Final = frozenset({"view", "materialized view", "continuous aggregate"})


def snapshot(
    connection: Connection, *, schemas: Iterable[str] | None = None, owner: str = ""
) -> Catalog:
    """The catalog of the connected database.

    Left out: system schemas, objects of extensions, TimescaleDB's internals (chunks and the like),
    the schema ``_archive`` and the table ``alembic_version``. Reads only; ends with a rollback of
    its own savepoint or transaction.

    :param schemas: only these schemas; then roles, their settings, the database's own privileges
        and settings, and jobs tied to no schema of these, are left out too.
    :param owner: the role that should own all; another one is then shown by its name. By default
        every owner but SETU's own roles is shown as ``<owner>``.
    """
    objects: dict[ObjectKey, Description] = {}
    settings = {"setu_catalog.schemas": array_literal(schemas), "setu_catalog.owner": owner}
    with stable_settings(connection, settings):
        names = [*_PLAIN, "timescaledb"] if _has_timescaledb(connection) else list(_PLAIN)
        for name in names:
            for kind, label, fields in _rows(connection, name):
                if kind in _VIEW_KINDS and fields.get("definition"):
                    fields["definition"] = unqualified_single_source(fields["definition"])
                objects[ObjectKey(kind, label)] = describe(fields)
    return Catalog(objects)


def covered_tables(
    connection: Connection, *, schemas: Iterable[str] | None = None
) -> dict[str, list[str]]:
    """The tables that a snapshot covers, qualified and quoted, with their quoted columns.

    To be called where session settings are stable already, or where names are all that matters.
    """
    settings = {"setu_catalog.schemas": array_literal(schemas), "setu_catalog.owner": ""}
    with stable_settings(connection, settings):
        return {
            label: list(fields["columns"] or ())
            for _, label, fields in sorted(_rows(connection, "tables"), key=lambda row: row[1])
        }


def _rows(connection: Connection, name: str) -> Sequence[tuple[str, str, dict[str, Any]]]:
    prelude = (_QUERIES / "prelude.sql").read_text(encoding="utf-8")
    query = (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    result = connection.exec_driver_sql(prelude + query, execution_options={"no_parameters": True})
    return [(row[0], row[1], row[2]) for row in result]


def _has_timescaledb(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
        ).scalar_one()
    )


def array_literal(schemas: Iterable[str] | None) -> str:
    """Names as the text of a PostgreSQL array; empty for None, which means no choice."""
    if schemas is None:
        return ""
    quoted = (
        '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in sorted(schemas)
    )
    return "{" + ",".join(quoted) + "}"
