"""Feeds gateway SQLite files into bronze.

Rows go in the order of Kafka partition and offset over all files together, in multi-row INSERTs,
each batch in its own transaction. The highest offset that bronze holds for a partition is where a
later run resumes, so a run that was killed is started again with the same files. Rows without an
offset are sent each time: delivery is at least once, and the load merges duplicates.

A row that bronze cannot hold is set aside as a :class:`Rejection`; the others go on.
"""

from __future__ import annotations

import heapq
import itertools
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import execute_values

from setu.errors import SetuError
from setu.ingest.source_templates import (
    ROW_NUMBER,
    SourceColumn,
    SourceTemplate,
    read_columns,
    read_templates,
)

BATCH_ROWS = 3000

_CLOCK = re.compile(r"^\d{4}-?(\d\d-?\d\d|W\d\d-?\d)[T ]\d\d", re.IGNORECASE)
_INTEGER_BITS = {"integer": 32, "bigint": 64}

Value = int | float | str | datetime | None


class GatewayFileError(SetuError):
    """A file that is no gateway file, or whose tables are not those of the templates."""


class GatewayFeedError(SetuError):
    """The database did not take a batch; the batches before it are stored."""


@dataclass(frozen=True)
class Rejection:
    """A row that was set aside: where it stands, and what is wrong with which value."""

    file: str
    table: str
    row_no: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.table} row {self.row_no}: {self.column} {self.value}: " + (
            self.reason
        )


@dataclass
class FeedReport:
    """What a run did, in rows. ``read`` is the sum of the next two and the rejections."""

    read: int = 0
    stored: int = 0
    already_stored: int = 0
    batches: int = 0
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    file: Path
    row_no: int
    values: tuple[object, ...]


def feed(
    connection: psycopg2.extensions.connection,
    files: Sequence[Path],
    *,
    batch_rows: int = BATCH_ROWS,
    on_batch: Callable[[FeedReport], None] | None = None,
    on_rejection: Callable[[Rejection], None] | None = None,
) -> FeedReport:
    """Feed gateway files into bronze, and say what became of each row.

    ``connection`` may have any role that may insert into bronze and read the two Kafka columns; it
    must stand outside a transaction and not in autocommit. ``on_batch`` is called after each
    commit, ``on_rejection`` before the batch in whose range the row stands is committed.

    Raises GatewayFileError, before anything is stored unless a file breaks off in its middle, and
    GatewayFeedError when the database refuses a batch.
    """
    if batch_rows < 1:
        raise ValueError("batch_rows must be at least 1")
    report = FeedReport()
    templates = read_templates()
    with ExitStack() as stack:
        opened = [(path, stack.enter_context(closing(_open(path)))) for path in files]
        tables = _tables(opened, templates)
        for table, holders in tables.items():
            _feed_table(
                connection, templates[table], holders, batch_rows, report, on_batch, on_rejection
            )
    return report


def append_rejections(path: Path) -> Callable[[Rejection], None]:
    """A callback for ``on_rejection`` that adds each one to ``path`` as a line of JSON."""

    def write(rejection: Rejection) -> None:
        with path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(rejection), ensure_ascii=False) + "\n")

    return write


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise GatewayFileError(f"{path} is not there", hint="Give the path of a gateway's file.")
    file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    # Broken UTF-8 in one cell must not end the reading of all: it becomes lone surrogates.
    file.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        file.close()
        raise GatewayFileError(
            f"{path} cannot be read as a SQLite file",
            context=(f"SQLite: {error}",),
            hint="Copy the file from the gateway again.",
        ) from error
    return file


_Opened = tuple[Path, sqlite3.Connection]


def _tables(
    opened: Sequence[_Opened], templates: dict[str, SourceTemplate]
) -> dict[str, list[_Opened]]:
    """The files by the table that they hold, each held against its template."""
    found: dict[str, list[_Opened]] = {}
    for path, file in opened:
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
                context=(f"templates: {', '.join(templates)}",),
                hint="Give a gateway's file; other SQLite files are not fed.",
            )
        for name in names:
            _check_shape(path, file, name, templates)
            found.setdefault(name, []).append((path, file))
    return found


def _check_shape(
    path: Path, file: sqlite3.Connection, table: str, templates: dict[str, SourceTemplate]
) -> None:
    if table not in templates:
        raise GatewayFileError(
            f"{path} holds {table}, for which there is no source template",
            context=(f"templates: {', '.join(templates)}",),
            hint="The gateway is newer than this schema: add the table to bronze first.",
        )
    wanted = {ROW_NUMBER, *templates[table].names}
    present = {column.name for column in read_columns(file, table)}
    if wanted != present:
        raise GatewayFileError(
            f"{path}: {table} is not as its source template has it",
            context=(
                f"missing: {', '.join(sorted(wanted - present)) or 'none'}",
                f"unknown: {', '.join(sorted(present - wanted)) or 'none'}",
            ),
            hint="Bring the gateway and this schema to the same version.",
        )


