"""The server is killed at random moments: bronze, silver, state and watermark agree afterwards.

Meanwhile chunks of bronze are made, compressed where that is possible, and dropped once loaded.
"""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from datetime import UTC, datetime
from itertools import count
from random import Random

import psycopg2
import psycopg2.extensions
import pytest
from sqlalchemy import make_url

from tests.chain import Chain
from tests.concurrency.cycles import (
    BronzeRow,
    Source,
    make_fleet,
    model,
    reject_reason,
    silver_rows,
    state_faults,
)
from tests.concurrency.own_server import OwnServer
from tests.concurrency.workers import (
    INSERT,
    INSERT_AT,
    READING,
    Compressor,
    Retention,
    Sweeper,
    Writer,
)
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("native", "multi_session")

KILLS = int(os.environ.get("SETU_TEST_KILLS", "24"))
PREPARED_KILLS = range(8, 12)
WRITERS = 4
SWEEPERS = 2
CHUNK = "2 seconds"
# Long enough that a check has seen every row of a chunk before it is dropped.
DROP_AFTER = "6 seconds"
CRASHES = (psycopg2.OperationalError, psycopg2.InterfaceError)


class Load:
    """Writers and sweeps, as their roles, until the server goes away; or housekeeping as well.

    :ivar highest_seen: the highest id that was visible to anyone.
    """

    def __init__(self, chain: Chain, seed: str, machines: list[int], *, keeps_house: bool) -> None:
        self._chain = chain
        self.highest_seen = 0
        self.compressor = Compressor()
        self.pids: list[int] = []
        self.errors: list[BaseException] = []
        self._threads = [
            *(self._thread("setu_ingest", self._write(f"{seed} w{n}", machines))
              for n in range(WRITERS)),
            *(self._thread("setu_etl", Sweeper(f"{seed} s{n}")) for n in range(SWEEPERS)),
            self._thread("postgres", self._watch),
        ]  # fmt: skip
        if keeps_house:
            self._threads.append(self._thread("postgres", Retention(DROP_AFTER)))
            if chain.community:
                self._threads.append(self._thread("postgres", self.compressor))
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _write(seed: str, machines: list[int]) -> Writer:
        return Writer(seed, machines, prepares=False)

    def _watch(self, connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM bronze.raw_machine_cycles")
            row = cursor.fetchone()
            assert row is not None
            self.highest_seen = max(self.highest_seen, row[0])
        time.sleep(0.002)

    def _thread(self, role: str, work: object) -> threading.Thread:
        def repeat() -> None:
            try:
                connection = connect(self._chain, role)
                self.pids.append(connection.get_backend_pid())
                while True:
                    work(connection)  # type: ignore[operator]
            except CRASHES:
                pass
            except BaseException as error:
                self.errors.append(error)

        return threading.Thread(target=repeat, daemon=True)

    def join(self) -> None:
        """Wait for all to notice that the server has gone; raise what was not that."""
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)
        if self.errors:
            raise self.errors[0]


def connect(chain: Chain, role: str) -> psycopg2.extensions.connection:
    """A session as that role, with its settings; waits for a server that is still recovering."""
    address = make_url(chain.url).set(username=role).render_as_string(hide_password=False)
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = psycopg2.connect(address)
            connection.autocommit = True
            return connection
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def bronze_by_id(chain: Chain) -> dict[int, BronzeRow]:
    """What bronze holds; an id that is there twice fails."""
    rows = chain.query(
        "SELECT id, machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload, "
        "std_cycle_time, down_threshold FROM bronze.raw_machine_cycles ORDER BY id"
    )
    found = {row[0]: BronzeRow(*row[1:]) for row in rows}
    assert len(found) == len(rows), "an id was given twice"
    return found


