"""After a crash a sink resumes after what the database has: no message is lost, whatever it did.

A model of Kafka and of a sink, since no Kafka runs here, against the view that operators read. The
sink reads batches from some partitions, writes each in one transaction, acknowledges when it likes,
restarts, and is set back. A crash takes the last commits, and leaves Kafka's offsets as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fresh_v2 import apply_v2
from tests.property.profile import cases
from tests.servers.at_hand import Server
from tests.v1 import connect, query, run

PARTITIONS = range(3)
MINUTE = "timestamptz '2026-03-02 00:00Z' + %s * INTERVAL '1 minute'"


@dataclass(frozen=True)
class Message:
    """One message: its number among all of them, and the minute of its making."""

    number: int
    made: int


@dataclass
class Partition:
    """What Kafka keeps of a partition: its messages by offset, and the group's offset."""

    messages: list[Message] = field(default_factory=list)
    acknowledged: int = 0
    #: Where the sink reads next.
    position: int = 0
    #: The minute in which the topic was made: long ago, if not anew.
    made: int = -1_000_000


class World:
    """Kafka, a sink and bronze."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        self.partitions = [Partition() for _ in PARTITIONS]
        self.produced = 0
        self.minute = 0
        #: Transactions so far, and how many of them have surely reached the disk.
        self.commits = self.durable = 0
        run(connection, "DELETE FROM bronze.raw_machine_cycles")

    def produce(self, number: int, count: int) -> None:
        for _ in range(count):
            self.partitions[number].messages.append(Message(self.produced, self.minute))
            self.produced += 1

    def write(self, numbers: list[int], count: int) -> None:
        """One transaction of up to so many messages of each of some partitions."""
        self.commits += 1
        for number in numbers:
            partition = self.partitions[number]
            for offset in range(
                partition.position, min(partition.position + count, len(partition.messages))
            ):
                run(
                    self.connection,
                    "INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id,"
                    f" kafka_partition, kafka_offset, std_cycle_time, std_load_unload)"
                    f" VALUES ({MINUTE}, 'D', 1, %s, %s, %s, %s)",
                    self.minute, number, offset, partition.messages[offset].number, self.commits,
                )  # fmt: skip
                partition.position = offset + 1

    def acknowledge(self, number: int) -> None:
        self.partitions[number].acknowledged = self.partitions[number].position

    def restart(self, number: int) -> None:
        """A rebalance: who reads the partition now begins where the group stands."""
        self.partitions[number].position = self.partitions[number].acknowledged

    def drain(self) -> None:
        """All that there is, is written, acknowledged and on the disk."""
        for number in PARTITIONS:
            self.write([number], self.produced)
            self.acknowledge(number)
        self.durable = self.commits

    def renew(self, number: int) -> None:
        """The topic is made anew, once all of it is read: offsets begin at 0 again."""
        self.drain()
        self.partitions[number] = Partition(made=self.minute)

    def wait(self, minutes: int) -> None:
        """Time goes on, and the sink keeps up with it."""
        self.drain()
        self.minute += minutes

    def crash(self, lost: int, *, resumes: bool = True) -> None:
        """The last commits are gone; the sink is set back to what the view says."""
        self.commits = max(self.durable, self.commits - lost)
        run(
            self.connection,
            "DELETE FROM bronze.raw_machine_cycles WHERE std_load_unload > %s",
            self.commits,
        )
        if resumes:
            self.resume()
        for number in PARTITIONS:
            self.restart(number)
        self.durable = self.commits

    def resume(self) -> None:
        """As docs/lifecycle.md has it."""
        found: dict[Any, tuple[int, int]] = {
            number: (offset, minute)
            for number, offset, minute in query(
                self.connection,
                "SELECT o.kafka_partition, o.kafka_offset, (extract(epoch FROM o.stored_at"
                " - timestamptz '2026-03-02 00:00Z') / 60)::integer FROM _etl.v_kafka_offsets AS o"
                " WHERE o.source_table = 'bronze.raw_machine_cycles'",
            )
        }
        for number, partition in enumerate(self.partitions):
            if None not in found or partition.made >= found[None][1]:
                after = 0
            elif number in found:
                after = found[number][0] + 1
            else:
                began = found[None][1]
                after = sum(message.made < began for message in partition.messages)
            partition.acknowledged = min(partition.acknowledged, after)

    def missing(self) -> set[int]:
        """Numbers of messages that bronze has not, once the sink has read all that there is."""
        self.drain()
        stored = {
            number
            for (number,) in query(
                self.connection, "SELECT DISTINCT std_cycle_time FROM bronze.raw_machine_cycles"
            )
        }
        return set(range(self.produced)) - stored


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[psycopg2.extensions.connection]:
    url = server.create_database()
    connection = connect(url)
    try:
        apply_v2(connection, "community" if "community" in server.capabilities else "apache")
        connection.commit()
        yield connection
    finally:
        connection.close()
        server.drop_database(url)


@pytest.fixture
def world(database: psycopg2.extensions.connection) -> Iterator[World]:
    try:
        yield World(database)
    finally:
        database.rollback()


partition = st.sampled_from(list(PARTITIONS))
some = st.lists(partition, min_size=1, max_size=3, unique=True)
moves = st.one_of(
    st.tuples(st.just("produce"), partition, st.integers(1, 4)),
    st.tuples(st.just("write"), some, st.integers(1, 3)),
    st.tuples(st.just("acknowledge"), partition),
    st.tuples(st.just("restart"), partition),
    st.tuples(st.just("renew"), partition),
    st.tuples(st.just("wait"), st.integers(1, 100)),
    st.tuples(st.just("crash"), st.integers(0, 5)),
)


@cases(40)
@given(plan=st.lists(moves, min_size=5, max_size=40))
def test_no_message_is_lost_whatever_the_sink_did_before_the_crash(
    database: psycopg2.extensions.connection, plan: list[tuple[Any, ...]]
) -> None:
    try:
        world = World(database)
        for name, *arguments in plan:
            getattr(world, name)(*arguments)
        world.crash(3)
        assert world.missing() == set()
    finally:
        database.rollback()


def test_a_sink_that_resumes_at_its_own_offset_leaves_a_hole(world: World) -> None:
    """The model does find what it is made to find."""
    world.produce(0, 4)
    world.write([0], 2)
    world.acknowledge(0)
    world.durable = world.commits
    world.write([0], 2)
    world.acknowledge(0)
    world.crash(1, resumes=False)
    assert world.missing() == {2, 3}


def test_a_topic_that_was_made_anew_is_resumed_by_its_new_offsets(world: World) -> None:
    world.produce(0, 50)
    world.renew(0)
    world.wait(61)
    world.produce(0, 6)
    world.write([0], 3)
    world.durable = world.commits
    world.write([0], 3)
    world.acknowledge(0)
    world.crash(1)
    assert world.partitions[0].position == 3
    assert world.missing() == set()


def test_a_topic_that_was_made_anew_just_before_is_resumed_from_its_beginning(world: World) -> None:
    """What is stored of its partition is of the topic before, whose offsets are not its own."""
    world.produce(0, 1)
    world.renew(0)
    world.produce(0, 1)
    world.write([0], 1)
    world.acknowledge(0)
    world.crash(1)
    assert world.partitions[0].position == 0
    assert world.missing() == set()
