"""v1's long readers, while the triggers that note its changes are made and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg2
import pytest

from setu.errors import LockTimeoutError
from tests.chain import Chain, chain_on
from tests.concurrency.long_session import Session, in_the_way
from tests.servers.server import Server

#: In the order in which v1 locks them.
READ_TABLES = ("silver.machine_status", "silver.machine_cycles")
QUICK = ("lock_timeout=100ms", "lock_attempts=3")
#: Tables of v1 with a trigger that notes what changes.
NOTED = """
    SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger AS t
    WHERE t.tgname LIKE 'setu\\_note\\_%' ORDER BY 1
"""

pytestmark = pytest.mark.requires("multi_session", "community")


@pytest.fixture(scope="module")
def module_chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        yield chain


@pytest.fixture
def chain(module_chain: Chain) -> Chain:
    """v1 with the triggers on its tables."""
    module_chain.upgrade("0103")
    return module_chain


def readers(chain: Chain, stack: ExitStack) -> list[Session]:
    """One at work on each of the tables."""
    return [
        stack.enter_context(
            in_the_way(
                chain.url, f"SELECT count(*) FROM pg_sleep(60) LEFT JOIN {table} ON true", table
            )
        )
        for table in READ_TABLES
    ]


def test_the_way_down_names_those_who_read_and_does_the_rest(chain: Chain) -> None:
    with ExitStack() as stack:
        at_work = readers(chain, stack)
        with pytest.raises(LockTimeoutError) as caught:
            chain.downgrade("0102", *QUICK)
        message = str(caught.value)
        assert f"other sessions use {', '.join(READ_TABLES)}" in message
        for session in at_work:
            assert f"pid {session.pid}, user {session.user}, application dashboard" in message
        # Three attempts of the step, and none within it.
        assert "Tried 3 times, waiting 100ms for each lock." in message
        assert chain.query(NOTED) == [(table,) for table in sorted(READ_TABLES)]
        assert chain.revision() == "0103"
    chain.downgrade("0102")
    assert chain.query(NOTED) == []


def test_on_request_the_way_down_cancels_those_who_read(chain: Chain) -> None:
    with ExitStack() as stack:
        at_work = readers(chain, stack)
        chain.downgrade("0102", *QUICK, "cancel_readers_after=1")
        for session in at_work:
            session.join(10)
            assert isinstance(session.error, psycopg2.errors.QueryCanceled)
    assert chain.query(NOTED) == []


def test_on_the_way_up_readers_are_in_nobodys_way(chain: Chain) -> None:
    chain.downgrade("0102")
    with ExitStack() as stack:
        at_work = readers(chain, stack)
        chain.upgrade("0103", "lock_timeout=100ms", "lock_attempts=1")
        assert [session.error for session in at_work] == [None, None]