class Memory:
    """The rows that a check has seen, for the model: retention drops what is loaded.

    :ivar dropped: how many are in bronze no more.
    """

    def __init__(self) -> None:
        self._seen: dict[int, BronzeRow] = {}
        self._arrivals: dict[int, datetime] = {}
        self.dropped = 0

    def add(self, chain: Chain, bronze: dict[int, BronzeRow], mark: int) -> dict[int, BronzeRow]:
        """All rows there ever were, by id; one that is gone was loaded, and went with its chunk."""
        gone = self._seen.keys() - bronze.keys()
        chunks = chain.query(
            "SELECT range_start, range_end FROM timescaledb_information.chunks "
            "WHERE hypertable_schema = 'bronze' AND hypertable_name = 'raw_machine_cycles'"
        )
        for key in gone:
            assert key <= mark, "a row is gone that was never loaded"
            arrival = self._arrivals[key]
            assert not any(start <= arrival < end for start, end in chunks), "its chunk is there"
        self.dropped = len(gone)
        self._seen = dict(sorted({**self._seen, **bronze}.items()))
        self._arrivals.update(chain.query("SELECT id, time FROM bronze.raw_machine_cycles"))
        return self._seen


def check(chain: Chain, machines: list[int], memory: Memory) -> int:
    """All that must agree after a crash; returns the watermark."""
    mark: int = chain.value(
        "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'"
    )
    bronze = bronze_by_id(chain)
    reading = chain.value(READING) or 0
    assert mark <= reading, "the watermark is ahead of ids that are still to come"
    assert max(bronze, default=0) <= reading
    assert chain.value("SELECT coalesce(max(fence_id), 0) FROM _etl.fence_readings") <= reading

    rows = memory.add(chain, bronze, mark)
    done = [row for key, row in rows.items() if key <= mark]
    assert silver_rows(chain) == model(done, machines)
    assert state_faults(chain) == 0
    rejected = chain.query("SELECT bronze_id, reason_code FROM _etl.rejected_rows ORDER BY 1")
    assert rejected == [
        (key, reason)
        for key, row in rows.items()
        if key <= mark and (reason := reject_reason(row, machines))
    ]
    counted = chain.value("SELECT coalesce(sum(rows_read), 0)::bigint FROM _etl.job_runs")
    assert counted == len(done)
    return mark


def kill_one_backend(chain: Chain, load: Load, random: Random) -> None:
    """The postmaster survives, ends all others and recovers: its start time stays what it was."""
    started = chain.value("SELECT pg_postmaster_start_time()")
    os.kill(random.choice(load.pids), signal.SIGKILL)
    load.join()
    with connect(chain, "postgres") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        assert cursor.fetchone() == (started,)
    connection.close()


def test_after_every_kill_bronze_silver_state_and_watermark_agree(
    server: Server, own_server: OwnServer
) -> None:
    seed = os.environ.get("SETU_TEST_SEED") or uuid.uuid4().hex[:8]
    print(f"seed {seed}")
    random = Random(seed)
    chain = _fresh_chain(own_server)
    machines = make_fleet(chain)
    with connect(chain, "setu_ingest") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)
    connection.close()

    chain.run(f"SELECT set_chunk_time_interval('bronze.raw_machine_cycles', INTERVAL '{CHUNK}')")
    memory = Memory()
    lost = reused = compressed = 0
    prepared: list[int] = []
    for kill in count():
        # A slow machine gets more kills, until all has happened that the test is about.
        reached = lost and memory.dropped and (compressed or not chain.community)
        if kill >= KILLS and (reached or kill >= 3 * KILLS):
            break
        if kill == PREPARED_KILLS.start:
            prepared = prepare(chain, Source(random, machines))
        # Housekeeping commits for certain, and the log of the others with it: less is lost.
        load = Load(chain, f"{seed} {kill}", machines, keeps_house=kill % 3 == 1)
        time.sleep(random.uniform(0.2, 1.0))
        if random.random() < 0.3:
            kill_one_backend(chain, load, random)
        else:
            own_server.kill()
            load.join()
            own_server.start()

        mark = check(chain, machines, memory)
        highest = max(bronze_by_id(chain), default=0)
        drawn = chain.value("SELECT nextval('bronze.raw_machine_cycles_id_seq')")
        assert drawn > max(mark, highest)
        compressed += load.compressor.done
        lost += load.highest_seen > highest
        reused += load.highest_seen >= drawn
        if kill in PREPARED_KILLS:
            assert mark < prepared[0], "the watermark has passed a prepared transaction"
        if kill == PREPARED_KILLS[-1]:
            mark = finish_prepared(chain, prepared, machines, memory)

    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
    mark = check(chain, machines, memory)
    bronze = bronze_by_id(chain)
    assert mark == chain.value(READING) >= max(bronze)
    print(
        f"{kill} kills: {lost} lost rows that had been visible, after {reused} an id was given "
        f"out again; {len(bronze)} rows in bronze, {memory.dropped} dropped with their chunks, "
        f"{compressed} compressions; {len(silver_rows(chain))} cycles in silver"
    )
    assert lost > 0, "no kill took anything that had been visible: the test tested nothing"
    assert memory.dropped > 0, "no chunk was dropped"
    assert compressed > 0 or not chain.community
    plant_violation(chain, machines, memory)


