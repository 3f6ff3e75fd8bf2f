"""A database at the head of the chain, a server of a test's own, and the seed of a run."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.chain import Chain, chain_on
from tests.concurrency.own_server import OwnServer, open_own_server
from tests.servers.at_hand import KIND_VARIABLE, Server


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade()
        yield made


@pytest.fixture
def own_server(server: Server) -> Iterator[OwnServer]:
    """A server that may be killed; of the kind that is under test."""
    own = open_own_server(os.environ.get(KIND_VARIABLE, ""))
    if own is None:
        pytest.skip("there are no programs of a native server on this machine to start one from")
    try:
        yield own
    finally:
        own.close()


@pytest.fixture
def seed() -> str:
    """Printed by the tests; ``SETU_TEST_SEED`` repeats one, as far as the clock allows."""
    return os.environ.get("SETU_TEST_SEED") or uuid.uuid4().hex[:8]
