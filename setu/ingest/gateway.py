"""Feeds gateway SQLite files into bronze.

Rows go by Kafka partition and offset, in multi-row INSERTs, each batch in its own transaction and
with a record of what it stored: a digest of each row's values. What the record holds is not sent
again; nothing else is skipped. So files may come in any order, any number of times, corrected, cut
into pieces, from brokers that number alike and from topics that were made anew, and a run that was
killed is started again with the same files. Delivery is at least once; the load merges duplicates.

A row that bronze cannot hold, or that cannot be sent, is a :class:`Rejection`; the others go on.
"""

from __future__ import annotations

import base64
import heapq
import itertools
import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import execute_values

from setu.errors import SetuError
from setu.ingest.feed_record import PositionedRow, fed_rows, record_fed_rows, row_digest
from setu.ingest.gateway_file import GatewayFileError, explain, open_gateway_file
from setu.ingest.source_templates import (
    ROW_NUMBER,
    SourceColumn,
    SourceTemplate,
    Value,
    read_columns,
    read_templates,
)

__all__ = [
    "BATCH_ROWS",
    "FeedReport",
    "GatewayFeedError",
    "GatewayFileError",
    "Rejection",
    "append_rejections",
    "feed",
]

BATCH_ROWS = 3000
# A file of nothing but broken rows must not fill the memory; the callback gets each of them.
KEPT_REJECTIONS = 1000

_CLOCK = re.compile(r"^\d{4}-?(\d\d-?\d\d|W\d\d-?\d)[T ]\d\d", re.IGNORECASE)
_INTEGER_BITS = {"integer": 32, "bigint": 64}


class GatewayFeedError(SetuError):
    """The database did not take a batch; the batches before it are stored."""


@dataclass(frozen=True)
class Rejection:
    """A row that was rejected: where it stands, what is wrong with which value, and all of it.

    ``row`` has the cells by column, as JSON can say them: a blob, or text that is not UTF-8, is
    ``{"base64": …}``, an infinite number ``{"real": "inf"}``. ``column`` is empty when the server
    did not say which.
    """

    file: str
    table: str
    row_no: int
    column: str
    value: str
    reason: str
    row: dict[str, Any]

    def __str__(self) -> str:
        where = f"{self.file}: {self.table} row {self.row_no}: "
        return where + (f"{self.column} {self.value}: " if self.column else "") + self.reason


@dataclass
class FeedReport:
    """What a run did, in rows; ``read`` is the sum of the three after it.

    ``rejections`` has the first :data:`KEPT_REJECTIONS`; ``refused`` the files that gave no row.
    """

    read: int = 0
    stored: int = 0
    already_stored: int = 0
    rejected: int = 0
    batches: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    refused: list[GatewayFileError] = field(default_factory=list)

    def reject(self, rejection: Rejection) -> None:
        """Count a rejected row, and keep it while there are few."""
        self.rejected += 1
        if len(self.rejections) < KEPT_REJECTIONS:
            self.rejections.append(rejection)


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
    again: bool = False,
    accept_no_log: bool = False,
    on_batch: Callable[[FeedReport], None] | None = None,
    on_rejection: Callable[[Rejection], None] | None = None,
    on_refused: Callable[[GatewayFileError], None] | None = None,
) -> FeedReport:
    """Feed gateway files into bronze, and say what became of each row.

    ``connection`` may have any role that may insert into bronze and call the two functions of the
    feed's record, such as ``setu_ingest``; it must stand outside a transaction and not in
    autocommit. ``on_batch`` is called after each batch, ``on_rejection`` for each rejected row
    before the next batch.

    :param again: send all rows, whatever the record says; for a bronze that lost rows.
    :param accept_no_log: see :func:`~setu.ingest.gateway_file.open_gateway_file`.
    :param on_refused: gets each file that is not whole or no gateway file, and the others are fed.
        Without it such a file raises GatewayFileError before anything is stored.

    Raises GatewayFileError also when a file breaks off in its middle, and GatewayFeedError when the
    database refuses a batch.
    """
    if batch_rows < 1:
        raise ValueError("batch_rows must be at least 1")
    if connection.encoding != "UTF8":
        # Whatever the server, the database or the environment says: files hold any script.
        connection.set_client_encoding("UTF8")
    report = FeedReport()
    templates = read_templates()
    with ExitStack() as stack:
        tables: dict[str, list[_Opened]] = {}
        for path in files:
            try:
                file = stack.enter_context(open_gateway_file(path, accept_no_log=accept_no_log))
                names = _tables(path, file, templates)
            except GatewayFileError as error:
                if on_refused is None:
                    raise
                report.refused.append(error)
                on_refused(error)
                continue
            for name in names:
                tables.setdefault(name, []).append((path, file))
        run = _Run(connection, batch_rows, again, report, on_batch, on_rejection)
        for table, holders in tables.items():
            run.feed_table(templates[table], holders)
    return report


