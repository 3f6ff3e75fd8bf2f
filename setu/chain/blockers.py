"""Who is in the way of a step that waits for its locks, seen from a second session.

The server ends a wait with the name of no session. So while a step is tried again, a second
session asks whom the deploy's own waits for; the message of a step that gave up names them. On
request it also cancels statements that only read, as pg_repack does after its wait timeout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from setu.db.connection import database_url, open_driver
from setu.errors import SetuError

log = logging.getLogger("setu.chain.runner")

POLL_S = 0.05
#: While the session has just waited: it waits for one lock after the other, each for a moment.
QUICK_POLL_S = 0.005
QUICK_FOR_S = 1.0
SHOWN = 5

# A session that only reads has, and asks for, no stronger lock than a query takes, and no
# transaction id.
# The statement that found it in the way cancels it: a moment later it may be at something else.
_BLOCKERS = """
SELECT a.pid, a.usename, a.application_name, a.backend_type, a.state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)),
       regexp_replace(left(a.query, 100), '\\s+', ' ', 'g'), r.reads,
       CASE WHEN %(cancels)s AND r.reads AND r.signals AND a.state = 'active'
           THEN pg_catalog.pg_cancel_backend(a.pid) END
FROM (SELECT DISTINCT unnest(pg_catalog.pg_blocking_pids(%(pid)s))) AS b (pid)
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = a.usesysid
INNER JOIN pg_catalog.pg_roles AS me ON me.rolname = current_user
CROSS JOIN LATERAL (
    SELECT
        a.backend_type = 'client backend' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.pid = b.pid AND (
                l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                OR l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
            )
        ) AS reads,
        me.rolsuper OR NOT o.rolsuper AND (
            pg_catalog.pg_has_role(o.oid, 'USAGE')
            OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')
        ) AS signals
) AS r
"""


@dataclass
class Blockers:
    """The sessions that a step waited for in its present attempt."""

    cancels: bool = False
    only_reading: bool = True
    _seen: dict[object, str] = field(default_factory=dict)

    def begin(self, *, cancels: bool) -> None:
        """Begin another attempt."""
        self.cancels, self.only_reading = cancels, True
        self._seen = {}

    def described(self) -> list[str]:
        """A line for each session, the first to be met first."""
        lines = list(self._seen.values())
        more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        return lines[:SHOWN] + more

    def look(self, cursor: Any, pid: int) -> bool:
        """Note whom the session waits for, and cancel them if asked to; whether it waits."""
        cursor.execute(_BLOCKERS, {"pid": pid, "cancels": self.cancels})
        found = cursor.fetchall()
        for blocker, *about, reads, cancelled in found:
            if blocker not in self._seen:
                self._seen[blocker] = _line(blocker, *about)
                self.only_reading = self.only_reading and bool(reads)
            if cancelled:
                log.warning("cancelled a statement that only reads: %s", self._seen[blocker])
        return bool(found)


@contextmanager
def watched_for_blockers(waiting: Any) -> Iterator[Blockers]:
    """While inside, note who is in the way of a session.

    Without a second session nobody is named: the embedded server has one, and others can be full.

    :param waiting: the psycopg2 connection of the session.
    """
    blockers = Blockers()
    watcher = _second_session(waiting)
    if watcher is None:
        yield blockers
        return
    with waiting.cursor() as cursor:
        # A pooler gives the connection a number of its own.
        cursor.execute("SELECT pg_catalog.pg_backend_pid()")
        pid = cursor.fetchone()[0]
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(watcher, pid, blockers, stop), daemon=True)
    with closing(watcher):
        thread.start()
        try:
            yield blockers
        finally:
            stop.set()
            thread.join()


def _second_session(waiting: Any) -> Any:
    if waiting.info.backend_pid == 0:
        return None
    try:
        connection = open_driver(database_url(), "lock watcher")
    except (SetuError, psycopg2.Error) as error:
        log.debug("nobody watches for blockers: %s", error)
        return None
    connection.autocommit = True
    return connection


def _watch(connection: Any, pid: int, blockers: Blockers, stop: threading.Event) -> None:
    try:
        quick_until = 0.0
        with connection.cursor() as cursor:
            while not stop.wait(QUICK_POLL_S if time.monotonic() < quick_until else POLL_S):
                if blockers.look(cursor, pid):
                    quick_until = time.monotonic() + QUICK_FOR_S
    except psycopg2.Error as error:
        log.debug("nobody watches for blockers any longer: %s", error)


def _line(
    pid: int | None,
    user: str | None,
    application: str | None,
    kind: str | None,
    state: str | None,
    seconds: float | None,
    query: str | None,
) -> str:
    if pid is None:
        return "a session that has ended since, or a prepared transaction (pg_prepared_xacts)"
    who = f"pid {pid}, user {user}, application {application or 'unknown'}"
    if kind is None:
        return f"{who}, at work on what this role may not see"
    if kind != "client backend":
        return f"pid {pid}, {kind}"
    lasts = "" if seconds is None else f" for {seconds:.1f} s"
    return f"{who}, {state}{lasts}: {query}"
