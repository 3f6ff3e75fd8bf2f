"""The way back while v2 is at work: nobody fails unforeseen, no row is lost or doubled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from setu.simulate.fleet_size import FleetSize
from tests.chain import chain_on
from tests.concurrency.at_work import AtWork, in_v1
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.server import Server

FLEET = FleetSize(companies=1, plants=1, machines=5, days=30, cycles_per_machine_day=20)
WARM_UP_S = 2.0
#: A second is the promise (bench/way_back_at_work.py measures it); tests share their machine.
LONGEST_S = 5.0

pytestmark = pytest.mark.requires("multi_session", "community")


@dataclass
class WayBack:
    """A way back under load, and what v1 has after it."""

    work: AtWork
    found: Counter[str]
    revision: str | None


@pytest.fixture(scope="module")
def way_back(server: Server) -> Iterator[WayBack]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        chain.upgrade()
        work = AtWork(chain.url)
        work.start()
        try:
            time.sleep(WARM_UP_S)
            chain.downgrade("0001", "lock_attempts=60")
            time.sleep(WARM_UP_S)
        finally:
            work.stop()
        with chain.session() as connection, connection.cursor() as cursor:
            found = Counter(in_v1(cursor))
        yield WayBack(work, found, chain.revision())


@pytest.mark.parametrize("kind", ["reader", "person", "sink", "load", "master"])
def test_nobody_fails_on_the_way_back(way_back: WayBack, kind: str) -> None:
    seen = way_back.work.total(kind)
    assert seen.statements > 0
    assert not seen.errors, (seen.errors, seen.end)


@pytest.mark.parametrize("kind", ["reader", "person", "sink", "master"])
def test_nobody_waits_for_long_on_the_way_back(way_back: WayBack, kind: str) -> None:
    assert way_back.work.total(kind).longest < LONGEST_S


def test_a_sink_is_told_that_bronze_is_closed(way_back: WayBack) -> None:
    end = way_back.work.total("sink").end
    assert "this database is on its way between v1 and v2" in end


def test_each_confirmed_row_is_in_v1_once(way_back: WayBack) -> None:
    assert way_back.revision == "0001"
    confirmed = [f"by hand {n}" for n in way_back.work.total("person").confirmed]
    confirmed += [f"sent {n}" for n in way_back.work.total("sink").confirmed]
    assert len(confirmed) > 20
    lost = [name for name in confirmed if way_back.found[name] == 0]
    assert not lost
    assert not {name: n for name, n in way_back.found.items() if n > 1}
