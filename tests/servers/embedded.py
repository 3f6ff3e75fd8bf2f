"""The embedded server under test."""

from __future__ import annotations

from setu.servers.embedded import EmbeddedServer
from tests.servers.server import EXTENSION, LICENSE, VERSION, Server, session, value


class Embedded(Server):
    """The embedded server; a fresh database is a fresh instance of it."""

    name = "embedded"

    def __init__(self, *, queue_seconds: float = 30.0) -> None:
        self._process = EmbeddedServer(queue_seconds=queue_seconds)
        self.url = self._process.url
        self._fresh = True
        with session(self.url) as cursor:
            self.postgres_version = value(cursor, VERSION)
            self.timescaledb_version = value(cursor, EXTENSION)
            if value(cursor, LICENSE) == "timescale":
                self.capabilities = frozenset({"community"})

    def create_database(self, *, scheduler: bool = False) -> str:  # noqa: ARG002
        if not self._process.is_running:
            self._process = EmbeddedServer(port=self._process.port)
        elif not self._fresh:
            self._process.reset()
        self._fresh = False
        return self.url

    def drop_database(self, url: str) -> None:
        if url != self.url:
            raise ValueError("that database was not made by this server")
        self.left_open = self._process.reset().sent_away if self._process.is_running else 0
        self._fresh = self._process.is_running

    def close(self) -> None:
        self._process.close()
