"""An upgrade that is killed goes on where it stopped; one that is written down does the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg2
import pytest

from alembic import command
from setu.catalog import differences, render_differences
from setu.errors import LockTimeoutError, PreflightError
from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FLEET = FleetSize(companies=1, plants=1, machines=2, days=28, cycles_per_machine_day=4)
WAIT_SECONDS = 30.0


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
            edge_case_rows(connection)
            connection.commit()
        yield chain


def start(chain: Chain, *settings: str) -> subprocess.Popen[str]:
    """``alembic upgrade head`` as a process of its own."""
    x = [word for setting in (*chain.x, *settings) for word in ("-x", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "alembic.config", *x, "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": chain.url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(chain: Chain, query: str) -> None:
    """Wait until a query says true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if chain.value(query):
                return
        except psycopg2.errors.UndefinedTable:
            pass
        time.sleep(0.02)
    pytest.fail(f"never true: {query}")


def finish(chain: Chain, v1: object) -> None:
    """Upgrade to the head; nothing is lost, there and back."""
    chain.upgrade()
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*V1_TABLES) == v1


@pytest.mark.requires("multi_session")
def test_an_upgrade_whose_process_is_killed_in_the_backfill_goes_on(chain: Chain) -> None:
    v1 = chain.rows(*V1_TABLES)
    kill_in_the_backfill(chain)
    assert chain.revision() == "0102"
    finish(chain, v1)


@pytest.mark.requires("multi_session")
def test_an_upgrade_whose_process_is_killed_in_the_backfill_can_be_rolled_back(
    chain: Chain,
) -> None:
    low = chain.catalog()
    kill_in_the_backfill(chain)
    # v1 lives on, and changes a row that is migrated, and one that is not.
    chain.run(
        "UPDATE silver.machine_cycles SET program_no = 'CHANGED' WHERE cycle_start IN ("
        " SELECT min(c.cycle_start) FROM silver.machine_cycles AS c UNION ALL"
        " SELECT max(c.cycle_start) FROM silver.machine_cycles AS c)"
    )
    v1 = chain.rows(*V1_TABLES)
    chain.downgrade("0001")
    assert not render_differences(differences(low, chain.catalog()))
    assert chain.rows(*V1_TABLES) == v1
    finish(chain, v1)


def kill_in_the_backfill(chain: Chain) -> None:
    """Start an upgrade and kill its process when some ranges are migrated and others are not."""
    process = start(chain, "backfill_pause=400ms")
    try:
        wait_for(
            chain,
            "SELECT count(*) FILTER (WHERE finished_at IS NOT NULL) BETWEEN 1 AND count(*) - 1"
            " FROM _stage.backfill_progress",
        )
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.requires("multi_session")
def test_an_upgrade_whose_backend_is_killed_in_the_swap_goes_on(chain: Chain) -> None:
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade("0106")
    before = chain.catalog()
    reader = psycopg2.connect(chain.url)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM silver.machine_cycles")
    process = start(chain, "lock_timeout=20s")
    try:
        # It holds the master tables by now, and waits for the reader of the last one.
        waiting = (
            "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        wait_for(chain, f"SELECT count(*) > 0 {waiting}")
        chain.run(f"SELECT pg_terminate_backend(pid) {waiting}")
        _, errors = process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()
        reader.close()
    assert process.returncode == 1
    assert "The connection was lost in revision 0107." in errors
    assert chain.revision() == "0106"
    assert not render_differences(differences(before, chain.catalog()))
    finish(chain, v1)


@pytest.mark.requires("multi_session")
def test_a_swap_that_does_not_get_its_locks_gives_up_and_changes_nothing(chain: Chain) -> None:
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade("0106")
    reader = psycopg2.connect(chain.url)
    try:
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM master.machine_info")
        with pytest.raises(LockTimeoutError, match="0107 did not get its locks"):
            chain.upgrade("0107", "lock_timeout=50ms", "lock_attempts=2")
    finally:
        reader.close()
    assert chain.revision() == "0106"
    finish(chain, v1)


@pytest.mark.requires("multi_session")
def test_v1_goes_on_writing_while_the_upgrade_runs(chain: Chain) -> None:
    stop, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        with chain.session() as connection, connection.cursor() as cursor:
            while not stop.is_set():
                try:
                    cursor.execute(
                        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id,"
                        " program_no) VALUES (%s, 'COMP-01', 'CNC-00001', 'LIVE')",
                        (LAST_MIDNIGHT - timedelta(hours=16) + timedelta(seconds=written),),
                    )
                except psycopg2.Error:
                    return  # the swap has come
                written += 1
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        chain.upgrade("0109")
    finally:
        stop.set()
        writer.join()
    assert written > 0
    count = "SELECT count(*) FROM silver.machine_cycles WHERE program_no = 'LIVE'"
    assert chain.value(count) == written
    assert chain.broken() == []


def psql(chain: Chain, script: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed")
    return subprocess.run(
        [program, "-X", "-q", "-d", chain.url, "-f", "-"],
        input=script, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.requires("multi_session")
def test_offline_scripts_do_what_the_online_run_does(
    chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    v1, low = chain.rows(*V1_TABLES), chain.catalog()
    command.upgrade(chain.config(), "0001:head", sql=True)
    up = capsys.readouterr().out
    command.downgrade(chain.config(), "head:0001", sql=True)
    down = capsys.readouterr().out
    done = psql(chain, up)
    assert done.returncode == 0, done.stderr[-2000:]
    offline = chain.catalog()
    assert chain.broken() == []
    done = psql(chain, down)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not render_differences(differences(low, chain.catalog()))
    assert chain.rows(*V1_TABLES) == v1
    chain.upgrade()
    assert not render_differences(differences(chain.catalog(), offline))


def test_the_apache_edition_must_be_chosen(chain: Chain) -> None:
    if chain.community:
        pytest.skip("this server has the community edition")
    chain.x = []
    with pytest.raises(PreflightError, match="Apache edition"):
        chain.upgrade()
    assert chain.revision() == "0001"


def test_a_drifted_v1_is_named_object_by_object(chain: Chain) -> None:
    chain.run(
        "ALTER TABLE master.plants ADD COLUMN extra text",
        "DROP INDEX bronze.idx_raw_telemetry_batch",
        "ALTER TABLE silver.machine_cycles ALTER COLUMN program_no SET DEFAULT 'x'",
    )
    before = chain.catalog()
    with pytest.raises(PreflightError) as failure:
        chain.upgrade()
    for name in ("master.plants.extra", "idx_raw_telemetry_batch", "machine_cycles.program_no"):
        assert name in str(failure.value)
    assert chain.revision() == "0001"
    assert not render_differences(differences(before, chain.catalog()))
