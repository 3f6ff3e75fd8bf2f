"""A database at the head of the chain, and the seed of a run."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade()
        yield made


@pytest.fixture
def seed() -> str:
    """Printed by the tests; ``SETU_TEST_SEED`` repeats one, as far as the clock allows."""
    return os.environ.get("SETU_TEST_SEED") or uuid.uuid4().hex[:8]
