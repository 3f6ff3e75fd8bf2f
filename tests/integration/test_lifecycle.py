"""Jobs, column store and retention on the real chain."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on, send

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=40)


@pytest.fixture(scope="module")
def shared_plant(server: Server) -> Iterator[Plant]:
    with plant_on(server, scheduler=True) as plant:
        yield plant


@pytest.fixture
def plant(shared_plant: Plant) -> Plant:
    shared_plant.clear()
    return shared_plant


def cycle(start: datetime, seconds: int = 30, **more: Any) -> dict[str, Any]:
    return {"cycle_start": start, "cycle_end": start + timedelta(seconds=seconds), **more}


def chunks(plant: Plant, table: str) -> list[bool]:
    """Whether each chunk is compressed, by age."""
    return [
        row[0]
        for row in plant.chain.query(
            "SELECT is_compressed FROM timescaledb_information.chunks"
            " WHERE hypertable_name = %s ORDER BY range_start",
            table,
        )
    ]


def run_jobs(plant: Plant, name: str) -> None:
    """Run each job of a procedure, as the scheduler would."""
    jobs = "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = %s ORDER BY 1"
    for (job,) in plant.chain.query(jobs, name):
        plant.chain.run(f"CALL run_job({job})")


@pytest.mark.requires("community")
def test_each_load_is_a_job_every_minute_on_a_fixed_schedule(plant: Plant) -> None:
    jobs = plant.chain.query(
        "SELECT proc_name, schedule_interval::text, fixed_schedule, owner::text, max_retries,"
        " max_runtime > interval '50 seconds' FROM timescaledb_information.jobs"
        " WHERE proc_schema = '_etl' AND proc_name LIKE 'sp_load%' ORDER BY proc_name"
    )
    pipelines = plant.chain.query("SELECT pipeline FROM _etl.watermarks ORDER BY pipeline")
    assert len(pipelines) == 10
    assert jobs == [
        (f"sp_load_{pipeline}", "00:01:00", True, "setu_etl", -1, True) for (pipeline,) in pipelines
    ]


@pytest.mark.requires("community")
def test_the_job_loads_what_is_in_bronze(plant: Plant) -> None:
    plant.send(cycle(NOW))
    run_jobs(plant, "sp_load_machine_cycles")
    assert len(plant.silver()) == 1
    assert plant.chain.value("SELECT job_id FROM _etl.job_runs") >= 1000


@pytest.mark.requires("scheduler")
def test_the_scheduler_runs_the_job(plant: Plant) -> None:
    plant.send(cycle(NOW))
    alter = (
        "SELECT alter_job(job_id, scheduled => {}, next_start => now())"
        " FROM timescaledb_information.jobs WHERE proc_name = 'sp_load_machine_cycles'"
    )
    plant.chain.run(alter.format("true"))
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not plant.silver():
            time.sleep(0.2)
    finally:
        plant.chain.run(alter.format("false"))
    assert len(plant.silver()) == 1
    assert plant.chain.query("SELECT DISTINCT status FROM _etl.job_runs") == [("succeeded",)]


@pytest.mark.requires("community")
def test_a_late_cycle_is_stitched_into_a_compressed_chunk(plant: Plant) -> None:
    start = NOW - timedelta(days=60)
    plant.send(cycle(start, time=OLD), cycle(start + timedelta(minutes=10), time=OLD), cycle(NOW))
    plant.load()
    run_jobs(plant, "policy_compression")
    assert chunks(plant, "machine_cycles")[0]
    assert chunks(plant, "raw_machine_cycles") == [True, False]
    # Into the compressed chunks of both tables: a late row, and one that was there.
    plant.send(cycle(start + timedelta(minutes=5), time=OLD), cycle(start, 60))
    run = plant.load()
    assert plant.counters(run) == (2, 1, 1, 0)
    assert run["rows_late"] == 1
    assert [row.gap for row in plant.silver()][:3] == [None, 240, 270]
    plant.check_cache()


LIMIT = "timescaledb.max_tuples_decompressed_per_dml_transaction"
LOADS = (
    "_etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer)",
    "_etl.fn_load_rows(text, bigint, bigint, timestamptz, integer)",
)


@pytest.fixture
def late(plant: Plant) -> Plant:
    """Late rows of two machines before compressed silver.

    Each machine has twenty old cycles and status rows, which the column store keeps in one batch.
    """
    plant.chain.run("TRUNCATE bronze.raw_machine_status, silver.machine_status")
    for machine in (1, 2):
        starts = [OLD + timedelta(minutes=n) for n in range(20)]
        plant.send(*(cycle(start, machine_iot_id=machine) for start in starts))
        plant.send(cycle(NOW, machine_iot_id=machine))
    plant.load()
    statuses = (
        "INSERT INTO bronze.raw_machine_status (device_id, machine_iot_id, event_time, status)"
        f" SELECT 'D-' || m, m, timestamptz '{OLD}' + n * interval '1 minute', 'RUN'"
        " FROM generate_series(1, 2) AS m CROSS JOIN generate_series(%s, 19, %s) AS n"
    )
    plant.chain.run(statuses % (0, 1))
    plant.chain.run("CALL _etl.sp_load_machine_status(0, '{}')")
    for table in ("machine_cycles", "machine_status"):
        plant.chain.run(f"SELECT compress_chunk(c) FROM show_chunks('silver.{table}') AS c")
    for machine in (1, 2):
        plant.send(cycle(OLD + timedelta(seconds=90), 20, machine_iot_id=machine))
        plant.send(cycle(OLD + timedelta(minutes=5), machine_iot_id=machine))
    plant.chain.run(statuses % (3, 9))
    return plant


def check_late(plant: Plant) -> None:
    """Load what is late where a transaction may open one such batch, and not two."""
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET {LIMIT} = 25")
        for fact in ("status", "cycles"):
            cursor.execute(f"CALL _etl.sp_load_machine_{fact}(0, '{{}}')")
    assert plant.chain.query(
        "SELECT pipeline, status, rows_read, rows_loaded, rows_merged FROM _etl.job_runs"
        " ORDER BY run_id DESC LIMIT 2"
    ) == [("machine_cycles", "succeeded", 4, 2, 2), ("machine_status", "succeeded", 4, 0, 4)]
    assert [row.gap for row in plant.silver() if row.machine == 1][:5] == [None, 30, 0, 10, 30]
    plant.check_cache()


@pytest.mark.requires("community")
def test_a_fleet_that_comes_back_late_meets_no_limit_of_the_column_store(late: Plant) -> None:
    check_late(late)
    assert late.chain.value("SELECT max(batches) FROM _etl.job_runs") == 1


@pytest.mark.requires("community")
def test_a_batch_that_meets_a_limit_of_the_server_is_halved(late: Plant) -> None:
    late.chain.run(*(f"ALTER FUNCTION {load} RESET {LIMIT}" for load in LOADS))
    try:
        check_late(late)
        assert late.chain.value("SELECT max(batches) FROM _etl.job_runs") > 1
    finally:
        late.chain.run(*(f"ALTER FUNCTION {load} SET {LIMIT} = 0" for load in LOADS))


def test_the_sweep_reads_rows_that_were_compressed_before_it_came(plant: Plant) -> None:
    plant.send(cycle(OLD, time=OLD), cycle(OLD + timedelta(minutes=1), time=OLD))
    if plant.chain.community:
        run_jobs(plant, "policy_compression")
        assert chunks(plant, "raw_machine_cycles") == [True]
    assert plant.counters(plant.load()) == (2, 2, 0, 0)


def test_retention_keeps_a_chunk_until_its_rows_are_loaded(plant: Plant) -> None:
    older = OLD - timedelta(days=5)
    plant.send(cycle(OLD, time=OLD), cycle(older, time=older, machine_iot_id=404))
    plant.send(cycle(NOW, machine_iot_id=2))
    retain = 'CALL _etl.sp_retain_bronze(0, \'{"drop_after": "30 days"}\')'
    plant.chain.run(retain)
    assert len(chunks(plant, "raw_machine_cycles")) == 3
    plant.load(max_batches=1, batch_size=1)
    plant.chain.run(retain)
    # The first row is loaded; the one after it is not.
    assert len(chunks(plant, "raw_machine_cycles")) == 2
    plant.load()
    plant.chain.run(retain)
    assert len(chunks(plant, "raw_machine_cycles")) == 1
    # Rejected rows went with their chunk, and are kept where they can be sent again.
    assert plant.rejects() == [(2, "unknown_machine")]
    assert len(plant.silver()) == 2


@pytest.mark.requires("community")
def test_rows_that_a_setting_hides_are_loaded_and_are_not_dropped_before(plant: Plant) -> None:
    plant.send(cycle(OLD, time=OLD), cycle(OLD + timedelta(minutes=1), time=OLD), cycle(NOW))
    run_jobs(plant, "policy_compression")
    assert chunks(plant, "raw_machine_cycles") == [True, False]
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(s.name, 'off', false) FROM pg_settings AS s WHERE s.name IN"
            " ('timescaledb.enable_transparent_decompression', 'timescaledb.enable_columnarscan')"
        )
        cursor.execute("SELECT count(*) FROM bronze.raw_machine_cycles")
        assert cursor.fetchone() == (1,)
        cursor.execute("CALL _etl.sp_retain_bronze(0, '{}')")
        cursor.execute(
            "SELECT count(*) FROM timescaledb_information.chunks"
            " WHERE hypertable_name = 'raw_machine_cycles'"
        )
        assert cursor.fetchone() == (2,)
        cursor.execute("CALL _etl.sp_load_machine_cycles(0, '{}')")
    assert len(plant.silver()) == 3


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_retention_sees_what_is_committed_while_it_waits_at_any_level_of_its_owner(
    plant: Plant, level: str
) -> None:
    """The job runs as the owner of bronze, whose own settings nobody pins."""
    plant.send(cycle(OLD, time=OLD), cycle(NOW))
    plant.load()
    options = f"-c default_transaction_isolation={level} -c quote_all_identifiers=on".replace(
        f"={level} ", "=" + level.replace(" ", "\\ ") + " "
    )

    def retain() -> None:
        with contextlib.closing(psycopg2.connect(plant.chain.url, options=options)) as owner:
            owner.autocommit = True
            with owner.cursor() as cursor:
                cursor.execute("CALL _etl.sp_retain_bronze(0, '{}')")

    with plant.chain.session() as writer, writer.cursor() as cursor:
        cursor.execute("BEGIN")
        send(cursor, [cycle(OLD - timedelta(minutes=1), time=OLD)])
        job = threading.Thread(target=retain)
        job.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        while job.is_alive() and not plant.chain.value(waits):
            time.sleep(0.01)
        cursor.execute("COMMIT")
        job.join()
    # The late row is there, and so is its chunk.
    assert plant.chain.value("SELECT count(*) FROM bronze.raw_machine_cycles") == 3
    plant.load()
    retain()
    assert plant.chain.value("SELECT count(*) FROM bronze.raw_machine_cycles") == 1
    assert len(plant.silver()) == 3


def test_one_chunk_that_cannot_go_is_skipped_with_its_reason_and_the_others_go(
    plant: Plant,
) -> None:
    days = [OLD - timedelta(days=2 * n) for n in range(4)]
    plant.send(*(cycle(day, time=day) for day in days), cycle(NOW))
    plant.load()
    [oldest] = plant.chain.query(
        "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks"
        " WHERE hypertable_name = 'raw_machine_cycles' ORDER BY range_start LIMIT 1"
    )[0]
    retain = "CALL _etl.sp_retain_bronze(0, '{}')"
    plant.chain.run(f"CREATE VIEW public.somebodys AS SELECT id FROM {oldest}", retain)
    try:
        assert len(chunks(plant, "raw_machine_cycles")) == 2
        kept = plant.chain.query("SELECT pipeline, chunk, reason FROM _etl.v_kept_chunks")
        assert [row[:2] for row in kept] == [("machine_cycles", oldest)]
        assert kept[0][2].startswith("2BP01: cannot drop table")
        assert "view public.somebodys depends on table" in kept[0][2]
    finally:
        plant.chain.run("DROP VIEW public.somebodys", retain)
    assert len(chunks(plant, "raw_machine_cycles")) == 1
    assert plant.chain.query("SELECT * FROM _etl.v_kept_chunks") == []


def test_logs_and_rejects_are_bounded_and_what_goes_is_counted(plant: Plant) -> None:
    plant.send(*(cycle(NOW, machine_iot_id=404) for _ in range(6)))
    plant.load()
    for _ in range(4):
        plant.load()
    plant.chain.run(
        "UPDATE _etl.rejected_rows SET rejected_at = now() - INTERVAL '2 years'"
        " WHERE bronze_id = 5",
        "UPDATE _etl.rejected_rows SET resent_at = now() - INTERVAL '31 days', is_open = false"
        " WHERE bronze_id = 6",
        "SELECT _etl.fn_record_fed_rows('raw_machine_cycles', 0, n, n, 'x') FROM"
        " generate_series(5000, 20000, 5000) AS n",
        "UPDATE _etl.feed_records SET stored_at = now() - INTERVAL '31 days'"
        " WHERE first_position > 5000",
        'CALL _etl.sp_retain_bronze(0, \'{"max_rejects": 3, "max_runs": 2}\')',
    )
    assert plant.rejects() == [(n, "unknown_machine") for n in (3, 4)]
    assert plant.chain.query(
        "SELECT pipeline, reason_code, cause, rows_discarded FROM _etl.discarded_rejects ORDER BY 3"
    ) == [
        ("machine_cycles", "unknown_machine", "age", 1),
        ("machine_cycles", "unknown_machine", "number", 2),
    ]
    assert plant.chain.value("SELECT count(*) FROM _etl.job_runs") == 2
    assert plant.chain.query("SELECT first_position FROM _etl.feed_records") == [(5000,)]


@pytest.mark.requires("community")
def test_the_way_down_leaves_compressed_chunks_as_they_are_and_loses_no_row(server: Server) -> None:
    with plant_on(server) as plant:
        start = NOW - timedelta(days=60)
        plant.send(*(cycle(start + timedelta(minutes=n), time=OLD) for n in range(50)))
        plant.load()
        run_jobs(plant, "policy_compression")
        before = plant.chain.rows("silver.machine_cycles", "bronze.raw_machine_cycles")
        plant.chain.downgrade("0501")
        assert all(chunks(plant, "machine_cycles"))
        assert plant.chain.rows("silver.machine_cycles", "bronze.raw_machine_cycles") == before
        plant.chain.downgrade("0001")
        plant.chain.upgrade()
        assert plant.chain.rows("silver.machine_cycles", "bronze.raw_machine_cycles") == before
