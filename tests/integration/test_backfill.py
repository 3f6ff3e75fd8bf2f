"""The backfill under kill -9, and what readers of v1 wait for while the swap takes its locks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg2
import pytest

from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import HEAD, Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server
from tests.v1 import ROOT

pytestmark = pytest.mark.requires("multi_session")
FLEET = FleetSize(companies=1, plants=2, machines=2, days=20, cycles_per_machine_day=4)


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


def test_a_backfill_that_is_killed_goes_on_where_it_was_and_loses_nothing(chain: Chain) -> None:
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade("0102")
    settings = [part for pair in (*chain.x, "backfill_pause=50 ms") for part in ("-x", pair)]
    process = subprocess.Popen(
        [sys.executable, "-m", "alembic", *settings, "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": chain.url},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while chain.value("SELECT count(finished_at) FROM _stage.backfill_progress") < 5:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    deadline = time.monotonic() + 30
    # The server sees it with its next notice.
    while chain.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done, left = chain.query(
        "SELECT count(finished_at), count(*) - count(finished_at) FROM _stage.backfill_progress"
    )[0]
    assert chain.revision() == "0102"
    assert done >= 5
    assert left > 0
    finished = "SELECT table_name, range_start, finished_at FROM _stage.backfill_progress WHERE"
    before = chain.query(f"{finished} finished_at IS NOT NULL ORDER BY 1, 2")

    chain.upgrade("0103")
    after = chain.query(f"{finished} finished_at IS NOT NULL ORDER BY 1, 2")
    assert len(after) == done + left
    assert set(before) <= set(after)  # what was migrated is not migrated again

    chain.upgrade()  # 0106 compares every row, and fails when one is missing
    assert chain.revision() == HEAD
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*V1_TABLES) == v1


def test_readers_of_v1_never_wait_longer_than_the_lock_timeout_of_the_swap(chain: Chain) -> None:
    chain.upgrade("0106")
    done = threading.Event()
    refused: list[str] = []
    waits: list[float] = []
    blocked = threading.Event()

    def read(table: str) -> None:
        connection = psycopg2.connect(chain.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Ten times what the swap may hold it up, so that a busy machine is no failure.
            cursor.execute("SET lock_timeout = '3s'")
            while not done.is_set():
                started = time.monotonic()
                try:
                    cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")
                except psycopg2.errors.UndefinedColumn:
                    break
                except psycopg2.errors.LockNotAvailable as error:
                    refused.append(f"{table}: {error}")
                waits.append(time.monotonic() - started)
                time.sleep(0.01)
        connection.close()

    def block() -> None:
        # A report that reads the last table to be locked, for five seconds.
        connection = psycopg2.connect(chain.url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM silver.customer_feedback")
            blocked.set()
            time.sleep(5)
        connection.rollback()
        connection.close()

    readers = [
        threading.Thread(target=read, args=(table,))
        for table in ("master.machine_info", "silver.machine_status", "alerting.history")
    ]
    blocker = threading.Thread(target=block)
    blocker.start()
    blocked.wait(10)
    for reader in readers:
        reader.start()
    try:
        chain.upgrade("0107", "lock_timeout=300ms", "lock_attempts=60")
    finally:
        done.set()
        for thread in (*readers, blocker):
            thread.join(30)
    assert chain.revision() == "0107"
    assert refused == []
    assert waits


def test_several_sessions_backfill_at_once_and_lose_nothing(chain: Chain) -> None:
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade("0106", "backfill_workers=3")
    assert chain.value("SELECT count(*) - count(finished_at) FROM _stage.backfill_progress") == 0
    chain.upgrade()
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*V1_TABLES) == v1


def test_a_range_of_a_session_that_died_is_migrated_by_another(chain: Chain) -> None:
    chain.upgrade("0102")
    with psycopg2.connect(chain.url) as worker, worker.cursor() as cursor:
        # As a worker does: it holds a range while it migrates it.
        chain.run("SELECT _stage.plan_backfill()")
        cursor.execute(
            "SELECT table_name FROM _stage.backfill_progress ORDER BY range_start DESC, table_name"
            " LIMIT 1 FOR UPDATE"
        )
        upgrade = threading.Thread(target=chain.upgrade, args=("0103",))
        upgrade.start()
        finished = "SELECT count(*) FROM _stage.backfill_progress WHERE finished_at IS NULL"
        deadline = time.monotonic() + 60
        while chain.value(finished) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert upgrade.is_alive()
    worker.close()
    upgrade.join(60)
    assert chain.revision() == "0103"
    assert chain.value(finished) == 0


def test_no_index_is_left_unbuilt_where_a_backfill_is_taken_back_before_its_end(
    chain: Chain,
) -> None:
    indexes = (
        "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = '_stage'"
        " AND tablename IN (SELECT table_name FROM _archive.migrated_tables) ORDER BY 1, 2"
    )
    chain.upgrade("0102")
    expected = chain.query(indexes)
    chain.run(
        "INSERT INTO _setu.unfinished_step (revision, part) VALUES ('0103', 'up')",
        "SELECT _stage.plan_backfill()",
    )
    assert len(chain.query(indexes)) < len(expected)
    chain.downgrade("0101")
    chain.upgrade("0103")
    assert chain.query(indexes) == expected
