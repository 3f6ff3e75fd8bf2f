"""``setu worker`` as a supervisor and a log see it: quiet, checked at its start, and it answers."""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import make_url
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.main import load_commands
from setu.errors import DatabaseConnectionError
from setu.ops.answers import alive, answering, ready
from setu.ops.schedule import BadScheduleError, Schedule, chores
from setu.ops.worker import Worker
from tests.chain import Chain, chain_on
from tests.fresh_v2 import add_company, add_machine, add_plant, apply_v2
from tests.servers.at_hand import Server

SEND = (
    "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)"
    " SELECT d.device_id, m.iot_id, now() - INTERVAL '20 days' + n * INTERVAL '1 minute',"
    " now() - INTERVAL '20 days' + n * INTERVAL '1 minute 20 seconds'"
    " FROM master.machine_info AS m"
    " INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id"
    " CROSS JOIN generate_series(1, 5) AS n"
)


@pytest.fixture(scope="module")
def v2(server: Server) -> Iterator[Chain]:
    """v2 with a machine in a plant with shifts, and no job that comes between."""
    with chain_on(server) as chain:
        with chain.session() as connection:
            connection.autocommit = False
            apply_v2(connection, "community" if chain.community else "apache")
            company = add_company(connection, "C")
            plant = add_plant(connection, company, "P", "UTC", [("00:00", "24:00", 0)])
            machine = add_machine(connection, company, "M", plant)
            with connection.cursor() as cursor:
                if chain.community:
                    cursor.execute(
                        "SELECT alter_job(job_id, scheduled => false)"
                        " FROM timescaledb_information.jobs WHERE job_id >= 1000"
                    )
                cursor.execute(
                    "WITH d AS (INSERT INTO master.device_info (device_id) VALUES ('GW')"
                    " RETURNING device_iot_id) UPDATE master.machine_info AS m"
                    " SET device_iot_id = d.device_iot_id FROM d WHERE m.iot_id = %s",
                    (machine,),
                )
            connection.commit()
        yield chain


@pytest.fixture
def lines() -> list[str]:
    return []


def worker(chain: Chain, lines: list[str], **schedule: Any) -> Worker:
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    return Worker(url, Schedule(**schedule), lines.append, threading.Event())


def test_a_worker_says_what_it_did_and_nothing_when_there_is_nothing(
    v2: Chain, lines: list[str]
) -> None:
    made = worker(v2, lines)
    v2.run(SEND)
    made.round()
    assert [line.split(",")[0] for line in lines] == [
        "machine_cycles: read 5", "retention: done",
    ]  # fmt: skip
    lines.clear()
    made.round()
    assert lines == []


@pytest.mark.requires("multi_session")
def test_what_goes_on_is_said_once(v2: Chain, lines: list[str]) -> None:
    made = worker(v2, lines, retention=False)
    busy = "machine_focas: another session runs it"
    with v2.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM _etl.watermarks WHERE pipeline = 'machine_focas' FOR UPDATE")
        made.round()
        made.round()
        assert lines == [busy]
    made.round()
    with v2.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM _etl.watermarks WHERE pipeline = 'machine_focas' FOR UPDATE")
        made.round()
    assert lines == [busy, busy]


def test_a_worker_does_what_the_scheduler_would_beside_the_loads(
    v2: Chain, lines: list[str]
) -> None:
    """The shift calendar goes on, days that are over are rolled up, rules are checked if asked."""
    v2.run(
        SEND,
        "DELETE FROM gold.rolled_up_dates",
        "UPDATE master.shift_calendar_extents SET last_date = (now() AT TIME ZONE 'UTC')::date",
        "DELETE FROM master.shift_calendar WHERE starts_at > now()",
    )
    made = worker(v2, lines, retention=False)
    made.round()
    today = v2.value("SELECT (now() AT TIME ZONE 'UTC')::date")
    [(last,)] = v2.query("SELECT x.last_date FROM master.shift_calendar_extents AS x")
    assert last >= today + timedelta(days=58)
    [(first,)] = v2.query(
        "SELECT r.first_date::text FROM gold.rolled_up_dates AS r WHERE r.plant_iot_id <> 0"
    )
    assert first == "-infinity"
    assert v2.value("SELECT count(*) FROM alerting.engine_runs") == 0
    worker(v2, lines, retention=False, alerts=True).round()
    assert v2.value("SELECT count(*) FROM alerting.engine_runs") > 0
    # Each at its own time, and not each round.
    v2.run("DELETE FROM gold.rolled_up_dates")
    made.round()
    assert v2.value("SELECT count(*) FROM gold.rolled_up_dates") == 0


