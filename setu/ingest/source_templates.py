"""Source templates: the SQLite tables that a gateway keeps, and what they become in bronze.

A template is SQLite DDL, ``schema_new/bronze/Source Templates/<table>.sqlite.sql``; SQLite itself
reads it. Its first column is the file's own row number and is never sent.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from setu.chain.repository import shipped_root
from setu.errors import SetuError

TEMPLATE_FOLDER = shipped_root() / "schema_new" / "bronze" / "Source Templates"
SUFFIX = ".sqlite.sql"
ROW_NUMBER = "row_no"
BRONZE_OWN_COLUMNS = ("id", "time")
BRONZE_TYPES = {
    "INTEGER": "bigint",
    "REAL": "double precision",
    "TEXT": "text",
    "DATETIME": "timestamp with time zone",
}
# Kafka numbers its partitions with 32 bits; SQLite has one kind of integer.
NARROWER = {"kafka_partition": "integer"}

# A cell in the type that bronze wants.
Value = int | float | str | datetime | None


class SourceTemplateError(SetuError):
    """A source template that is missing, or is not one table of the agreed shape."""


@dataclass(frozen=True)
class SourceColumn:
    """A column that the gateway sends: its name, its declared SQLite type, and null or not."""

    name: str
    declared_type: str
    not_null: bool

    @property
    def bronze_type(self) -> str:
        """The PostgreSQL type, as ``format_type`` writes it."""
        return NARROWER.get(self.name) or BRONZE_TYPES[self.declared_type]


@dataclass(frozen=True)
class SourceTemplate:
    """One table of a gateway file; ``columns`` are those that are sent, in their order."""

    table: str
    ddl: str
    columns: tuple[SourceColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sent columns."""
        return tuple(column.name for column in self.columns)


def template_path(table: str, folder: Path = TEMPLATE_FOLDER) -> Path:
    """Where the template of a bronze table stands."""
    return folder / f"{table}{SUFFIX}"


def read_template(table: str, folder: Path = TEMPLATE_FOLDER) -> SourceTemplate:
    """Read the template of one bronze table. Raises SourceTemplateError."""
    path = template_path(table, folder)
    try:
        ddl = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceTemplateError(
            f"no source template for bronze.{table}",
            context=(f"file: {path}",),
            hint="Write its SQLite DDL there; each bronze table raw_* has one",
        ) from None
    with closing(sqlite3.connect(":memory:")) as scratch:
        try:
            scratch.executescript(ddl)
        except sqlite3.Error as error:
            raise SourceTemplateError(
                f"{path} is not SQLite DDL", context=(f"SQLite: {error}",)
            ) from error
        declared = read_columns(scratch, table)
    if not declared or declared[0].name != ROW_NUMBER:
        raise SourceTemplateError(
            f"{path} does not make table {table} with {ROW_NUMBER} as its first column",
            context=(f"columns: {', '.join(column.name for column in declared) or 'none'}",),
        )
    unknown = [c for c in declared if c.declared_type not in BRONZE_TYPES]
    if unknown:
        raise SourceTemplateError(
            f"{path} declares a type that bronze has no counterpart for",
            context=tuple(f"column {c.name}: {c.declared_type or 'no type'}" for c in unknown),
            hint=f"Use one of {', '.join(BRONZE_TYPES)}",
        )
    return SourceTemplate(table, ddl, tuple(declared[1:]))


def read_templates(folder: Path = TEMPLATE_FOLDER) -> dict[str, SourceTemplate]:
    """All templates by table name, sorted."""
    tables = sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return {table: read_template(table, folder) for table in tables}


def read_columns(connection: sqlite3.Connection, table: str) -> list[SourceColumn]:
    """The columns of a table in an open SQLite file; empty when there is no such table."""
    rows = connection.execute(
        'SELECT name, type, "notnull" FROM pragma_table_info(?) ORDER BY cid', (table,)
    )
    return [SourceColumn(_text(name), _text(kind).upper(), bool(nn)) for name, kind, nn in rows]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
