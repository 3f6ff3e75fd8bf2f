"""More sessions that run a statement beside the deploy's own; each finds work of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2

from setu.db.acting_role import resume_owner
from setu.db.connection import database_url, open_driver
from setu.db.notices import NoticeSink

log = logging.getLogger("setu.chain.runner")


@contextmanager
def working_beside(
    number: int, statement: str, settings: Mapping[str, str], receive: Callable[[str], None]
) -> Iterator[None]:
    """While inside, so many more sessions run the statement.

    A session that fails leaves its work to the others: what is at fault meets them as well, and is
    told by the deploy's own. When the block fails, the sessions are cancelled.

    :param settings: session settings of the deploy, name → value.
    :param receive: gets the server's notices, from any thread.
    """
    connections: list[Any] = []
    threads: list[threading.Thread] = []
    try:
        for worker in range(number):
            connection = open_driver(database_url(), f"backfill worker {worker + 1}", writes=True)
            connections.append(connection)
            connection.autocommit = True
            connection.notices = NoticeSink(receive)
            with connection.cursor() as cursor:
                for name, value in settings.items():
                    cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
            resume_owner(connection)
        for connection in connections:
            thread = threading.Thread(target=_run, args=(connection, statement), daemon=True)
            threads.append(thread)
            thread.start()
        yield
    except BaseException:
        for connection in connections:
            with suppress(psycopg2.Error):
                connection.cancel()
        raise
    finally:
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()


def _run(connection: Any, statement: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except psycopg2.Error as error:
        log.warning("a worker has ended: %s", str(error).strip().split("\n")[0])
