"""A disk that is full while the chain moves: one message, nothing lost, and it goes on later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from setu.errors import SetuError
from setu.simulate.fleet import V1_TABLES
from setu.simulate.fleet_size import FleetSize
from tests.chain import REVISIONS, Chain
from tests.concurrency.own_server import OwnServer
from tests.concurrency.small_disk import MEGABYTE, SmallDisk, small_disk
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("native", "multi_session")
FLEET = FleetSize(companies=1, plants=1, machines=3, days=15, cycles_per_machine_day=4)
SIZE = 400 * MEGABYTE
#: Bytes that are free when a run begins: each comes farther than the one before.
LEFT = (MEGABYTE // 4, 1 * MEGABYTE, 3 * MEGABYTE, 6 * MEGABYTE)


@pytest.fixture
def disk(own_server: OwnServer) -> Iterator[SmallDisk]:
    with small_disk(own_server, SIZE) as made:
        if made is None:
            pytest.skip("this user cannot mount a small disk")
        yield made


def test_a_full_disk_stops_the_chain_with_one_message_and_loses_nothing(
    disk: SmallDisk, server: Server
) -> None:
    chain = Chain(disk.url, server.capabilities)
    chain.run("CREATE EXTENSION IF NOT EXISTS timescaledb")
    chain.upgrade("0001")
    chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
    before = chain.rows(*V1_TABLES)
    failures = []
    for words in (("upgrade", "head"), ("downgrade", "0001")):
        for left in LEFT:
            disk.fill(left)
            failures.append(tried(chain, *words))
            disk.free()
            assert chain.revision() in REVISIONS
        assert tried(chain, *words) is None
        if words[0] == "upgrade":
            assert chain.broken() == []
    said = [failure for failure in failures if failure is not None]
    assert len(said) >= 2
    assert all("No space left on device" in failure for failure in said), said
    assert chain.rows(*V1_TABLES) == before


def tried(chain: Chain, direction: str, revision: str) -> str | None:
    """Move the chain; what it says where it fails. Anything but a message fails the test."""
    try:
        (chain.upgrade if direction == "upgrade" else chain.downgrade)(revision)
    except SetuError as error:
        return str(error)
    return None
