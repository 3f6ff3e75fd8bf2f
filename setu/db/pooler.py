"""Is there a pooler between us and the server that hands each transaction to another session?

Session settings, advisory locks and temporary objects then go astray: they are lost to us, and stay
with the next client of that session. So this is asked before the first setting is made.

A pooler answers a connection itself, so the process id that it gives at the start is not the
backend's. One that keeps a session for a client does no harm; one in transaction mode is told by
two clients that meet in one backend, or by one client that meets two.
"""

from __future__ import annotations

import select
import time
from typing import Any, Final

import psycopg2
from psycopg2 import extensions

from setu.db.address import Address
from setu.errors import PoolerError

ROUNDS: Final = 4
#: A pooler in session mode that has no session to spare lets the second client wait.
WAIT_S: Final = 3.0
BACKEND: Final = "SELECT pg_catalog.pg_backend_pid()"


def refuse_transaction_pooler(driver: Any, address: Address, parameters: dict[str, Any]) -> None:
    """Raise :class:`PoolerError` when the connection's transactions go to sessions of others.

    :param driver: a psycopg2 connection, in no transaction; nothing is set on it.
    :param parameters: those that it was opened with.
    """
    announced = driver.info.backend_pid
    backend = _backend(driver)
    # The embedded server has no process ids.
    if not announced or not backend or announced == backend:
        return
    if _shares_sessions(parameters):
        raise PoolerError(
            f"There is a pooler in transaction mode between here and the server ({address}).",
            context=["Each transaction may go to another session: settings and locks go astray."],
            hint="Connect to the server itself, or to a pool with pool_mode = session",
        )


def _shares_sessions(parameters: dict[str, Any]) -> bool:
    """Whether a client of this address keeps no session: two more clients try it."""
    clients = []
    try:
        for _ in range(2):
            client = _client(parameters)
            clients.append(client)
            # One that keeps sessions may have none to spare: then only the first answer is late.
            _run(client, BACKEND)
    except (psycopg2.Error, TimeoutError):
        return _close(clients)
    one, other = clients
    try:
        for _ in range(ROUNDS):
            mine = _run(one, BACKEND)
            # While the other one is in a transaction, it holds a session.
            _run(other, "BEGIN")
            if _run(other, BACKEND) == mine or _run(one, BACKEND) != mine:
                return True
            _run(other, "ROLLBACK")
    except (psycopg2.Error, TimeoutError):
        # Each had a session a moment ago. In statement mode BEGIN is refused.
        return True
    finally:
        _close(clients)
    return False


def _close(clients: list[Any]) -> bool:
    for client in clients:
        client.close()
    return False


def _client(parameters: dict[str, Any]) -> Any:
    """A connection whose answers are waited for with a bound."""
    connection: Any = psycopg2.connect(**parameters, async_=True)
    try:
        _wait(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _run(connection: Any, query: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        _wait(connection)
        return cursor.fetchone()[0] if cursor.description else None


def _wait(connection: Any) -> None:
    until = time.monotonic() + WAIT_S
    while (state := connection.poll()) != extensions.POLL_OK:
        left = max(0.0, until - time.monotonic())
        reads = [connection.fileno()] if state == extensions.POLL_READ else []
        writes = [connection.fileno()] if state == extensions.POLL_WRITE else []
        if not any(select.select(reads, writes, [], left)):
            raise TimeoutError


def _backend(driver: Any) -> int:
    before = driver.autocommit
    driver.autocommit = True
    try:
        with driver.cursor() as cursor:
            cursor.execute(BACKEND)
            return int(cursor.fetchone()[0])
    finally:
        driver.autocommit = before
