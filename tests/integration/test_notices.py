"""A Ctrl-C reaches the server whenever it comes, also while a message of the server is shown."""

from __future__ import annotations

import os
import signal
import time

import psycopg2
import psycopg2.errors
import pytest

from setu.db.notices import streamed_notices
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session")
ASLEEP = "DO $x$ BEGIN RAISE NOTICE 'asleep'; PERFORM pg_sleep(20); END $x$"


def interrupt(_notice: str) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # the handler runs here, inside what the driver calls


def test_an_interrupt_while_a_notice_is_shown_cancels_the_statement(server: Server) -> None:
    connection = psycopg2.connect(server.url)
    try:
        started = time.monotonic()
        with (
            streamed_notices(connection, interrupt),
            connection.cursor() as cursor,
            pytest.raises(psycopg2.errors.QueryCanceled),
        ):
            cursor.execute(ASLEEP)
        assert time.monotonic() - started < 10
    finally:
        connection.close()


def test_the_handler_of_before_is_back_afterwards(server: Server) -> None:
    before = signal.getsignal(signal.SIGINT)
    connection = psycopg2.connect(server.url)
    try:
        with streamed_notices(connection, lambda _: None):
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        connection.close()
