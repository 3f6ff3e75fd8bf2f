"""The rows of gateway files: which tables a file holds, in which order rows go, what cells mean."""

from __future__ import annotations

import heapq
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from setu.ingest.gateway_faults import GatewayFileError, explain
from setu.ingest.source_templates import (
    ROW_NUMBER,
    SourceColumn,
    SourceTemplate,
    Value,
    read_columns,
)

_CLOCK = re.compile(r"^\d{4}-?(\d\d-?\d\d|W\d\d-?\d)[T ]\d\d", re.IGNORECASE)
_INTEGER_BITS = {"integer": 32, "bigint": 64}

OpenedFile = tuple[Path, sqlite3.Connection]


@dataclass(frozen=True)
class GatewayRow:
    file: Path
    row_no: int
    values: tuple[object, ...]


def tables_of(
    path: Path, file: sqlite3.Connection, templates: dict[str, SourceTemplate]
) -> list[str]:
    """The tables of a file, each compared with its template."""
    try:
        names = [
            str(name)
            for (name,) in file.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'raw\\_%'"
                " ESCAPE '\\' ORDER BY name"
            )
        ]
        if not names:
            raise GatewayFileError(
                f"{path} holds no table raw_*",
                state="no gateway file",
                context=(f"templates: {', '.join(templates)}",),
                hint="Give a gateway's file; other SQLite files are not fed",
            )
        for name in names:
            _check_shape(path, file, name, templates)
    except sqlite3.Error as error:
        raise explain(path, error) from error
    return names


def _check_shape(
    path: Path, file: sqlite3.Connection, table: str, templates: dict[str, SourceTemplate]
) -> None:
    if table not in templates:
        raise GatewayFileError(
            f"{path} holds {table}, for which there is no source template",
            state="unknown table",
            context=(f"templates: {', '.join(templates)}",),
            hint="The gateway is newer than this schema: add the table to bronze first",
        )
    wanted = {ROW_NUMBER, *templates[table].names}
    present = {column.name for column in read_columns(file, table)}
    if wanted != present:
        raise GatewayFileError(
            f"{path}: {table} is not as its source template has it",
            state="other columns",
            context=(
                f"missing: {', '.join(sorted(wanted - present)) or 'none'}",
                f"unknown: {', '.join(sorted(present - wanted)) or 'none'}",
            ),
            hint="Bring the gateway and this schema to the same version",
        )


def in_kafka_order(
    template: SourceTemplate, holders: Sequence[OpenedFile], partition: int, offset: int
) -> Iterator[GatewayRow]:
    """Rows of all files by partition and offset: the order in which they were sent.

    SQLite sorts null before numbers, and those before text; so does the merge.
    """
    columns = ", ".join(f'"{name}"' for name in (ROW_NUMBER, *template.names))

    def key(row: GatewayRow) -> tuple[tuple[int, float], tuple[int, float]]:
        return _rank(row.values[partition]), _rank(row.values[offset])

    def rows(path: Path, file: sqlite3.Connection) -> Iterator[GatewayRow]:
        cursor = file.execute(
            f'SELECT {columns} FROM "{template.table}"'
            " ORDER BY kafka_partition, kafka_offset, row_no"
        )
        try:
            for number, *values in cursor:
                yield GatewayRow(path, number, tuple(values))
        except sqlite3.Error as error:
            raise GatewayFileError(
                f"{path} cannot be read to its end",
                state="damaged",
                context=(f"SQLite: {error}",),
                hint="Whole batches before it are stored. Copy the file again and feed all files",
            ) from error

    return heapq.merge(*(rows(path, file) for path, file in holders), key=key)


def _rank(value: object) -> tuple[int, float]:
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return 2, 0


class CellError(Exception):
    def __init__(self, column: str, value: str, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason
        super().__init__(reason)


def read_row(template: SourceTemplate, row: GatewayRow) -> tuple[Value, ...]:
    values: list[Value] = []
    for column, raw in zip(template.columns, row.values, strict=True):
        try:
            values.append(_read_value(column, raw))
        except ValueError as error:
            raise CellError(column.name, ascii(raw), str(error)) from None
    return tuple(values)


def _read_value(column: SourceColumn, raw: object) -> Value:
    """One cell in the type that bronze wants; ValueError says why it cannot be."""
    if raw is None:
        if column.not_null:
            raise ValueError("null, where bronze needs a value")
        return None
    match column.bronze_type:
        case "integer" | "bigint" as kind:
            if not isinstance(raw, int):
                raise ValueError("not a whole number")
            if not -(limit := 1 << (_INTEGER_BITS[kind] - 1)) <= raw < limit:
                raise ValueError(f"outside the range of {kind}")
            return raw
        case "double precision":
            if not isinstance(raw, int | float):
                raise ValueError("not a number")
            return float(raw)
        case "text":
            return _read_text(raw)
        case _:
            return _read_time(raw)


def _read_text(raw: object) -> str:
    if isinstance(raw, int | float):
        return str(raw)
    if not isinstance(raw, str):
        raise ValueError("not text")
    if "\0" in raw:
        raise ValueError("text with a zero byte, which PostgreSQL cannot hold")
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("not valid UTF-8") from None
    return raw


def _read_time(raw: object) -> datetime:
    # Python reads a time up to a zero byte, as if nothing came after it.
    if not isinstance(raw, str) or "\0" in raw or not _CLOCK.match(raw):
        raise ValueError("not an ISO-8601 time, such as 2022-08-08T13:51:36.771Z")
    try:
        read = datetime.fromisoformat(raw)
    except ValueError:
        raise ValueError("not an ISO-8601 time, such as 2022-08-08T13:51:36.771Z") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
