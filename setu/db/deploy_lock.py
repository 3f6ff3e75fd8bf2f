"""One deploy at a time: a session advisory lock on the database.

It is polled outside any transaction, since a wait inside one could block an index build on the
other side. It outlives the transactions of the steps, and goes with the connection.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from setu.db.connection import autocommit
from setu.errors import DeployLockError

log = logging.getLogger("setu.db.deploy_lock")

# Any fixed number, so long as nothing else in the database uses it: "setu" in ASCII.
LOCK_KEY = 0x73657475
POLL_S = 0.5

_HOLDER = """
SELECT l.pid, a.usename, a.application_name, host(a.client_addr) AS client,
       to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since, a.state,
       regexp_replace(left(a.query, 200), '\\s+', ' ', 'g') AS query
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.classid = 0 AND l.objid = %s
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


@contextmanager
def deploy_lock(
    connection: Connection,
    wait_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the deploy lock of the connection's database while inside.

    :param wait_s: longest wait, in seconds; 0 tries once. Raises :class:`DeployLockError`, which
        names the holder.
    """
    deadline = clock() + wait_s
    told = False
    with autocommit(connection) as driver, driver.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", (LOCK_KEY,))
            if cursor.fetchone()[0]:
                break
            if clock() >= deadline:
                cursor.execute(_HOLDER, (LOCK_KEY,))
                raise _held(cursor.fetchone(), wait_s)
            if not told:
                log.info("another deploy is running; waiting up to %g s for it", wait_s)
                told = True
            sleep(min(POLL_S, max(0.0, deadline - clock())))
    try:
        yield
    except BaseException:
        # What failed first is the better message.
        with suppress(psycopg2.Error, SQLAlchemyError):
            _release(connection)
        raise
    _release(connection)


def _release(connection: Connection) -> None:
    if connection.closed or connection.invalidated:
        return
    driver: Any = connection.connection.dbapi_connection
    if driver.closed:
        # The lock went with the session.
        return
    driver.rollback()
    driver.autocommit = True
    with driver.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", (LOCK_KEY,))
    driver.autocommit = False


def _held(holder: tuple[object, ...] | None, wait_s: float) -> DeployLockError:
    title = f"Another deploy holds the lock of this database; waited {wait_s:g} s."
    if holder is None:
        return DeployLockError(title, hint="It has ended just now: run the same command again")
    pid, user, name, client, since, state, query = (
        str(value) if value not in (None, "") else "unknown" for value in holder
    )
    source = "the server itself" if client == "unknown" else client
    return DeployLockError(
        title,
        context=[
            f"pid {pid}, user {user}, application {name}",
            f"from {source}, connected since {since}",
            f"{state}: {query}",
        ],
        hint=f"Wait for it to end, then run the same command again; if it is dead, "
        f"SELECT pg_terminate_backend({pid}) ends it",
    )


def offline_lock_sql() -> str:
    """A statement for the offline script that takes the lock, or raises when it is held."""
    return f"""DO $setu$
BEGIN
    IF NOT pg_catalog.pg_try_advisory_lock({LOCK_KEY}) THEN
        RAISE EXCEPTION 'cannot deploy because another deploy holds the lock of this database'
            USING ERRCODE = 'lock_not_available',
                  HINT = 'Wait for it to end, then run the script again';
    END IF;
END
$setu$;"""


def offline_unlock_sql() -> str:
    """A statement for the offline script that gives the lock back."""
    return f"""DO $setu$
BEGIN
    PERFORM pg_catalog.pg_advisory_unlock({LOCK_KEY});
END
$setu$;"""