def _fresh_chain(own_server: OwnServer) -> Chain:
    admin = Chain(own_server.url, ())
    admin.run("CREATE DATABASE setu")
    url = make_url(own_server.url).set(database="setu").render_as_string(hide_password=False)
    chain = Chain(url, ())
    chain.run("CREATE EXTENSION timescaledb")
    if chain.value("SHOW timescaledb.license") == "timescale":
        chain = Chain(url, ("community",))
    chain.upgrade()
    return chain


def prepare(chain: Chain, source: Source) -> list[int]:
    """A prepared transaction of three rows; their ids.

    Their chunk is there already: a session that makes one lets all others wait that need a new one.
    """
    ids = []
    arrival = datetime.now(UTC)
    with chain.session() as connection, connection.cursor() as cursor:
        cursor.execute(INSERT_AT, (arrival, *source.row().values()))
        cursor.execute("BEGIN")
        for _ in range(3):
            cursor.execute(f"{INSERT_AT} RETURNING id", (arrival, *source.row().values()))
            [(drawn,)] = cursor.fetchall()
            ids.append(drawn)
        cursor.execute("PREPARE TRANSACTION 'survivor'")
    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
    assert_lag_view_names_the_prepared(chain)
    return ids


def assert_lag_view_names_the_prepared(chain: Chain) -> None:
    held_up_by = chain.value(
        "SELECT held_up_by FROM _etl.v_pipeline_lag WHERE pipeline = 'machine_cycles'"
    )
    assert "prepared transaction survivor of postgres since" in held_up_by


def finish_prepared(chain: Chain, ids: list[int], machines: list[int], memory: Memory) -> int:
    """It has held the sweep, and the lag view names it; once committed its rows are loaded."""
    sweep = ("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
    chain.run(*sweep)
    assert check(chain, machines, memory) < ids[0]
    assert_lag_view_names_the_prepared(chain)
    chain.run("COMMIT PREPARED 'survivor'", *sweep)
    mark = check(chain, machines, memory)
    assert mark >= ids[-1]
    assert set(ids) <= set(bronze_by_id(chain))
    return mark


def plant_violation(chain: Chain, machines: list[int], memory: Memory) -> None:
    """What the checks are for: a watermark that outlived the ids it has passed."""
    chain.run(
        "UPDATE _etl.watermarks SET last_processed_id = last_processed_id + 3 "
        "WHERE pipeline = 'machine_cycles'"
    )
    with pytest.raises(AssertionError, match="ahead of ids that are still to come"):
        check(chain, machines, memory)
    source = Source(Random(1), machines)
    with chain.session() as connection, connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute(INSERT, source.row().values())
    with pytest.raises(AssertionError):
        check(chain, machines, memory)