def append_rejections(path: Path) -> Callable[[Rejection], None]:
    """A callback for ``on_rejection`` that adds each one to ``path`` as a line of JSON.

    A line that the file has already is not added again, however often its row is fed.
    """
    seen: set[int] | None = None

    def write(rejection: Rejection) -> None:
        nonlocal seen
        if seen is None:
            seen = set()
            if path.exists():
                with path.open(encoding="utf-8") as lines:
                    seen.update(hash(line.rstrip("\n")) for line in lines)
        line = json.dumps(asdict(rejection), ensure_ascii=False)
        if hash(line) in seen:
            return
        seen.add(hash(line))
        with path.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")

    return write


_Opened = tuple[Path, sqlite3.Connection]


def _tables(
    path: Path, file: sqlite3.Connection, templates: dict[str, SourceTemplate]
) -> list[str]:
    """The tables of a file, each held against its template."""
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


@dataclass(frozen=True)
class _Good:
    """A row that bronze can hold, as far as one can see from here."""

    row: _Row
    values: tuple[Value, ...]
    position: PositionedRow


@dataclass(frozen=True)
class _Run:
    connection: psycopg2.extensions.connection
    batch_rows: int
    again: bool
    report: FeedReport
    on_batch: Callable[[FeedReport], None] | None
    on_rejection: Callable[[Rejection], None] | None

    def feed_table(self, template: SourceTemplate, holders: Sequence[_Opened]) -> None:
        """Feed one table of all files that hold it."""
        partition = template.names.index("kafka_partition")
        offset = template.names.index("kafka_offset")
        rows = _in_kafka_order(template, holders, partition, offset)
        while chunk := list(itertools.islice(rows, self.batch_rows)):
            good: list[_Good] = []
            for row in chunk:
                self.report.read += 1
                try:
                    values = _read_row(template, row)
                except _CellError as fault:
                    self._reject(template, row, fault.column, fault.value, fault.reason)
                    continue
                at = values[partition], values[offset]
                good.append(_Good(row, values, _position(template, row, values, *at)))
            if good:
                self._store(template, good)
            if self.on_batch is not None:
                self.on_batch(self.report)

    def _reject(
        self, template: SourceTemplate, row: _Row, column: str, value: str, reason: str
    ) -> None:
        cells = {
            name: _as_json(cell) for name, cell in zip(template.names, row.values, strict=True)
        }
        rejection = Rejection(
            file=str(row.file),
            table=template.table,
            row_no=row.row_no,
            column=column,
            value=value,
            reason=reason,
            row={ROW_NUMBER: row.row_no, **cells},
        )
        self.report.reject(rejection)
        if self.on_rejection is not None:
            self.on_rejection(rejection)

    def _store(self, template: SourceTemplate, rows: Sequence[_Good]) -> None:
        """Store what the record does not hold; halve what fails until the row stands alone."""
        try:
            new = self._insert(template, rows)
        except (psycopg2.Error, UnicodeError, ValueError, OverflowError) as error:
            if self.connection.closed or not _is_fault_of_a_row(error):
                raise _refusal(template, rows, error) from error
            if len(rows) > 1:
                middle = len(rows) // 2
                self._store(template, rows[:middle])
                self._store(template, rows[middle:])
                return
            column, value = self._culprit(template, rows[0])
            self._reject(template, rows[0].row, column, value, _first_line(error))
            return
        self.report.already_stored += len(rows) - new
        self.report.stored += new
        self.report.batches += bool(new)

    def _insert(self, template: SourceTemplate, rows: Sequence[_Good]) -> int:
        """One transaction: look up, insert, record. How many rows it inserted."""
        with self.connection, self.connection.cursor() as cursor:
            held = (
                set()
                if self.again
                else fed_rows(cursor, template.table, [row.position for row in rows])
            )
            new: list[_Good] = []
            for row in rows:
                if row.position.digest not in held:
                    held.add(row.position.digest)
                    new.append(row)
            if new:
                statement = sql.SQL("INSERT INTO bronze.{} ({}) VALUES %s").format(
                    sql.Identifier(template.table),
                    sql.SQL(", ").join(map(sql.Identifier, template.names)),
                )
                casts = ", ".join(f"%s::{column.bronze_type}" for column in template.columns)
                execute_values(
                    cursor,
                    statement.as_string(cursor),
                    [row.values for row in new],
                    f"({casts})",
                    page_size=len(new),
                )
                record_fed_rows(cursor, template.table, [row.position for row in new])
            return len(new)

    def _culprit(self, template: SourceTemplate, row: _Good) -> tuple[str, str]:
        """The column whose value the server does not take by itself, and the value."""
        for column, value in zip(template.columns, row.values, strict=True):
            try:
                with self.connection, self.connection.cursor() as cursor:
                    cursor.execute(f"SELECT %s::{column.bronze_type}", (value,))
            except (psycopg2.Error, UnicodeError, ValueError, OverflowError):
                return column.name, ascii(value)
        return "", ""