@pytest.mark.requires("community")
def test_all_that_jobs_call_a_worker_calls(v2: Chain) -> None:
    """The jobs that schema_new makes: another one there asks for another one here."""
    called = {f"{job}.{name}" for job, name in v2.query(
        "SELECT proc_schema::text, proc_name::text FROM timescaledb_information.jobs"
        " WHERE proc_schema IN ('_etl', 'gold', 'master', 'alerting')"
        " AND proc_name NOT LIKE 'sp_load%'"
    )}  # fmt: skip
    mine = {chore.procedure for chore in chores(Schedule(alerts=True))}
    assert called <= mine | {"_etl.sp_retain_bronze"}


def run(chain_url: str, *arguments: str) -> Result:
    app = Typer()
    load_commands(app)
    return CliRunner(env={"DATABASE_URL": chain_url}).invoke(app, ["worker", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--drop-after", "30 dayz"], "drop-after is no interval"),
        (["--drop-after", "-30 days"], "bronze would keep less than a day"),
        (["--drop-after", "1 hour"], "bronze would keep less than a day"),
        (["--interval", "inf"], "interval is inf"),
        (["--slice", "inf"], "slice is inf"),
        (["--listen", "9187"], "it is no HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "it is no HOST:PORT"),
    ],
)
def test_bad_settings_end_it_before_it_begins(v2: Chain, arguments: list[str], said: str) -> None:
    result = run(v2.url, *arguments)
    assert isinstance(result.exception, BadScheduleError), result.output
    assert said in result.exception.message
    assert "What to do: " in result.exception.message
    assert "started" not in result.output


def test_a_port_that_is_taken_ends_it_before_it_begins(v2: Chain) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(v2.url, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert isinstance(result.exception, BadScheduleError)
    assert "cannot listen" in result.exception.message


@pytest.mark.requires("multi_session")
def test_a_database_that_is_not_there_ends_it_and_a_server_that_is_away_does_not(
    v2: Chain, lines: list[str]
) -> None:
    missing = make_url(v2.url).set(database="setu_there_is_none")
    with pytest.raises(DatabaseConnectionError, match="does not exist"):
        Worker(missing, Schedule(), lines.append, threading.Event()).check()
    away = make_url("postgresql+psycopg2://somebody@127.0.0.1:1/nothing")
    Worker(away, Schedule(), lines.append, threading.Event()).check()


@pytest.mark.requires("multi_session")
def test_a_role_without_rights_ends_it_with_the_grant(v2: Chain, lines: list[str]) -> None:
    v2.run("DROP ROLE IF EXISTS setu_test_stranger", "CREATE ROLE setu_test_stranger LOGIN")
    try:
        url = make_url(v2.url).set(username="setu_test_stranger")
        with pytest.raises(BadScheduleError, match="GRANT setu_etl TO setu_test_stranger"):
            Worker(url, Schedule(retention=False), lines.append, threading.Event()).check()
    finally:
        v2.run("DROP ROLE setu_test_stranger")


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.requires("multi_session")
def test_it_is_ready_when_a_round_has_ended_well_and_not_when_one_has_not(
    v2: Chain, lines: list[str]
) -> None:
    made = worker(v2, lines, retention=False)
    with answering("127.0.0.1:0", made, 900) as address:
        assert get(f"{address}/ready") == (503, "no round has ended yet\n")
        assert get(f"{address}/live") == (200, "alive\n")
        made.round()
        assert get(f"{address}/ready") == (200, "ready\n")
        v2.run("ALTER PROCEDURE _etl.sp_load_machine_focas(integer, jsonb) RENAME TO gone")
        try:
            made.round()
            code, said = get(f"{address}/ready")
            assert (code, said.startswith("machine_focas: ")) == (503, True)
        finally:
            v2.run("ALTER PROCEDURE _etl.gone(integer, jsonb) RENAME TO sp_load_machine_focas")
        made.round()
        assert get(f"{address}/ready")[0] == 200
        code, said = get(f"{address}/metrics")
        assert code == 200
        assert "\nsetu_up 1.0\n" in said
        assert "\nsetu_worker_rounds_total 3.0\n" in said
        assert get(f"{address}/")[0] == 404


def test_it_is_alive_until_a_call_lasts_too_long() -> None:
    away = make_url("postgresql+psycopg2://somebody@127.0.0.1:1/nothing")
    made = Worker(away, Schedule(interval=60), print, threading.Event())
    made.pulse.beat = time.monotonic() - 50
    assert alive(made, 1)[0] == 200
    made.pulse.beat = time.monotonic() - 100
    assert alive(made, 60)[0] == 200
    assert alive(made, 10)[0] == 503
    # A server that is away makes nobody ready, and no worker dead.
    made.pulse.beat, made.pulse.trouble = time.monotonic(), "the server is away: no"
    assert alive(made, 10)[0] == 200
    assert ready(made) == (503, "text/plain; charset=utf-8", "the server is away: no\n")
