"""``setu status``, ``report`` and ``worker`` on a live database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.main import load_commands
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FLEET = FleetSize(companies=1, plants=1, machines=2, days=2, cycles_per_machine_day=4)
SEND = """
INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)
SELECT d.device_id, m.iot_id, t, t + INTERVAL '5 minutes'
FROM master.machine_info AS m
INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
CROSS JOIN generate_series(now() - INTERVAL '1 hour', now(), INTERVAL '10 minutes') AS t
"""
CYCLES = 2 * 7


@pytest.fixture(scope="module")
def fleet(server: Server) -> Iterator[Chain]:
    """A database at v2 whose pipeline nobody runs; the tests go on from one to the next."""
    with chain_on(server, scheduler=True) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET)
        chain.upgrade()
        chain.run(
            "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs"
            " WHERE proc_schema = '_etl'"
            if chain.community
            else "SELECT 1"
        )
        yield chain


def setu(chain: Chain, *arguments: str) -> Result:
    """Run the command in this process."""
    app = Typer()
    load_commands(app)
    return CliRunner(env={"DATABASE_URL": chain.url, "COLUMNS": "200"}).invoke(app, arguments)


def worker(chain: Chain, lines: list[str], stop: threading.Event | None = None) -> Worker:
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    return Worker(url, Schedule(interval=0.1), lines.append, stop or threading.Event())


def test_status_says_that_a_pipeline_never_ran(fleet: Chain) -> None:
    result = setu(fleet, "status")
    assert result.exit_code == 4
    assert "machine_cycles has never run" in result.output
    assert "setu worker" in result.output


def test_a_worker_loads_what_waits_and_says_so(fleet: Chain) -> None:
    before = fleet.value("SELECT count(*) FROM silver.machine_cycles")
    fleet.run(SEND)
    lines: list[str] = []
    worker(fleet, lines).round()
    waited = FLEET.pending_payloads + FLEET.claimed_payloads
    assert fleet.value("SELECT count(*) FROM silver.machine_cycles") == before + CYCLES + waited
    [cycles] = [line for line in lines if line.startswith("machine_cycles:")]
    assert cycles.startswith(f"machine_cycles: read {CYCLES + waited}, loaded {CYCLES + waited},")
    assert lines[-1].startswith("retention: done")


def test_status_is_healthy_after_a_run(fleet: Chain) -> None:
    result = setu(fleet, "status")
    assert result.exit_code == 0, result.output
    assert "healthy" in result.output


def test_status_says_when_the_last_run_is_too_old(fleet: Chain) -> None:
    result = setu(fleet, "status", "--run-age", "0")
    assert result.exit_code == 4
    assert re.search(r"machine_cycles last ran \d+ s ago", result.output)


def test_a_disabled_pipeline_is_not_run_and_is_unhealthy(fleet: Chain) -> None:
    fleet.run("UPDATE _etl.watermarks SET enabled = false", SEND)
    try:
        lines: list[str] = []
        worker(fleet, lines).round()
        assert not [line for line in lines if line.startswith("machine_cycles")]
        result = setu(fleet, "status")
        assert result.exit_code == 4
        assert "machine_cycles is disabled" in result.output
    finally:
        fleet.run("UPDATE _etl.watermarks SET enabled = true")


@pytest.mark.requires("multi_session")
def test_a_worker_leaves_a_pipeline_alone_that_another_session_runs(fleet: Chain) -> None:
    with fleet.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM _etl.watermarks FOR UPDATE")
        lines: list[str] = []
        worker(fleet, lines).round()
    assert "machine_cycles: another session runs it" in lines


def test_a_worker_stops_cleanly_on_sigterm(fleet: Chain) -> None:
    process = subprocess.Popen(
        [sys.executable, "-um", "setu.cli.main", "worker", "--interval", "0.2", "--verbose"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": fleet.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if "machine_cycles: read" in line:
            break
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, seen + rest
    assert "SIGTERM: stopping when the running call returns, within about 5 s" in rest
    assert rest.rstrip().endswith("stopped")
    assert fleet.value("SELECT count(*) FROM _etl.job_runs WHERE status <> 'succeeded'") == 0


def test_a_worker_waits_for_a_server_that_is_away() -> None:
    lines: list[str] = []
    stop = threading.Event()
    url = make_url("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    thread = threading.Thread(
        target=Worker(url, Schedule(interval=0.1), lines.append, stop).run, daemon=True
    )
    thread.start()
    deadline = time.monotonic() + 10
    while len(lines) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert lines[0].startswith("the server is away, next try in 1 s")
    assert lines[1].startswith("the server is away, next try in 2 s")


def test_report_shows_what_became_of_the_rows_of_v1(fleet: Chain) -> None:
    result = setu(fleet, "report")
    assert result.exit_code == 0, result.output
    assert "silver.machine_cycles" in result.output
    assert "rejected: unreadable_payload" in result.output


def test_chunk_interval_measures_the_rows_of_bronze(fleet: Chain) -> None:
    result = setu(fleet, "chunk-interval", "--ram", "64GB", "--rate", "1000")
    assert result.exit_code == 0, result.output
    assert "too few analysed rows" in result.output
    fleet.run(
        "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id)"
        " SELECT 'GW', 0 FROM generate_series(1, 20000)",
        "ANALYZE bronze.raw_machine_cycles",
    )
    result = setu(fleet, "chunk-interval", "--ram", "64GB", "--rate", "1000")
    assert "measured on 20," in result.output
    assert "-x bronze_chunk_interval=" in result.output
