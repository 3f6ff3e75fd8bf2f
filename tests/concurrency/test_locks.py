"""Sessions that lock the same rows: none dies of a deadlock, and none leaves a lock behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg2
import psycopg2.extensions
import pytest

from tests.chain import Chain
from tests.servers.at_hand import Server
from tests.v2 import plant_on

pytestmark = pytest.mark.requires("multi_session")

T = "date_trunc('hour', now()) - INTERVAL '20 days'"
OPEN_STOPS = "SELECT FROM gold.long_stops WHERE machine_iot_id = {} ORDER BY down_start LIMIT 1"
DEADLOCKS = "SELECT d.deadlocks FROM pg_stat_database AS d WHERE d.datname = current_database()"
LOAD = "CALL _etl.sp_load_{}(NULL, '{{}}')"


class Other(threading.Thread):
    """One statement in a session of its own, begun and at its first wait, or through."""

    def __init__(self, chain: Chain, statement: str) -> None:
        super().__init__(daemon=True)
        self._url = chain.url
        self._statement = statement
        self.error: Exception | None = None
        self.start()
        self.join(0.4)

    def run(self) -> None:
        connection = psycopg2.connect(self._url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(self._statement)
        except psycopg2.Error as error:
            self.error = error
        finally:
            connection.close()

    def end(self) -> None:
        self.join(30)
        assert not self.is_alive()
        assert self.error is None, self.error


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """A plant with machines 1 and 2, and no jobs; a load that a deadlock ended is tried again."""
    with plant_on(server) as plant:
        yield plant.chain
        assert plant.chain.value(DEADLOCKS) == 0


@pytest.fixture
def holder(chain: Chain) -> Iterator[psycopg2.extensions.connection]:
    """A session that holds a row until it is rolled back, so that the others meet."""
    connection = psycopg2.connect(chain.url)
    yield connection
    connection.close()


def hold(holder: psycopg2.extensions.connection, query: str) -> None:
    with holder.cursor() as cursor:
        cursor.execute(f"{query} FOR UPDATE")


def cycle(chain: Chain, machine: int, hour: int) -> None:
    chain.run(
        "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)"
        f" SELECT 'D-{machine}', {machine}, c.at, c.at + INTERVAL '30 s'"
        f" FROM (SELECT {T} + INTERVAL '{hour} hours' AS at) AS c"
    )


def stop(chain: Chain, machine: int, hour: int, lasts: str = "NULL") -> None:
    chain.run(
        "INSERT INTO bronze.raw_machine_downtime (device_id, machine_iot_id, down_start, down_end)"
        f" SELECT 'D-{machine}', {machine}, c.at, c.at + {lasts}"
        f" FROM (SELECT {T} + INTERVAL '{hour} hours' AS at) AS c"
    )


def test_a_roll_up_that_fails_leaves_no_lock_behind(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    chain.run("INSERT INTO gold.stale_machine_days VALUES (1, '2026-01-05')")
    hold(holder, "SELECT FROM gold.stale_machine_days")
    person = psycopg2.connect(chain.url)
    person.autocommit = True
    try:
        with person.cursor() as cursor:
            cursor.execute("SET statement_timeout = '200ms'")
            with pytest.raises(psycopg2.errors.QueryCanceled):
                cursor.execute("CALL gold.sp_roll_up(NULL, '{}')")
        holder.rollback()
        chain.run("CALL gold.sp_roll_up(NULL, '{}')")
        assert chain.value("SELECT count(*) FROM gold.stale_machine_days") == 0
    finally:
        person.close()


def test_two_people_change_shifts_of_one_plant(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    with holder.cursor() as cursor:
        cursor.execute("SELECT * FROM master.fn_retire('shift', 'C', 'P', '2')")
        other = Other(
            chain, "SELECT * FROM master.fn_register_shift('C', 'P', 1::smallint, '06:30', '14:00')"
        )
        cursor.execute(
            "SELECT * FROM master.fn_register_shift('C', 'P', 3::smallint, '22:00', '06:00')"
        )
    holder.commit()
    other.end()


def test_a_correction_of_a_stop_beside_the_load_of_cycles(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    stop(chain, 1, 0)
    stop(chain, 1, 24)
    for hour in (-1, 44):
        cycle(chain, 1, hour)
    chain.run(LOAD.format("machine_cycles"), LOAD.format("machine_downtime"))
    chain.run("CALL gold.sp_roll_up(NULL, '{}')")
    cycle(chain, 1, 23)
    cycle(chain, 1, 25)
    hold(holder, OPEN_STOPS.format(1))
    load = Other(chain, LOAD.format("machine_cycles"))
    person = Other(
        chain,
        f"SELECT _etl.fn_remove_row('machine_downtime', 1, {T} + INTERVAL '24 hours', 'a test')",
    )
    holder.rollback()
    load.end()
    person.end()


def test_a_roll_up_beside_the_load_of_stops(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    for machine in (1, 2):
        stop(chain, machine, 0)
        cycle(chain, machine, 24)
    chain.run(LOAD.format("machine_cycles"), LOAD.format("machine_downtime"))
    # Retention has dropped its chunk.
    chain.run(
        "INSERT INTO gold.long_stops (machine_iot_id, down_start, down_end, is_open)"
        " VALUES (2, now() - INTERVAL '900 days', now() - INTERVAL '898 days', false),"
        f" (1, {T} + INTERVAL '1 hour', NULL, false)"
    )
    for machine in (1, 2):
        stop(chain, machine, 0, "INTERVAL '1 hour'")
    # The load has the first stop of machine 1 and waits for the second.
    hold(holder, f"SELECT FROM gold.long_stops WHERE down_start = {T} + INTERVAL '1 hour'")
    load = Other(chain, LOAD.format("machine_downtime"))
    roll_up = Other(chain, "CALL gold.sp_roll_up(NULL, '{}')")
    holder.rollback()
    load.end()
    roll_up.end()


END_OF_STOP = f"SELECT l.down_end - ({T}) FROM gold.long_stops AS l"
INSERT_CYCLE = (
    "INSERT INTO silver.machine_cycles"
    " (logical_date, company_iot_id, machine_iot_id, shift_id, cycle_start)"
    f" SELECT current_date - 20, m.company_iot_id, 1, 1, {T} + INTERVAL '{{}} hours'"
    " FROM master.machine_info AS m WHERE m.iot_id = 1"
)


def test_a_roll_up_looks_past_no_cycle_that_is_being_written(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    stop(chain, 1, 0)
    chain.run(LOAD.format("machine_downtime"), INSERT_CYCLE.format(44))
    with holder.cursor() as writer:
        writer.execute(INSERT_CYCLE.format(10))
        chain.run("CALL gold.sp_roll_up(NULL, '{}')")
        holder.commit()
        chain.run("CALL gold.sp_roll_up(NULL, '{}')")
        assert chain.value(END_OF_STOP) == timedelta(hours=10)
        # The same when the cycle comes while the roll-up is at work.
        writer.execute("UPDATE gold.long_stops SET down_end = NULL")
        holder.commit()
        writer.execute("SELECT gold.fn_resolve_open_stops()")
        cycle_comes = Other(chain, INSERT_CYCLE.format(5))
        assert cycle_comes.is_alive()
        holder.commit()
    cycle_comes.end()
    chain.run("CALL gold.sp_roll_up(NULL, '{}')")
    assert chain.value(END_OF_STOP) == timedelta(hours=5)


def test_retention_beside_somebody_who_sends_rejects_again(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    insert = (
        "INSERT INTO _etl.rejected_rows (pipeline, bronze_id, first_id, machine_iot_id,"
        " reason_code, row_data, rejected_at) SELECT 'machine_cycles', n, n, 9, 'unknown_machine',"
        ' \'{{"device_id": "D-1", "machine_iot_id": 9}}\', now() - INTERVAL \'400 days\''
        " FROM generate_series({}, {}) AS g (n)"
    )
    # Later rows lie before earlier ones.
    chain.run(insert.format(1, 1000), "DELETE FROM _etl.rejected_rows WHERE bronze_id <= 500")
    chain.run("VACUUM ANALYZE _etl.rejected_rows", insert.format(1001, 1400))
    hold(holder, "SELECT FROM _etl.rejected_rows WHERE bronze_id = 1300")
    resend = Other(chain, "CALL _etl.sp_resend_rejected('machine_cycles')")
    trim = Other(chain, "SELECT _etl.fn_trim_logs('30 days')")
    trim.end()
    holder.rollback()
    resend.end()


def test_retention_trims_the_run_log_beside_a_load(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    chain.run(
        "INSERT INTO _etl.job_runs (pipeline, from_id, to_id, started_at, status)"
        " SELECT 'machine_cycles', 0, 0, now() - INTERVAL '31 days', 'succeeded'"
        " FROM generate_series(1, 100)"
    )
    hold(holder, "SELECT FROM _etl.job_runs WHERE run_id = 51")
    trim = Other(chain, "SELECT _etl.fn_trim_logs('30 days')")
    load = Other(chain, LOAD.format("machine_cycles"))
    trim.end()
    load.end()
    left = "SELECT count(*) FROM _etl.job_runs WHERE started_at < now() - INTERVAL '1 day'"
    assert chain.value(left) == 1


def test_a_rebuild_of_the_cache_waits_for_the_load_of_cycles(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    hold(holder, "SELECT FROM _etl.watermarks WHERE pipeline = 'machine_cycles'")
    rebuild = Other(chain, "SELECT silver.fn_rebuild_cycle_state()")
    assert rebuild.is_alive()
    holder.rollback()
    rebuild.end()


def test_the_engine_leaves_an_alert_to_who_resolves_it(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    chain.run(
        "INSERT INTO alerting.history (company_iot_id, machine_iot_id, message, time)"
        " SELECT m.company_iot_id, m.iot_id, 'Device Offline / Heartbeat Missed',"
        " now() - INTERVAL '1 day' FROM master.machine_info AS m",
        "INSERT INTO silver.machine_status"
        " (logical_date, company_iot_id, machine_iot_id, shift_id, event_time)"
        " SELECT current_date, m.company_iot_id, m.iot_id, 1, now() FROM master.machine_info AS m",
    )
    hold(holder, "SELECT FROM alerting.history WHERE machine_iot_id = 1")
    Other(chain, "CALL alerting.proc_run_engine()").end()
    assert chain.value("SELECT count(*) FROM alerting.history WHERE status = 'Resolved'") == 1


def test_nobody_waits_long_behind_retention(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    chain.run(
        "INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id, cycle_start)"
        " SELECT c.at, 'D-1', 1, c.at"
        " FROM (SELECT now() - d * INTERVAL '1 day' AS at FROM generate_series(40, 44) AS g (d))"
        " AS c",
        LOAD.format("machine_cycles"),
    )
    with holder.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bronze.raw_machine_cycles")
    retention = Other(chain, "CALL _etl.sp_retain_bronze(NULL, '{}')")
    started = time.monotonic()
    chain.run("SELECT count(*) FROM bronze.raw_machine_cycles")
    # Half a second behind each attempt, and no more behind all of them.
    assert time.monotonic() - started < 1.5
    retention.end()


def test_a_device_that_one_machine_leaves_and_another_gets_is_assigned(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    device = chain.value(
        "SELECT d.device_id FROM master.device_info AS d"
        " INNER JOIN master.machine_info AS m ON m.device_iot_id = d.device_iot_id"
        " WHERE m.iot_id = 1"
    )
    chain.run(
        "SELECT * FROM master.fn_register_company('D', 'D')",
        "SELECT * FROM master.fn_register_plant('D', 'Q')",
    )
    with holder.cursor() as cursor:
        cursor.execute("SELECT * FROM master.fn_register_machine('D', 'M', 'Q', %s)", (device,))
    leaves = Other(chain, "UPDATE master.machine_info SET device_iot_id = NULL WHERE iot_id = 1")
    holder.commit()
    leaves.end()
    assert chain.value(
        f"SELECT is_assigned FROM master.device_info WHERE device_id = '{device}'"
    ) is True  # fmt: skip


def test_a_code_and_a_company_that_come_at_once_know_each_other(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    with holder.cursor() as cursor:
        cursor.execute("SELECT * FROM master.fn_register_company('D', 'D')")
    code = Other(chain, "INSERT INTO master.downtime_codes (down_code) VALUES ('X')")
    holder.commit()
    code.end()
    known = (
        "SELECT count(*) FROM master.downtime_code_mapping AS m"
        " INNER JOIN master.downtime_codes AS d ON d.down_id = m.down_id WHERE d.down_code = 'X'"
    )
    assert chain.value(known) == chain.value("SELECT count(*) FROM master.companies")


def test_nobody_who_changes_silver_waits_for_who_counts_the_same_shift(
    chain: Chain, holder: psycopg2.extensions.connection
) -> None:
    reading = (
        "INSERT INTO silver.machine_focas (logical_date, company_iot_id, machine_iot_id, shift_id,"
        " event_time, part_count) SELECT (now() AT TIME ZONE 'UTC')::date, m.company_iot_id,"
        " m.iot_id, 0, now() - INTERVAL '{} minutes', 1 FROM master.machine_info AS m"
        " WHERE m.iot_id = 1"
    )
    parts = "SELECT sum(s.parts) FROM gold.v_machine_shifts AS s WHERE s.machine_iot_id = 1"
    chain.run(reading.format(1))  # and its chunk
    with holder.cursor() as cursor:
        cursor.execute(reading.format(2))
    Other(chain, f"SET lock_timeout = '1s'; {reading.format(3)}").end()
    assert chain.value(parts) == 2
    # Nor does the merge wait: it leaves what is not committed yet to the next one.
    for rows in (2, 1):
        Other(chain, "CALL gold.sp_roll_up(0, NULL)").end()
        assert chain.value(parts) == 4 - rows
        holder.commit()
        assert chain.value(parts) == 3
        assert chain.value("SELECT count(*) FROM gold.running_shifts") == rows
