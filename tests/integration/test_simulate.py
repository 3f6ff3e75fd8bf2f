"""A made-up fleet goes straight into bronze, at a pace, and the loads take all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from setu.simulate.delivery import Fleet, messages
from setu.simulate.machine import STOPS
from setu.simulate.masters import register_fleet
from setu.simulate.writing import write_bronze
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

START = datetime(2026, 1, 5, tzinfo=UTC)
FLEET = Fleet(machines=3, start=START, end=START + timedelta(hours=2), outages=0.3, resends=0.5)
CODES = [(code, number) for code, number, _ in STOPS]


@pytest.fixture(scope="module")
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade()
        yield made


def test_bronze_has_every_message_and_silver_every_cycle_once(chain: Chain) -> None:
    sent = list(messages(FLEET))
    pauses: list[float] = []
    connection = psycopg2.connect(chain.url)
    try:
        keys = register_fleet(connection, FLEET, CODES)
        assert register_fleet(connection, FLEET, CODES) == keys
        connection.commit()
        written = write_bronze(
            connection,
            sent,
            keys,
            rows_a_transaction=500,
            rows_a_second=1000.0,
            clock=lambda: 0.0,
            sleep=pauses.append,
        )
        assert (written.rows, written.transactions) == (len(sent), -(-len(sent) // 500))
        # By a clock that stands still, each batch waits until its rows are due.
        assert pauses[:2] == [0.5, 1.0]
        connection.autocommit = True
        with connection.cursor() as cursor:
            for table, rows in Counter(message.table for message in sent).items():
                cursor.execute(f"SELECT count(*) FROM bronze.{table}")
                assert cursor.fetchone() == (rows,)
            cursor.execute("CALL _etl.sp_load_machine_cycles(0, '{}')")
            cursor.execute("SELECT machine_iot_id, cycle_start FROM silver.machine_cycles")
            loaded = sorted(cursor.fetchall())
            cursor.execute("SELECT count(*) FROM _etl.rejected_rows")
            assert cursor.fetchone() == (0,)
    finally:
        connection.close()
    cycles = {
        (keys[m.machine], datetime.fromisoformat(str(m.values[0])))
        for m in sent
        if m.table == "raw_machine_cycles"
    }
    assert loaded == sorted(cycles)
