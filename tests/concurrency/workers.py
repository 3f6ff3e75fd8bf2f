"""What the threads do: writers, sweeps with and without a fence, compression, retention."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from random import Random
from typing import Any

import psycopg2
import psycopg2.extensions

from tests.concurrency.cycles import COLUMNS, BronzeRow, Source

INSERT = (
    f"INSERT INTO bronze.raw_machine_cycles ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
INSERT_AT = (
    f"INSERT INTO bronze.raw_machine_cycles (time, {COLUMNS}) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
READING = "SELECT pg_sequence_last_value('bronze.raw_machine_cycles_id_seq')"

# Such errors undo the batch; the next run starts where it started.
TRANSIENT = (psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable)
# A chunk that is locked for longer than that, written to meanwhile, or dropped meanwhile: then
# its table is not found, or what TimescaleDB knows of it.
BUSY = (
    *TRANSIENT,
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.UndefinedObject,
)


class Writer:
    """Transactions of random length, with savepoints and rollbacks, some of them prepared.

    :ivar committed: every row that was committed.
    """

    def __init__(self, seed: str, machines: list[int], *, prepares: bool) -> None:
        self._random = Random(seed)
        self._source = Source(self._random, machines)
        self._prepares = prepares
        self.committed: list[BronzeRow] = []
        self.transactions = 0
        self.rolled_back = 0
        self.prepared = 0

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                rows = self._fill(cursor)
            except (*TRANSIENT, psycopg2.errors.InternalError_) as error:
                # Its old chunk was dropped as it wrote: nothing of the transaction is kept.
                if not isinstance(error, TRANSIENT) and "could not open relation" not in str(error):
                    raise
                cursor.execute("ROLLBACK")
                self.rolled_back += 1
                return
            self._end(cursor, rows)
        time.sleep(self._random.choice((0, 0, 0.005)))

    def _fill(self, cursor: Any) -> list[BronzeRow]:
        pick = self._random
        rows: list[BronzeRow] = []
        for _ in range(pick.choice((1, 1, 2, 5))):
            if pick.random() < 0.3:
                cursor.execute("SAVEPOINT place")
                kept = self._insert(cursor)
                if pick.random() < 0.5:
                    cursor.execute("ROLLBACK TO SAVEPOINT place")
                else:
                    rows += kept
            else:
                rows += self._insert(cursor)
            # The ids are drawn; what others draw now overtakes them.
            time.sleep(pick.choice((0, 0, 0.002, 0.02, 0.1)))
        return rows

    def _insert(self, cursor: Any) -> list[BronzeRow]:
        rows = [self._source.row() for _ in range(self._random.choice((1, 1, 3, 20)))]
        for row in rows:
            cursor.execute(INSERT, row.values())
        return rows

    def _end(self, cursor: Any, rows: list[BronzeRow]) -> None:
        pick = self._random
        commits = pick.random() < 0.8
        self.transactions += 1
        self.rolled_back += not commits
        verb = "COMMIT" if commits else "ROLLBACK"
        if self._prepares and pick.random() < 0.05:
            name = uuid.uuid4().hex
            cursor.execute("PREPARE TRANSACTION %s", (name,))
            self.prepared += 1
            time.sleep(pick.choice((0, 0.3)))
            cursor.execute(f"{verb} PREPARED %s", (name,))
        else:
            cursor.execute(verb)
        if commits:
            self.committed += rows


class Sweeper:
    """Calls the load, in batches and with windows of random size."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self.runs = 0
        self.turned_away = 0
        self.failed = 0

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        pick = self._random
        config = (
            f'{{"batch_size": {pick.choice((1, 7, 100, 5000))}, '
            f'"max_batches": {pick.choice((1, 20))}, '
            f'"fence_wait": "{pick.choice((0, 5, 50))} milliseconds", '
            f'"late_window": "{pick.choice(("0", "1 second", "1 hour"))}"}}'
        )
        del connection.notices[:]
        with connection.cursor() as cursor:
            try:
                cursor.execute("CALL _etl.sp_load_machine_cycles(0, %s)", (config,))
            except TRANSIENT:
                self.failed += 1
        self.runs += 1
        self.turned_away += any("another session" in notice for notice in connection.notices)
        time.sleep(pick.choice((0, 0.01, 0.05)))


def naive_sweep(connection: psycopg2.extensions.connection) -> None:
    """The same selection without the fence: from the highest id seen to the highest visible one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.naive (id) SELECT b.id FROM bronze.raw_machine_cycles AS b "
            "WHERE b.id > (SELECT coalesce(max(n.id), 0) FROM public.naive AS n)"
        )
    time.sleep(0.01)


class Compressor:
    """Compresses chunks under the feet of writers and sweeps."""

    done = 0

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
            cursor.execute(
                "SELECT format('%I.%I', chunk_schema, chunk_name) "
                "FROM timescaledb_information.chunks "
                "WHERE hypertable_schema = 'silver' OR hypertable_schema = 'bronze' "
                "AND range_end < clock_timestamp()"
            )
            for (chunk,) in cursor.fetchall():
                with suppress(*BUSY):
                    cursor.execute("SELECT compress_chunk(%s, true)", (chunk,))
                    self.done += 1
        time.sleep(0.3)


class Retention:
    """Drops bronze chunks of which every row is loaded.

    :ivar dropped: the names of the chunks that went.
    """

    def __init__(self, drop_after: str = "1 second") -> None:
        self._drop_after = drop_after
        self.dropped: set[str] = set()

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            before = self._chunks(cursor)
            cursor.execute(
                "CALL _etl.sp_retain_bronze(0, jsonb_build_object('drop_after', %s))",
                (self._drop_after,),
            )
            self.dropped |= before - self._chunks(cursor)
        time.sleep(0.5)

    @staticmethod
    def _chunks(cursor: Any) -> set[str]:
        cursor.execute(
            "SELECT chunk_name FROM timescaledb_information.chunks "
            "WHERE hypertable_schema = 'bronze' AND hypertable_name = 'raw_machine_cycles'"
        )
        return {name for (name,) in cursor.fetchall()}
