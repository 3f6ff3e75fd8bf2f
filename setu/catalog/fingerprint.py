"""Order-independent fingerprints of the rows of tables.

Two tables have the same fingerprint if and only if they hold the same rows, each as often, to the
bit of what PostgreSQL prints: NULL is not the empty string, 1.0 is not 1.00, a float differs by its
last bit. The physical order does not count. Computed in the server, one scan a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from setu.catalog.snapshot import covered_tables
from setu.db.session_settings import stable_settings
from setu.errors import SetuError


class UnknownTableError(SetuError):
    """A table to take the fingerprint of is not there."""


@dataclass(frozen=True)
class RowFingerprint:
    """How many rows a table has, and the digest of all of them."""

    rows: int
    digest: str


@dataclass(frozen=True)
class TableDifference:
    """A table whose rows differ; None where the table is not there at all."""

    table: str
    expected: RowFingerprint | None
    actual: RowFingerprint | None

    def render(self) -> str:
        """One line for people."""
        if self.expected is None or self.actual is None:
            side = "unexpected" if self.expected is None else "missing"
            rows = (self.expected or self.actual or RowFingerprint(0, "")).rows
            return f"{self.table}: {side} ({rows} rows)"
        if self.expected.rows == self.actual.rows:
            return f"{self.table}: {self.actual.rows} rows in both, with other values"
        change = self.actual.rows - self.expected.rows
        counts = f"{self.expected.rows} rows expected, {self.actual.rows} found"
        return f"{self.table}: {counts} ({change:+})"


def fingerprint(
    connection: Connection,
    *,
    tables: Iterable[str] | None = None,
    schemas: Iterable[str] | None = None,
    by_name: bool = False,
) -> dict[str, RowFingerprint]:
    """Fingerprint of each table, by its qualified name.

    :param tables: only these, as ``schema.table``; raises :class:`UnknownTableError` for one that
        is not there. Names that need quotes are given quoted.
    :param schemas: only the tables of these schemas; all that a catalog snapshot covers by default.
        Those of ``_archive`` are never among them.
    :param by_name: take columns in the order of their names, so that tables with the same columns
        in another order compare.
    """
    with stable_settings(connection):
        columns = covered_tables(connection, schemas=schemas)
        if tables is not None:
            wanted = list(tables)
            unknown = [name for name in wanted if name not in columns]
            if unknown:
                raise UnknownTableError(
                    "No fingerprint of tables that are not there.",
                    context=unknown,
                    hint="Give tables as schema.table",
                )
            columns = {name: columns[name] for name in wanted}
        if not columns:
            return {}
        query = "\nUNION ALL\n".join(
            _fingerprint_query(at, table, sorted(names) if by_name else names)
            for at, (table, names) in enumerate(columns.items())
        )
        result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        found = {row[0]: RowFingerprint(rows=row[1], digest=row[2]) for row in result}
    return {table: found[at] for at, table in enumerate(columns)}


def fingerprint_differences(
    expected: Mapping[str, RowFingerprint], actual: Mapping[str, RowFingerprint]
) -> list[TableDifference]:
    """The tables whose rows differ, ordered by name."""
    return [
        TableDifference(table, expected.get(table), actual.get(table))
        for table in sorted({*expected, *actual})
        if expected.get(table) != actual.get(table)
    ]


def sample_rows(
    connection: Connection, expected: str, actual: str, *, limit: int = 3
) -> tuple[list[str], list[str]]:
    """Rows that only one of two tables of this database holds, as text.

    :param expected: the one table, as ``schema.table``; ``actual``: the other, with columns of the
        same names, in any order.
    :return: up to ``limit`` rows missing in ``actual``, and up to ``limit`` that it has too many.
    """
    with stable_settings(connection):
        columns = _columns_of(connection, expected)
        row = f"ROW({', '.join(sorted(columns))})::text"
        sides = []
        for left, right in ((expected, actual), (actual, expected)):
            query = (
                f"SELECT {row} FROM {left} EXCEPT ALL SELECT {row} FROM {right}"
                f" ORDER BY 1 LIMIT {int(limit)}"
            )
            result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
            sides.append([str(found[0]) for found in result])
    return sides[0], sides[1]


def _columns_of(connection: Connection, table: str) -> list[str]:
    literal = table.replace("'", "''")
    result = connection.exec_driver_sql(
        "SELECT quote_ident(attname) FROM pg_attribute"
        f" WHERE attrelid = '{literal}'::regclass AND attnum > 0 AND NOT attisdropped",
        execution_options={"no_parameters": True},
    )
    return [str(row[0]) for row in result]


def _fingerprint_query(number: int, table: str, columns: list[str]) -> str:
    row = "ROW(" + ", ".join(f"t.{column}" for column in columns) + ")::text"
    # Two independent 64-bit hashes of each row; the sums of both see duplicates but no order.
    return (
        f"SELECT {number} AS number, count(*) AS row_count,"
        " md5(coalesce(sum(hashtextextended(r.line, 0)), 0)::text || ' '"
        " || coalesce(sum(hashtextextended(r.line, 5381)), 0)::text) AS digest"
        f' FROM {table} AS t CROSS JOIN LATERAL (SELECT {row} COLLATE pg_catalog."C") AS r (line)'
    )
