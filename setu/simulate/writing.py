"""Where made-up messages go: gateway files, or straight into bronze as a sink writes."""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import execute_values

from setu.ingest.source_templates import (
    SourceTemplate,
    read_columns,
    read_template,
    read_templates,
)
from setu.simulate.delivery import Message

#: Kafka Connect's JDBC sink writes this many rows in one transaction unless told otherwise.
SINK_ROWS = 3000
ROWS_IN_MEMORY = 200_000
PAGE = 1000


@dataclass(frozen=True)
class Written:
    """What was written: rows, transactions (0 for files), and seconds."""

    rows: int
    transactions: int
    seconds: float


def write_files(
    messages: Iterable[Message], folder: Path, keys: Sequence[int] | None = None
) -> dict[Path, int]:
    """Write messages into a SQLite file for each gateway; the rows in each file.

    :param keys: v2's integer key of each machine, in the fleet's order; 1, 2, … by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: defaultdict[Path, int] = defaultdict(int)
    # A thousand gateways are more files than a process may have open.
    for batch in _batches(messages, ROWS_IN_MEMORY):
        by_file: defaultdict[Path, list[Message]] = defaultdict(list)
        for message in batch:
            by_file[folder / f"{message.gateway}.sqlite"].append(message)
        for path, rows in by_file.items():
            with closing(sqlite3.connect(path)) as file:
                if path not in written:
                    _make_tables(file)
                for message in rows:
                    _insert(file, message, _key(message, keys))
                file.commit()
            written[path] += len(rows)
    return dict(written)


def _make_tables(file: sqlite3.Connection) -> None:
    """The gateway's ten tables, as far as the file does not have them."""
    for table in sorted(read_templates()):
        if not read_columns(file, table):
            file.execute(_template(table).ddl)


def _insert(file: sqlite3.Connection, message: Message, key: int) -> None:
    template = _template(message.table)
    names = ", ".join(template.names)
    marks = ", ".join("?" for _ in template.names)
    file.execute(f"INSERT INTO {message.table} ({names}) VALUES ({marks})", _row(message, key))


@lru_cache
def _template(table: str) -> SourceTemplate:
    return read_template(table)


def write_bronze(
    connection: psycopg2.extensions.connection,
    messages: Iterable[Message],
    keys: Sequence[int],
    *,
    rows_a_transaction: int = SINK_ROWS,
    rows_a_second: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Written:
    """Write messages into bronze as a sink does: batches of many tables, a transaction each.

    :param keys: v2's integer key of each machine, in the fleet's order.
    :param rows_a_second: the pace; None writes as fast as it goes.
    """
    began = clock()
    rows = transactions = 0
    for batch in _batches(messages, rows_a_transaction):
        by_table: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)
        for message in batch:
            by_table[message.table].append(_row(message, _key(message, keys)))
        with connection.cursor() as cursor:
            for table, values in by_table.items():
                _insert_bronze(cursor, table, values)
        connection.commit()
        rows += len(batch)
        transactions += 1
        if rows_a_second:
            sleep(max(0.0, began + rows / rows_a_second - clock()))
    return Written(rows, transactions, clock() - began)


def _insert_bronze(cursor: Any, table: str, values: list[tuple[object, ...]]) -> None:
    names = sql.SQL(", ").join(sql.Identifier(name) for name in _template(table).names)
    query = sql.SQL("INSERT INTO bronze.{} ({}) VALUES %s").format(sql.Identifier(table), names)
    execute_values(cursor, query, values, page_size=PAGE)


def _batches(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    rest = iter(messages)
    while batch := list(islice(rest, size)):
        yield batch


def _key(message: Message, keys: Sequence[int] | None) -> int:
    return keys[message.machine] if keys is not None else message.machine + 1


def _row(message: Message, key: int) -> tuple[object, ...]:
    return (message.partition, message.offset, message.device_id, key, *message.values)
