"""Retention against a writer that still has a row on its way into an old chunk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from tests.chain import Chain
from tests.concurrency.cycles import EPOCH, make_fleet
from tests.concurrency.workers import INSERT_AT

pytestmark = pytest.mark.requires("multi_session")

ARRIVAL = datetime.now(UTC) - timedelta(days=40)
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Retention(threading.Thread):
    """One run of it, in a session of its own.

    :ivar said: its notices, once it has ended.
    """

    def __init__(self, chain: Chain) -> None:
        super().__init__(daemon=True)
        self._chain = chain
        self.said = ""

    def run(self) -> None:
        with self._chain.session() as connection, connection.cursor() as cursor:
            cursor.execute("CALL _etl.sp_retain_bronze(0, '{}')")
            self.said = "".join(connection.notices)


def send(cursor: psycopg2.extensions.cursor, machine: int, hour: int) -> None:
    """A cycle that arrived 40 days ago."""
    start = EPOCH + timedelta(hours=hour)
    end = start + timedelta(minutes=1)
    cursor.execute(INSERT_AT, (ARRIVAL, "D1", machine, start, end, None, None, None, None))


@contextmanager
def open_writer(chain: Chain, machine: int) -> Iterator[psycopg2.extensions.connection]:
    """A writer with an open transaction, which has a row in a chunk whose other rows are loaded."""
    with chain.session() as connection, connection.cursor() as cursor:
        send(cursor, machine, 1)
    load(chain)
    assert count(chain, "silver.machine_cycles") == 1
    writer = psycopg2.connect(chain.url)
    try:
        with writer.cursor() as cursor:
            send(cursor, machine, 2)
        yield writer
    finally:
        writer.close()


def load(chain: Chain) -> None:
    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")


def count(chain: Chain, table: str) -> int:
    return int(chain.value(f"SELECT count(*) FROM {table}"))


def wait_for(retention: Retention, chain: Chain) -> None:
    """Until it waits for the writer's chunk."""
    deadline = time.monotonic() + 10
    while chain.value(WAITING) == 0:
        assert retention.is_alive(), f"it did not wait for the writer: {retention.said}"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("writer_commits", ["while retention waits", "after retention has left"])
def test_retention_drops_no_row_that_is_still_on_its_way(chain: Chain, writer_commits: str) -> None:
    [machine, *_] = make_fleet(chain)
    with open_writer(chain, machine) as writer:
        retention = Retention(chain)
        retention.start()
        wait_for(retention, chain)
        if writer_commits == "after retention has left":
            retention.join(30)
            assert "is kept: locked" in retention.said
        writer.commit()
        retention.join(30)
        assert not retention.is_alive()
    assert count(chain, "bronze.raw_machine_cycles") == 2
    load(chain)
    assert count(chain, "silver.machine_cycles") == 2

    # And with every row loaded it does drop the chunk: the row was in danger.
    chain.run("CALL _etl.sp_retain_bronze(0, '{}')")
    assert count(chain, "bronze.raw_machine_cycles") == 0
    assert count(chain, "silver.machine_cycles") == 2
