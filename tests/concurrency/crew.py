"""Threads at work on one database, each on a connection of its own, until the time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
import psycopg2.extensions

LONGEST_S = 90.0


class Crew:
    """Threads that each repeat a piece of work until the time is up; the first error is kept.

    :param reached: whether all has happened that the test is about. Until it says so a slow machine
        gets more time, up to ``LONGEST_S``.
    """

    def __init__(
        self, url: str, seconds: float, reached: Callable[[], bool] = lambda: True
    ) -> None:
        self._url = url
        self._reached = reached
        self._until = time.monotonic() + seconds
        self._at_last = time.monotonic() + max(seconds, LONGEST_S)
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    @property
    def is_open(self) -> bool:
        """Whether there is time left, and no one has failed."""
        now = time.monotonic()
        return not self._errors and (
            now < self._until or (now < self._at_last and not self._reached())
        )

    def stop(self) -> None:
        """Let everyone end what is at hand; the time is up."""
        self._until = self._at_last = time.monotonic()

    @contextmanager
    def session(self, role: str | None = None) -> Iterator[psycopg2.extensions.connection]:
        """A connection in autocommit, as that role."""
        connection = psycopg2.connect(self._url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                if role:
                    cursor.execute(f"SET ROLE {role}")
                    cursor.execute("SET synchronous_commit = off")
            yield connection
        finally:
            connection.close()

    def add(self, role: str | None, work: Callable[[psycopg2.extensions.connection], None]) -> None:
        """Start a thread that does the work over and over, on one connection."""

        def repeat() -> None:
            try:
                with self.session(role) as connection:
                    while self.is_open:
                        work(connection)
            except BaseException as error:
                self._errors.append(error)

        thread = threading.Thread(target=repeat, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all of them; raise what one of them raised."""
        for thread in self._threads:
            thread.join(60)
        if self._errors:
            raise self._errors[0]
        assert not any(thread.is_alive() for thread in self._threads)
