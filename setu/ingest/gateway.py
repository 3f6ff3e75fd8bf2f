"""Feeds gateway SQLite files into bronze.

Rows go by Kafka partition and offset, in multi-row INSERTs, each batch in its own transaction and
with a record of what it stored: a digest of each row's values. What the record holds is not sent
again; nothing else is skipped. So files may come in any order, any number of times, corrected, cut
into pieces, from brokers that number alike and from topics that were made anew, and a run that was
killed is started again with the same files. Delivery is at least once; the load merges duplicates.

A row that bronze cannot hold, or that cannot be sent, is a :class:`Rejection`; the others go on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import execute_values

from setu.errors import SetuError
from setu.ingest.feed_record import PositionedRow, fed_rows, record_fed_rows, row_digest
from setu.ingest.gateway_faults import GatewayFileError
from setu.ingest.gateway_file import open_gateway_file
from setu.ingest.gateway_rows import (
    CellError,
    GatewayRow,
    OpenedFile,
    in_kafka_order,
    read_row,
    tables_of,
)
from setu.ingest.rejections import Rejection, as_json
from setu.ingest.source_templates import ROW_NUMBER, SourceTemplate, Value, read_templates

BATCH_ROWS = 3000
# A file of nothing but broken rows must not fill the memory; the callback gets each of them.
KEPT_REJECTIONS = 1000


class GatewayFeedError(SetuError):
    """The database did not take a batch; the batches before it are stored."""


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
        tables: dict[str, list[OpenedFile]] = {}
        for path in files:
            try:
                file = stack.enter_context(open_gateway_file(path, accept_no_log=accept_no_log))
                names = tables_of(path, file, templates)
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


@dataclass(frozen=True)
class _Good:
    """A row that bronze can hold, as far as one can see from here."""

    row: GatewayRow
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

    def feed_table(self, template: SourceTemplate, holders: Sequence[OpenedFile]) -> None:
        """Feed one table of all files that hold it."""
        partition = template.names.index("kafka_partition")
        offset = template.names.index("kafka_offset")
        rows = in_kafka_order(template, holders, partition, offset)
        while chunk := list(itertools.islice(rows, self.batch_rows)):
            good: list[_Good] = []
            for row in chunk:
                self.report.read += 1
                try:
                    values = read_row(template, row)
                except CellError as fault:
                    self._reject(template, row, fault.column, fault.value, fault.reason)
                    continue
                at = values[partition], values[offset]
                good.append(_Good(row, values, _position(template, row, values, *at)))
            if good:
                self._store(template, good)
            if self.on_batch is not None:
                self.on_batch(self.report)

    def _reject(
        self, template: SourceTemplate, row: GatewayRow, column: str, value: str, reason: str
    ) -> None:
        cells = {name: as_json(cell) for name, cell in zip(template.names, row.values, strict=True)}
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
    row: GatewayRow,
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
