"""The drill of docs/lifecycle.md: a server that is killed while a sink writes, and what follows.

No Kafka runs here. The log, the group's offsets and the sink are a model; the server, the view and
the loads are real. ``-s`` shows how long each part took.
"""

# ruff: noqa: T201 (the times are what a drill is for)

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg2
import pytest
from psycopg2.extras import execute_values
from sqlalchemy import make_url

from tests.chain import Chain
from tests.concurrency.cycles import make_fleet
from tests.concurrency.own_server import OwnServer
from tests.concurrency.test_crash import CRASHES, _fresh_chain
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("native", "multi_session")

PARTITIONS = 4
MESSAGES = 20_000
EPOCH = datetime.now(UTC) - timedelta(days=3)
MOST_KILLS = 8


class Sink(threading.Thread):
    """Writes what it reads, in small transactions, and acknowledges each as soon as it is told so.

    :ivar acknowledged: the group's offset of each partition, which no crash of the server takes.
    """

    def __init__(self, chain: Chain, machines: list[int], acknowledged: list[int]) -> None:
        super().__init__(daemon=True)
        self._url = make_url(chain.url).set(username="setu_ingest")
        self._machines = machines
        self.acknowledged = acknowledged

    def run(self) -> None:
        random = Random(str(self.acknowledged))
        try:
            connection = psycopg2.connect(self._url.render_as_string(hide_password=False))
            while any(offset < MESSAGES for offset in self.acknowledged):
                partition = min(range(PARTITIONS), key=lambda p: self.acknowledged[p])
                first = self.acknowledged[partition]
                last = min(first + random.randint(1, 50), MESSAGES)
                with connection, connection.cursor() as cursor:
                    execute_values(
                        cursor,
                        "INSERT INTO bronze.raw_machine_cycles (kafka_partition, kafka_offset,"
                        " device_id, machine_iot_id, cycle_start, cycle_end) VALUES %s",
                        [self._message(partition, offset) for offset in range(first, last)],
                    )
                self.acknowledged[partition] = last
                # A fleet's pace, so that a kill comes in the middle.
                time.sleep(0.002)
            connection.close()
        except CRASHES:
            return

    def _message(self, partition: int, offset: int) -> tuple[object, ...]:
        machine = self._machines[partition]
        start = EPOCH + timedelta(seconds=8 * offset)
        end = start + timedelta(seconds=6)
        return (partition, offset, f"D{partition + 1}", machine, start, end)


def stored_offsets(chain: Chain) -> list[int]:
    """What the view says of each partition: the offset after which it resumes, 0 for none."""
    found: dict[int, int] = dict(
        chain.query(
            "SELECT o.kafka_partition, o.kafka_offset FROM _etl.v_kafka_offsets AS o"
            " WHERE o.source_table = 'bronze.raw_machine_cycles' AND o.kafka_partition IS NOT NULL"
        )
    )
    return [found.get(partition, -1) + 1 for partition in range(PARTITIONS)]


def holes(chain: Chain, acknowledged: list[int]) -> int:
    """How many messages are acknowledged and not in bronze."""
    in_bronze: dict[int, int] = dict(
        chain.query(
            "SELECT b.kafka_partition, count(DISTINCT b.kafka_offset)"
            " FROM bronze.raw_machine_cycles AS b GROUP BY 1"
        )
    )
    return sum(
        max(0, offset - in_bronze.get(partition, 0))
        for partition, offset in enumerate(acknowledged)
    )


def load(chain: Chain) -> None:
    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")


def test_a_sink_that_goes_back_to_what_is_stored_loses_nothing(
    server: Server, own_server: OwnServer
) -> None:
    chain = _fresh_chain(own_server)
    machines = make_fleet(chain)
    acknowledged = [0] * PARTITIONS
    random = Random(0)
    lost = kills = 0
    # Until a kill has taken something, or there was nothing to learn.
    while kills < MOST_KILLS and (kills < 3 or not lost):
        kills += 1
        sink = Sink(chain, machines, acknowledged)
        sink.start()
        time.sleep(random.uniform(0.5, 1.5))
        # Nothing that waits for the disk comes before: it would take the sink's commits with it.
        own_server.kill()
        killed = time.monotonic()
        sink.join(60)
        assert not sink.is_alive()
        own_server.start()
        up = time.monotonic()
        stored = stored_offsets(chain)
        hole = holes(chain, acknowledged)
        lost += hole
        # Each message up to there is stored, or the arithmetic is wrong.
        assert holes(chain, stored) == 0
        behind = [min(*pair) for pair in zip(acknowledged, stored, strict=True)]
        replayed = sum(acknowledged) - sum(behind)
        assert replayed >= hole
        acknowledged[:] = behind
        load(chain)
        print(
            f"kill {kills}: up again after {up - killed:.1f} s, offsets known after"
            f" {time.monotonic() - killed:.1f} s; {hole} messages acknowledged and lost,"
            f" {replayed} to be sent again"
        )
    started = time.monotonic()
    sink = Sink(chain, machines, acknowledged)
    sink.start()
    sink.join(300)
    assert acknowledged == [MESSAGES] * PARTITIONS
    sent = time.monotonic()
    load(chain)
    print(f"the rest sent in {sent - started:.1f} s, loaded in {time.monotonic() - sent:.1f} s")
    assert holes(chain, acknowledged) == 0
    assert chain.query(
        "SELECT count(*), count(DISTINCT (c.machine_iot_id, c.cycle_start))"
        " FROM silver.machine_cycles AS c"
    ) == [(PARTITIONS * MESSAGES, PARTITIONS * MESSAGES)]
    assert chain.value("SELECT count(*) FROM _etl.rejected_rows") == 0
    assert lost > 0, "no kill took anything that was acknowledged: the drill showed nothing"
