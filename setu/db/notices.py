"""Messages of the server as they come, and Ctrl-C that reaches the server.

psycopg2 hands notices over only after a statement has ended. While a wait callback is set, it
reads them as they arrive, which a long ``CALL`` needs to show progress.
"""

from __future__ import annotations

import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import psycopg2
from psycopg2 import extensions


class NoticeSink:
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
    connection.notices = NoticeSink(receive)
    with _counted_interrupts() as interrupts:
        extensions.set_wait_callback(lambda waiting: _wait(waiting, interrupts))
        try:
            yield
        finally:
            extensions.set_wait_callback(callback)
            if not connection.closed:
                connection.notices = before


class _Interrupts:
    """How often Ctrl-C was pressed: the driver swallows what is raised while it shows a notice."""

    count = 0


@contextmanager
def _counted_interrupts() -> Iterator[_Interrupts]:
    interrupts = _Interrupts()
    before = signal.getsignal(signal.SIGINT)
    if (
        threading.current_thread() is not threading.main_thread()
        or before is not signal.default_int_handler
    ):
        yield interrupts
        return

    def count(number: int, frame: FrameType | None) -> None:
        interrupts.count += 1
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, count)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)


def _wait(connection: Any, interrupts: _Interrupts) -> None:
    heard = interrupts.count
    cancelled = False
    while True:
        try:
            state = connection.poll()
            if state == extensions.POLL_OK:
                break
            if interrupts.count > heard:
                raise KeyboardInterrupt
            if state == extensions.POLL_READ:
                select.select([connection.fileno()], [], [])
            elif state == extensions.POLL_WRITE:
                select.select([], [connection.fileno()], [])
            else:
                raise psycopg2.OperationalError(f"unexpected state {state} of the connection")
        except KeyboardInterrupt:
            heard = interrupts.count
            if cancelled:
                raise
            cancelled = True
            connection.cancel()
    if interrupts.count > heard:
        raise KeyboardInterrupt
