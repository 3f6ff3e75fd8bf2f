"""A session that stays in the way of a deploy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2


class Session(threading.Thread):
    """A session in the way, at work in a thread."""

    def __init__(self, url: str, sql: str) -> None:
        super().__init__(daemon=True)
        self.error: psycopg2.Error | None = None
        self.connection: Any = psycopg2.connect(url, application_name="dashboard")
        self.connection.autocommit = True
        self.sql = sql
        self.pid = self.connection.info.backend_pid
        self.user = self.connection.info.user

    def run(self) -> None:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(self.sql)
        except psycopg2.Error as error:
            self.error = error


@contextmanager
def in_the_way(url: str, sql: str, table: str = "public.one") -> Iterator[Session]:
    """Inside, a session has run the statement, or runs it, and holds a lock on the table."""
    session = Session(url, sql)
    session.start()
    observer = psycopg2.connect(url)
    observer.autocommit = True
    try:
        deadline = time.monotonic() + 10
        with observer.cursor() as cursor:
            while True:
                cursor.execute(
                    "SELECT FROM pg_locks WHERE pid = %s AND relation = %s::regclass",
                    (session.pid, table),
                )
                if cursor.rowcount:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield session
            cursor.execute("SELECT pg_terminate_backend(%s)", (session.pid,))
    finally:
        observer.close()
        session.join(10)
        session.connection.close()
