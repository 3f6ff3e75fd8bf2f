"""What a server under test is, whatever its kind."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import psycopg2

from setu.errors import SetuError

CAPABILITIES = ("community", "multi_session", "scheduler", "native")
ROLES = ("setu_ingest", "setu_etl", "setu_reader", "setu_admin")
CONNECT_SECONDS = 10


class ServerMissingError(SetuError):
    """The server that was asked for cannot be had."""


class ServerUnfitError(SetuError):
    """A server answers, but cannot serve tests: no extension, not enough rights."""


class Server(ABC):
    """A running server.

    :ivar name: what kind it is, for people.
    :ivar url: the address for its administrator.
    :ivar capabilities: what it can do; a subset of ``CAPABILITIES``.
    :ivar postgres_version: such as ``17.5``.
    :ivar timescaledb_version: such as ``2.23.0``.
    """

    name: str
    url: str
    capabilities: frozenset[str] = frozenset()
    postgres_version: str = ""
    timescaledb_version: str = ""
    left_open: int = 0

    @property
    def description(self) -> str:
        """One line for a person: name, versions, capabilities."""
        able = ", ".join(c for c in CAPABILITIES if c in self.capabilities) or "none"
        return (
            f"{self.name}: PostgreSQL {self.postgres_version}, "
            f"TimescaleDB {self.timescaledb_version}, capabilities: {able}"
        )

    @abstractmethod
    def create_database(self, *, scheduler: bool = False) -> str:
        """Make an empty database with the extension; returns its address.

        :param scheduler: whether the server's scheduler, where it has one, runs the jobs of the
            database by itself. By default it does not: a job that starts meanwhile drops the old
            rows of a test, and takes its locks.
        """

    @abstractmethod
    def drop_database(self, url: str) -> None:
        """Drop it, and SETU's roles. ``left_open`` then says how many connections it still had."""

    @abstractmethod
    def close(self) -> None:
        """Stop the server, if it was started for this."""


@contextlib.contextmanager
def session(url: str) -> Iterator[Any]:
    """A cursor in autocommit; the connection is closed afterwards."""
    connection = psycopg2.connect(url, connect_timeout=CONNECT_SECONDS)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def value(cursor: Any, query: str) -> Any:
    cursor.execute(query)
    return cursor.fetchone()[0]


VERSION = "SELECT split_part(pg_catalog.current_setting('server_version'), ' ', 1)"
EXTENSION = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'"
LICENSE = "SELECT pg_catalog.current_setting('timescaledb.license')"