def _position(
    template: SourceTemplate,
    row: _Row,
    values: tuple[Value, ...],
    partition: Value,
    offset: Value,
) -> PositionedRow:
    if isinstance(partition, int) and isinstance(offset, int):
        return PositionedRow(partition, offset, row_digest(template.names, values))
    # Without an offset, two rows of the same values may both be meant: the file's own number tells
    # them apart, and is the same in every copy of the file.
    digest = row_digest((*template.names, ROW_NUMBER), (*values, row.row_no))
    return PositionedRow(None, row.row_no, digest)


def _is_fault_of_a_row(error: Exception) -> bool:
    if not isinstance(error, psycopg2.Error):
        return True
    if error.pgcode is None:
        # The driver's own: it has no way to write a value.
        return isinstance(error, psycopg2.ProgrammingError | psycopg2.DataError)
    # Data exceptions, constraints, and limits of what a row may hold.
    return error.pgcode[:2] in ("22", "23") or error.pgcode == "54000"


def _refusal(template: SourceTemplate, rows: Sequence[_Good], error: Exception) -> GatewayFeedError:
    said = f"server: {str(error).strip()}"
    if isinstance(error, psycopg2.errors.UndefinedTable) and template.table in str(error):
        return GatewayFeedError(
            f"the database has no table bronze.{template.table}",
            context=(said,),
            hint="Upgrade it first: alembic upgrade head",
        )
    if isinstance(error, psycopg2.errors.UndefinedFunction | psycopg2.errors.InvalidSchemaName) or (
        isinstance(error, psycopg2.errors.InsufficientPrivilege) and "bronze" not in str(error)
    ):
        return GatewayFeedError(
            "the database cannot be asked which rows it holds",
            context=(said,),
            hint="Upgrade it to head, and feed as setu_ingest or as a role that may call "
            "_etl.fn_fed_rows and _etl.fn_record_fed_rows",
        )
    first, last = rows[0].row, rows[-1].row
    return GatewayFeedError(
        f"bronze.{template.table} did not take a batch of {len(rows)} rows",
        context=(
            f"from: {first.file} row {first.row_no}",
            f"to: {last.file} row {last.row_no}",
            said,
        ),
        hint="Nothing of this batch is stored. Correct the cause and feed the same files again",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _as_json(cell: object) -> object:
    """A cell of SQLite as JSON can say it."""
    if isinstance(cell, bytes):
        return {"base64": base64.b64encode(cell).decode("ascii")}
    if isinstance(cell, str):
        try:
            cell.encode("utf-8")
        except UnicodeEncodeError:
            return _as_json(cell.encode("utf-8", "surrogateescape"))
    if isinstance(cell, float) and not math.isfinite(cell):
        return {"real": str(cell)}
    return cell


def _in_kafka_order(
    template: SourceTemplate, holders: Sequence[_Opened], partition: int, offset: int
) -> Iterator[_Row]:
    """Rows of all files by partition and offset: the order in which they were sent.

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


class _CellError(Exception):
    def __init__(self, column: str, value: str, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason
        super().__init__(reason)


def _read_row(template: SourceTemplate, row: _Row) -> tuple[Value, ...]:
    values: list[Value] = []
    for column, raw in zip(template.columns, row.values, strict=True):
        try:
            values.append(_read_value(column, raw))
        except ValueError as error:
            raise _CellError(column.name, ascii(raw), str(error)) from None
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
