"""Many writers, sweeps all the while: nothing missed, nothing twice."""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from setu.servers import Server
from tests.chain import Chain, chain_on
from tests.concurrency.cycles import (
    COLUMNS,
    BronzeRow,
    Source,
    bronze_rows,
    make_fleet,
    model,
    reject_reason,
    shift_faults,
    silver_rows,
    state_faults,
)

pytestmark = pytest.mark.requires("multi_session")

WRITERS = 8
SECONDS = 14.0
INSERT = (
    f"INSERT INTO bronze.raw_machine_cycles ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
READING = "SELECT pg_sequence_last_value('bronze.raw_machine_cycles_id_seq')"

# Such errors undo the batch; the next run starts where it started.
TRANSIENT = (psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable)
# A chunk that is locked for longer than that, written to meanwhile, or dropped meanwhile.
BUSY = (*TRANSIENT, psycopg2.errors.SerializationFailure, psycopg2.errors.UndefinedTable)


class Crew:
    """Threads that each repeat a piece of work until the time is up; the first error is kept."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._until = time.monotonic() + seconds
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    @property
    def is_open(self) -> bool:
        """Whether there is time left, and no one has failed."""
        return time.monotonic() < self._until and not self._errors

    @contextmanager
    def session(self, role: str | None = None) -> Iterator[psycopg2.extensions.connection]:
        """A connection in autocommit, as that role."""
        connection = psycopg2.connect(self._url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                if role:
                    cursor.execute(f"SET ROLE {role}")
                    cursor.execute("SET synchronous_commit = off")
            yield connection
        finally:
            connection.close()

    def add(self, role: str | None, work: Callable[[psycopg2.extensions.connection], None]) -> None:
        """Start a thread that does the work over and over, on one connection."""

        def repeat() -> None:
            try:
                with self.session(role) as connection:
                    while self.is_open:
                        work(connection)
            except BaseException as error:
                self._errors.append(error)

        thread = threading.Thread(target=repeat, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all of them; raise what one of them raised."""
        for thread in self._threads:
            thread.join(60)
        if self._errors:
            raise self._errors[0]
        assert not any(thread.is_alive() for thread in self._threads)


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


def retain(connection: psycopg2.extensions.connection) -> None:
    """Drops bronze chunks of which every row is loaded."""
    with connection.cursor() as cursor:
        cursor.execute("""CALL _etl.sp_retain_bronze(0, '{"drop_after": "1 second"}')""")
    time.sleep(0.5)


def run_all(chain: Chain, seed: str, *, keeps_house: bool) -> None:
    """Writers, two sweeps of one pipeline and a naive one at once; then hold all against all."""
    machines = make_fleet(chain)
    chain.run("CREATE TABLE public.naive (id bigint)")
    prepares = chain.value("SHOW max_prepared_transactions") != "0"
    writers = [Writer(f"{seed} writer {n}", machines, prepares=prepares) for n in range(WRITERS)]
    sweepers = [Sweeper(f"{seed} sweep {n}") for n in range(2)]
    compressor = Compressor()
    if keeps_house:
        chain.run(
            "SELECT set_chunk_time_interval('bronze.raw_machine_cycles', INTERVAL '2 seconds')"
        )
    crew = Crew(chain.url, SECONDS)
    for writer in writers:
        crew.add("setu_ingest", writer)
    for sweeper in sweepers:
        crew.add("setu_etl", sweeper)
    if keeps_house:
        crew.add(None, retain)
        if chain.community:
            crew.add(None, compressor)
    else:
        crew.add(None, naive_sweep)
    crew.join()

    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
    sent = [row for writer in writers for row in writer.committed]
    transactions = sum(writer.transactions for writer in writers)
    print(
        f"seed {seed}: {len(sent)} rows of {transactions} transactions, "
        f"{sum(writer.rolled_back for writer in writers)} rolled back; "
        f"{sum(s.runs for s in sweepers)} sweeps, "
        f"{sum(s.turned_away for s in sweepers)} found another at work, "
        f"{sum(s.failed for s in sweepers)} stopped by a lock; {compressor.done} compressions"
    )
    assert len(sent) > 500
    check(chain, sent, machines)

    if keeps_house:
        kept = chain.value("SELECT count(*) FROM bronze.raw_machine_cycles")
        print(f"retention left {kept} rows in bronze")
        assert kept < len(sent), "no chunk was dropped: the test did not test retention"
        assert compressor.done or not chain.community
    else:
        assert sorted(bronze_rows(chain), key=repr) == sorted(sent, key=repr)
        naive_loss(chain, len(sent))


def check(chain: Chain, sent: list[BronzeRow], machines: list[int]) -> None:
    """Silver is the model's, the counters add up, the watermark has come to the end."""
    assert silver_rows(chain) == model(sent, machines)
    assert state_faults(chain) == 0
    assert shift_faults(chain) == 0

    rejected = sorted(filter(None, (reject_reason(row, machines) for row in sent)))
    found = chain.query("SELECT reason_code FROM _etl.rejected_rows ORDER BY 1")
    assert [code for (code,) in found] == rejected

    cycles = chain.value("SELECT count(*) FROM silver.machine_cycles")
    [counted] = chain.query(
        "SELECT sum(rows_read), sum(rows_loaded), sum(rows_merged), sum(rows_rejected) "
        "FROM _etl.job_runs"
    )
    merged = len(sent) - cycles - len(rejected)
    assert [int(n) for n in counted] == [len(sent), cycles, merged, len(rejected)]

    assert chain.query(
        "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'"
    ) == chain.query(READING)


def naive_loss(chain: Chain, sent: int) -> None:
    """The sweep without the fence loses rows, in the same run."""
    with chain.session() as connection:
        naive_sweep(connection)
    swept = chain.value("SELECT count(DISTINCT id) FROM public.naive")
    print(f"the sweep without a fence lost {sent - swept} of {sent} rows")
    assert swept < sent, "nothing overtook anything: the test tested nothing"


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade()
        yield made


@pytest.fixture
def seed() -> str:
    """Printed by the tests; ``SETU_TEST_SEED`` repeats one, as far as the clock allows."""
    return os.environ.get("SETU_TEST_SEED") or uuid.uuid4().hex[:8]


def test_eight_writers_and_two_sweeps_lose_nothing_and_a_naive_sweep_does(
    chain: Chain, seed: str
) -> None:
    run_all(chain, seed, keeps_house=False)


def test_compression_and_retention_take_nothing_from_writers_and_sweeps(
    chain: Chain, seed: str
) -> None:
    run_all(chain, seed, keeps_house=True)


def test_the_fence_never_sees_the_sequence_ahead_of_itself(chain: Chain) -> None:
    # While nextval writes its log record, the sequence shows a value that is up to 32 ahead.
    crew = Crew(chain.url, 6.0)
    for _ in range(4):
        crew.add(None, _draw)
    ahead = {"fence": 0, "plain": 0}

    def compare(connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE)
            for notice in connection.notices:
                ahead["fence" if "fence" in notice else "plain"] += 1
            del connection.notices[:]

    crew.add(None, compare)
    crew.join()
    print(f"plain readings that were ahead: {ahead['plain']}")
    assert ahead["fence"] == 0


def _draw(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(nextval('bronze.raw_machine_cycles_id_seq')) FROM generate_series(1, 5000)"
        )


COMPARE = """
DO $compare$
DECLARE
    v_plain bigint;
    v_fence bigint;
BEGIN
    FOR n IN 1 .. 2000 LOOP
        SELECT s.last_value INTO v_plain FROM bronze.raw_machine_cycles_id_seq AS s;
        IF v_plain > pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') THEN
            RAISE NOTICE 'plain';
        END IF;
        IF n % 100 = 0 THEN
            v_fence := _etl.fn_fence('machine_cycles', INTERVAL '0');
            IF v_fence > pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') THEN
                RAISE NOTICE 'fence';
            END IF;
        END IF;
    END LOOP;
END
$compare$
"""
