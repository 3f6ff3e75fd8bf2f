"""A database with v2 in it for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2.extensions
import pytest

from tests.fresh_v2 import v2_database
from tests.servers.at_hand import Server


@pytest.fixture(scope="module")
def module_database(server: Server) -> Iterator[psycopg2.extensions.connection]:
    """v2 without rows."""
    url = server.create_database()
    with v2_database(url, server.capabilities) as connection:
        yield connection
    server.drop_database(url)


@pytest.fixture
def v2(
    module_database: psycopg2.extensions.connection,
) -> Iterator[psycopg2.extensions.connection]:
    """The same for tests that do not commit."""
    yield module_database
    module_database.rollback()
