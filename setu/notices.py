"""Messages of the server as they come, and Ctrl-C that reaches the server.

psycopg2 hands notices over only after a statement has ended. While a wait callback is set, it
reads them as they arrive, which a long ``CALL`` needs to show progress.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions


class _Sink:
    """Stands in for the connection's list of notices."""

    def __init__(self, receive: Callable[[str], None]) -> None:
        self._receive = receive

    def append(self, text: str) -> None:
        """Called by the driver for each message."""
        self._receive(text)


@contextmanager
def streamed_notices(connection: Any, receive: Callable[[str], None]) -> Iterator[None]:
    """While inside, hand each notice of a psycopg2 connection to ``receive`` as it comes.

    A Ctrl-C cancels the running statement on the server, which then fails with SQLSTATE 57014; a
    second one leaves at once.
    """
    before, callback = connection.notices, extensions.get_wait_callback()
    connection.notices = _Sink(receive)
    extensions.set_wait_callback(_wait)
    try:
        yield
    finally:
        extensions.set_wait_callback(callback)
        if not connection.closed:
            connection.notices = before


def _wait(connection: Any) -> None:
    cancelled = False
    while True:
        try:
            state = connection.poll()
            if state == extensions.POLL_OK:
                return
            if state == extensions.POLL_READ:
                select.select([connection.fileno()], [], [])
            elif state == extensions.POLL_WRITE:
                select.select([], [connection.fileno()], [])
            else:
                raise psycopg2.OperationalError(f"unexpected state {state} of the connection")
        except KeyboardInterrupt:
            if cancelled:
                raise
            cancelled = True
            connection.cancel()
