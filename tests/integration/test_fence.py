"""The fence: a row that is still on its way is never passed, and no writer ever waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on, send

pytestmark = pytest.mark.requires("multi_session")
T0 = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)

LAG = "FROM _etl.v_pipeline_lag WHERE pipeline = 'machine_cycles'"


@pytest.fixture(scope="module")
def shared_plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


@pytest.fixture
def plant(shared_plant: Plant) -> Plant:
    """The plant, with no row, but with today's chunk of bronze: TimescaleDB lets other writers wait
    while the transaction that makes a chunk is open. The sequence begins anew, and with it the
    watermark and the readings."""
    shared_plant.clear()
    shared_plant.send(cycle(0))
    shared_plant.chain.run(
        "DELETE FROM bronze.raw_machine_cycles",
        "SELECT setval('bronze.raw_machine_cycles_id_seq', 1, false)",
    )
    assert shared_plant.chain.value("SELECT max(last_processed_id) FROM _etl.watermarks") == 0
    assert shared_plant.chain.value("SELECT count(*) FROM _etl.fence_readings") == 0
    return shared_plant


class Writer:
    """A source with a transaction open."""

    def __init__(self, plant: Plant) -> None:
        self.connection = psycopg2.connect(plant.chain.url)
        self.cursor = self.connection.cursor()

    def send(self, number: int) -> None:
        """Insert a cycle, and leave the transaction open."""
        send(self.cursor, [cycle(number)])

    def run(self, statement: str) -> None:
        self.cursor.execute(statement)


@pytest.fixture
def writers(plant: Plant) -> Iterator[list[Writer]]:
    """Three writers."""
    with ExitStack() as stack:
        opened = [Writer(plant) for _ in range(3)]
        for writer in opened:
            stack.callback(writer.connection.close)
        yield opened


def cycle(number: int) -> dict[str, Any]:
    start = T0 + timedelta(minutes=number)
    return {"cycle_start": start, "cycle_end": start + timedelta(seconds=30)}


def loaded(plant: Plant) -> list[int]:
    """Numbers of the cycles in silver."""
    return [int((row.start - T0).total_seconds() // 60) for row in plant.silver()]


def load(plant: Plant) -> None:
    plant.load(fence_wait="20 milliseconds")


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_an_open_writer_holds_the_sweep_exactly_at_its_id(
    plant: Plant, writers: list[Writer], ending: str
) -> None:
    plant.send(cycle(1), cycle(2))
    writers[0].send(3)
    plant.send(cycle(4), cycle(5))
    load(plant)
    assert loaded(plant) == [1, 2]
    assert (
        plant.chain.value(
            "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'"
        )
        == 2
    )
    load(plant)
    assert loaded(plant) == [1, 2]
    getattr(writers[0].connection, ending)()
    load(plant)
    assert loaded(plant) == ([1, 2, 3, 4, 5] if ending == "commit" else [1, 2, 4, 5])
    plant.check_cache()


def test_a_sweep_that_looks_at_visible_ids_alone_loses_the_row(
    plant: Plant, writers: list[Writer]
) -> None:
    plant.chain.run(
        "CREATE OR REPLACE FUNCTION _etl.fn_fence_kept() RETURNS text LANGUAGE sql AS $$"
        " SELECT pg_get_functiondef('_etl.fn_fence(text, interval)'::regprocedure) $$"
    )
    definition = plant.chain.value("SELECT _etl.fn_fence_kept()")
    plant.chain.run(
        "CREATE OR REPLACE FUNCTION _etl.fn_fence(p_pipeline text, p_wait interval DEFAULT"
        " INTERVAL '500 milliseconds') RETURNS bigint LANGUAGE sql"
        " AS 'SELECT coalesce(max(id), 0) FROM bronze.raw_machine_cycles'"
    )
    try:
        writers[0].send(1)
        plant.send(cycle(2))
        load(plant)
        writers[0].connection.commit()
        load(plant)
        assert loaded(plant) == [2]
    finally:
        plant.chain.run(definition, "DROP FUNCTION _etl.fn_fence_kept()")


def test_rows_of_a_savepoint_hold_the_sweep_and_its_rollback_leaves_a_hole(
    plant: Plant, writers: list[Writer]
) -> None:
    writers[0].run("SAVEPOINT a")
    writers[0].send(1)
    writers[0].run("ROLLBACK TO SAVEPOINT a")
    writers[0].run("SAVEPOINT b")
    writers[0].send(2)
    writers[0].run("RELEASE SAVEPOINT b")
    plant.send(cycle(3))
    load(plant)
    assert loaded(plant) == []
    writers[0].connection.commit()
    load(plant)
    assert loaded(plant) == [2, 3]


def test_many_writers_that_end_in_any_order_lose_nothing(
    plant: Plant, writers: list[Writer]
) -> None:
    for number in range(1, 10):
        writers[number % 3].send(number)
        load(plant)
    for writer in (writers[2], writers[0]):
        writer.connection.commit()
        plant.send(cycle(20 + writers.index(writer)))
        load(plant)
        # The first id is of writer 1, which is open still.
        assert loaded(plant) == []
    writers[1].connection.commit()
    load(plant)
    assert loaded(plant) == [*range(1, 10), 20, 22]
    plant.check_cache()


def readings(plant: Plant) -> list[int]:
    """The readings that still wait for someone."""
    return [
        fence_id
        for (fence_id,) in plant.chain.query(
            "SELECT fence_id FROM _etl.fence_readings WHERE holders <> '{}' ORDER BY 1"
        )
    ]


def test_an_earlier_reading_that_waits_for_fewer_is_kept(
    plant: Plant, writers: list[Writer]
) -> None:
    writers[0].send(1)
    plant.send(cycle(2))
    load(plant)
    writers[1].send(3)
    plant.send(cycle(4))
    load(plant)
    assert loaded(plant) == []
    assert readings(plant) == [2, 4]
    # A hole: only the first reading can say that nothing comes there any more.
    writers[0].connection.rollback()
    load(plant)
    assert loaded(plant) == [2]
    writers[1].connection.commit()
    load(plant)
    assert loaded(plant) == [2, 3, 4]


def test_an_earlier_reading_that_waits_for_more_is_forgotten(
    plant: Plant, writers: list[Writer]
) -> None:
    writers[0].send(1)
    writers[1].send(2)
    load(plant)
    assert readings(plant) == [2]
    writers[1].connection.commit()
    plant.send(cycle(3))
    load(plant)
    assert readings(plant) == [3]
    plant.send(cycle(4))
    load(plant)
    assert readings(plant) == [4]
    assert loaded(plant) == []
    writers[0].connection.commit()
    load(plant)
    assert readings(plant) == []
    assert loaded(plant) == [1, 2, 3, 4]


def prepared_possible(plant: Plant) -> bool:
    return int(plant.chain.value("SHOW max_prepared_transactions")) > 0


def test_readings_do_not_fill_the_table_however_long_a_transaction_stays_open(
    plant: Plant, writers: list[Writer]
) -> None:
    writers[0].send(1)
    # Each waits for the first writer alone, and so none makes another one useless.
    plant.chain.run(
        "SELECT setval('bronze.raw_machine_cycles_id_seq', 5000)",
        "INSERT INTO _etl.fence_readings (pipeline, fence_id, server_started_at, holders)"
        " SELECT 'machine_cycles', n, pg_postmaster_start_time(),"
        " _etl.fn_sequence_holders('bronze.raw_machine_cycles_id_seq')"
        " FROM generate_series(1, 3000) AS n",
    )
    writers[1].send(2)
    plant.load()
    assert 1000 <= plant.chain.value("SELECT count(*) FROM _etl.fence_readings") <= 1002


@pytest.mark.parametrize("when", ["before the reading", "after the reading"])
@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
def test_a_prepared_transaction_holds_the_sweep(
    plant: Plant, writers: list[Writer], when: str, ending: str
) -> None:
    if not prepared_possible(plant):
        pytest.skip("max_prepared_transactions is 0 on this server")
    writers[0].send(1)
    if when == "after the reading":
        plant.send(cycle(2))
        load(plant)
        assert loaded(plant) == []
    writers[0].run("PREPARE TRANSACTION 'setu_test'")
    plant.send(cycle(3))
    try:
        load(plant)
        assert loaded(plant) == []
        holder = plant.chain.value(f"SELECT held_up_by {LAG}")
        assert "prepared transaction setu_test" in holder
    finally:
        plant.chain.run(f"{ending} PREPARED 'setu_test'")
    load(plant)
    own = [1] if ending == "COMMIT" else []
    later = [2, 3] if when == "after the reading" else [3]
    assert loaded(plant) == own + later


def test_readings_from_before_a_restart_hold_nothing_up(
    plant: Plant, writers: list[Writer]
) -> None:
    plant.send(cycle(1))
    writers[0].send(2)
    plant.send(cycle(3))
    load(plant)
    assert loaded(plant) == [1]
    held = "SELECT count(*) FROM _etl.fence_readings WHERE holders <> '{}'"
    assert plant.chain.value(held) == 1
    # After a restart the same names belong to others, and the transactions that were open are gone.
    plant.chain.run(
        "UPDATE _etl.fence_readings SET server_started_at = server_started_at - interval '1 day'"
    )
    plant.send(cycle(4))
    load(plant)
    # The old reading covers 1 to 3, and 4 follows without a hole. Here the writer is open still, as
    # no real restart leaves it: only the old reading can have let the sweep past its id.
    assert loaded(plant) == [1, 3, 4]


def test_a_sweep_makes_no_writer_wait(plant: Plant, writers: list[Writer]) -> None:
    plant.send(cycle(1))
    sweep = psycopg2.connect(plant.chain.url)
    try:
        with sweep.cursor() as cursor:
            # Open in the middle of a batch, with all the locks that it takes.
            cursor.execute("SELECT _etl.fn_fence('machine_cycles')")
            cursor.execute(
                "SELECT * FROM _etl.fn_run_batch('machine_cycles', 0, 1, '-infinity', 9)"
            )
            for writer in writers:
                writer.run("SET lock_timeout = '10ms'")
                writer.send(2 + writers.index(writer))
                writer.connection.commit()
        sweep.commit()
    finally:
        sweep.close()
    assert loaded(plant) == [1]


def test_a_waiting_fence_makes_no_writer_wait(plant: Plant, writers: list[Writer]) -> None:
    writers[0].send(1)
    sweep = psycopg2.connect(plant.chain.url, async_=1)
    psycopg2.extras.wait_select(sweep)
    try:
        cursor = sweep.cursor()
        cursor.execute("SELECT _etl.fn_fence('machine_cycles', interval '300 ms')")
        writers[1].run("SET lock_timeout = '10ms'")
        writers[1].send(2)
        writers[1].connection.commit()
        psycopg2.extras.wait_select(sweep)
        assert cursor.fetchone() == (0,)
    finally:
        sweep.close()


@pytest.mark.parametrize("role", ["postgres", "setu_reader"])
def test_the_lag_names_who_holds_the_sweep_up(
    plant: Plant, writers: list[Writer], role: str
) -> None:
    def lag() -> list[tuple[Any, ...]]:
        become = f"SET ROLE {role}; " if role != "postgres" else ""
        return plant.chain.query(f"{become}SELECT rows_behind, held_up_by {LAG}")

    writers[0].run("SET application_name = 'sink 7'")
    writers[0].send(1)
    plant.send(cycle(2))
    load(plant)
    pid = writers[0].connection.info.backend_pid
    [row] = lag()
    assert row[0] == 2
    assert f"pid {pid} (postgres, sink 7)" in row[1]
    writers[0].connection.commit()
    load(plant)
    assert lag() == [(0, None)]


def test_a_second_run_of_the_same_pipeline_returns_at_once(
    plant: Plant, writers: list[Writer]
) -> None:
    plant.send(cycle(1))
    writers[0].run("SELECT 1 FROM _etl.watermarks WHERE pipeline = 'machine_cycles' FOR UPDATE")
    with plant.chain.session() as second, second.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10ms'")
        cursor.execute("CALL _etl.sp_load_machine_cycles(0, '{}')")
        assert "another session is running" in second.notices[-1]
    assert loaded(plant) == []
    writers[0].connection.rollback()
    load(plant)
    assert loaded(plant) == [1]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_fence_in_a_transaction_with_one_snapshot_is_refused(
    plant: Plant, isolation: str
) -> None:
    connection = psycopg2.connect(plant.chain.url)
    try:
        connection.set_session(isolation_level=isolation)
        with (
            connection.cursor() as cursor,
            pytest.raises(psycopg2.Error, match="cannot set the fence"),
        ):
            cursor.execute("SELECT _etl.fn_fence('machine_cycles')")
    finally:
        connection.close()


def test_a_backend_that_is_killed_in_the_middle_of_a_batch_leaves_nothing_behind(
    plant: Plant,
) -> None:
    plant.send(*(cycle(number) for number in range(6)))
    sweep = psycopg2.connect(plant.chain.url)
    with sweep.cursor() as cursor:
        cursor.execute("SELECT 1 FROM _etl.watermarks FOR UPDATE")
        cursor.execute("SELECT * FROM _etl.fn_run_batch('machine_cycles', 0, 3, '-infinity', 3)")
    plant.chain.run(f"SELECT pg_terminate_backend({sweep.info.backend_pid}, 5000)")
    sweep.close()
    assert loaded(plant) == []
    run = plant.load(batch_size=2)
    assert plant.counters(run) == (6, 6, 0, 0)