def _feed_table(
    connection: psycopg2.extensions.connection,
    template: SourceTemplate,
    holders: Sequence[_Opened],
    batch_rows: int,
    report: FeedReport,
    on_batch: Callable[[FeedReport], None] | None,
    on_rejection: Callable[[Rejection], None] | None,
) -> None:
    stored = _stored_offsets(connection, template.table)
    partition = template.names.index("kafka_partition")
    offset = template.names.index("kafka_offset")
    rows = _in_kafka_order(template, holders, partition, offset)
    while chunk := list(itertools.islice(rows, batch_rows)):
        good: list[tuple[Value, ...]] = []
        for row in chunk:
            report.read += 1
            if _is_stored(stored, row.values[partition], row.values[offset]):
                report.already_stored += 1
                continue
            read = _read_row(template, row)
            if isinstance(read, Rejection):
                report.rejections.append(read)
                if on_rejection is not None:
                    on_rejection(read)
            else:
                good.append(read)
        if good:
            _insert(connection, template, good, chunk)
            report.stored += len(good)
            report.batches += 1
        if on_batch is not None:
            on_batch(report)


def _is_stored(stored: dict[int, int], partition: object, offset: object) -> bool:
    if not isinstance(partition, int) or not isinstance(offset, int):
        return False
    return offset <= stored.get(partition, -1)


def _in_kafka_order(
    template: SourceTemplate, holders: Sequence[_Opened], partition: int, offset: int
) -> Iterator[_Row]:
    """Rows of all files by partition and offset, for only then is the highest stored one a bound.

    SQLite sorts null before numbers, and those before text; so does the merge.
    """
    columns = ", ".join(f'"{name}"' for name in (ROW_NUMBER, *template.names))

    def key(row: _Row) -> tuple[tuple[int, float], tuple[int, float]]:
        return _rank(row.values[partition]), _rank(row.values[offset])

    def rows(path: Path, file: sqlite3.Connection) -> Iterator[_Row]:
        cursor = file.execute(
            f'SELECT {columns} FROM "{template.table}"'
            " ORDER BY kafka_partition, kafka_offset, row_no"
        )
        try:
            for number, *values in cursor:
                yield _Row(path, number, tuple(values))
        except sqlite3.Error as error:
            raise GatewayFileError(
                f"{path} cannot be read to its end",
                context=(f"SQLite: {error}",),
                hint="Whole batches before it are stored. Copy the file again and feed all files.",
            ) from error

    return heapq.merge(*(rows(path, file) for path, file in holders), key=key)


def _rank(value: object) -> tuple[int, float]:
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return 2, 0


def _read_row(template: SourceTemplate, row: _Row) -> tuple[Value, ...] | Rejection:
    values: list[Value] = []
    for column, raw in zip(template.columns, row.values, strict=True):
        try:
            values.append(_read_value(column, raw))
        except ValueError as error:
            return Rejection(
                file=str(row.file),
                table=template.table,
                row_no=row.row_no,
                column=column.name,
                value=ascii(raw),
                reason=str(error),
            )
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
    if not isinstance(raw, str) or not _CLOCK.match(raw):
        raise ValueError("not an ISO-8601 time, such as 2022-08-08T13:51:36.771Z")
    try:
        read = datetime.fromisoformat(raw)
    except ValueError:
        raise ValueError("not an ISO-8601 time, such as 2022-08-08T13:51:36.771Z") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _stored_offsets(connection: psycopg2.extensions.connection, table: str) -> dict[int, int]:
    statement = sql.SQL(
        "SELECT kafka_partition, max(kafka_offset) FROM bronze.{} "
        "WHERE kafka_partition IS NOT NULL AND kafka_offset IS NOT NULL GROUP BY kafka_partition"
    ).format(sql.Identifier(table))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return {int(partition): int(offset) for partition, offset in cursor.fetchall()}
    except psycopg2.errors.UndefinedTable as error:
        raise GatewayFeedError(
            f"the database has no table bronze.{table}",
            context=(f"server: {str(error).strip()}",),
            hint="Upgrade it first: alembic upgrade head.",
        ) from error
    except psycopg2.Error as error:
        raise GatewayFeedError(
            f"bronze.{table} cannot be asked for the offsets that it holds",
            context=(f"server: {str(error).strip()}",),
            hint="The role needs SELECT on kafka_partition and kafka_offset.",
        ) from error


def _insert(
    connection: psycopg2.extensions.connection,
    template: SourceTemplate,
    rows: Sequence[tuple[Value, ...]],
    chunk: Sequence[_Row],
) -> None:
    statement = sql.SQL("INSERT INTO bronze.{} ({}) VALUES %s").format(
        sql.Identifier(template.table), sql.SQL(", ").join(map(sql.Identifier, template.names))
    )
    casts = ", ".join(f"%s::{column.bronze_type}" for column in template.columns)
    try:
        with connection, connection.cursor() as cursor:
            execute_values(
                cursor, statement.as_string(cursor), rows, f"({casts})", page_size=len(rows)
            )
    except psycopg2.Error as error:
        first, last = chunk[0], chunk[-1]
        raise GatewayFeedError(
            f"bronze.{template.table} did not take a batch of {len(rows)} rows",
            context=(
                f"from: {first.file} row {first.row_no}",
                f"to: {last.file} row {last.row_no}",
                f"server: {str(error).strip()}",
            ),
            hint="Nothing of this batch is stored. Mend the cause and feed the same files again.",
        ) from error
