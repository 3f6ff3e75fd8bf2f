"""Who is in the way of a step that waits for its locks, seen from a second session.

The server ends a wait with the name of no session. So while a step is tried again, a second
session asks whom the deploy's own waits for; the message of a step that gave up names them. On
request it also cancels queries of transactions that have only read so far.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
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

# A transaction that has only read has, and asks for, no stronger lock than a query takes, and no
# transaction id. Of these a query can be cancelled, not a procedure or a block, which may write
# later, nor COPY, which a backup runs. The statement that found it in the way cancels it: a moment
# later it may be at something else.
_BLOCKERS = """
SELECT a.pid, a.usename, a.application_name, a.backend_type, a.state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)),
       regexp_replace(left(a.query, 100), '\\s+', ' ', 'g'), r.can_go,
       CASE WHEN %(cancels)s AND r.can_go THEN pg_catalog.pg_cancel_backend(a.pid) END
FROM (SELECT DISTINCT unnest(pg_catalog.pg_blocking_pids(%(pid)s))) AS b (pid)
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = a.usesysid
INNER JOIN pg_catalog.pg_roles AS me ON me.rolname = current_user
CROSS JOIN LATERAL (
    SELECT
        a.backend_type = 'client backend' AND a.state = 'active' AND a.query ~* %(queries)s
        AND (
            me.rolsuper OR NOT o.rolsuper AND (
                pg_catalog.pg_has_role(o.oid, 'USAGE')
                OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')
            )
        )
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.pid = b.pid AND (
                l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                OR l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
            )
        ) AS can_go
) AS r
"""
_QUERIES = r"^(\s|/\*([^*]|\*+[^*/])*\*+/|--[^\n]*\n)*(SELECT|WITH|TABLE|VALUES|FETCH|EXPLAIN)\M"
# A pooler gives a connection a process id of its own. Servers differ in the instant of their start.
_WHERE = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_postmaster_start_time()"


@dataclass
class Blockers:
    """The sessions that a step waited for in its present attempt."""

    cancels: bool = False
    can_be_cancelled: bool = True
    _seen: dict[object, str] = field(default_factory=dict)

    def begin(self, *, cancels: bool) -> None:
        """Begin another attempt."""
        self.cancels, self.can_be_cancelled = cancels, True
        self._seen = {}

    def described(self) -> list[str]:
        """A line for each session, the first to be met first."""
        lines = list(self._seen.values())
        more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        return lines[:SHOWN] + more

    def look(self, cursor: Any, pid: int) -> bool:
        """Note whom the session waits for, and cancel them if asked to; whether it waits."""
        cursor.execute(_BLOCKERS, {"pid": pid, "cancels": self.cancels, "queries": _QUERIES})
        found = cursor.fetchall()
        for blocker, *about, can_go, cancelled in found:
            if blocker not in self._seen:
                self._seen[blocker] = _line(blocker, *about)
                self.can_be_cancelled = self.can_be_cancelled and bool(can_go)
            if cancelled:
                log.warning(
                    "cancelled a query whose transaction had only read: %s", self._seen[blocker]
                )
        return bool(found)


@contextmanager
def watched_for_blockers(waiting: Any) -> Iterator[Blockers]:
    """While inside, note who is in the way of a session.

    Without a second session nobody is named: the embedded server has one, and others can be full.

    :param waiting: the psycopg2 connection of the session.
    """
    blockers = Blockers()
    if waiting.info.backend_pid == 0:
        yield blockers
        return
    with waiting.cursor() as cursor:
        cursor.execute(_WHERE)
        pid, server = cursor.fetchone()
    watcher = _second_session(server)
    if watcher is None:
        yield blockers
        return
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(watcher, pid, blockers, stop), daemon=True)
    with closing(watcher):
        thread.start()
        try:
            yield blockers
        finally:
            stop.set()
            thread.join()


def _second_session(server: datetime) -> Any:
    """A session on the server that was started at that instant; None if there is none."""
    connection = None
    try:
        connection = open_driver(database_url(), "lock watcher")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '10 s'")
            cursor.execute(_WHERE)
            if cursor.fetchone()[1] == server:
                return connection
        log.debug("nobody watches for blockers: of several hosts, another one answered")
    except (SetuError, psycopg2.Error) as error:
        log.debug("nobody watches for blockers: %s", error)
    if connection is not None:
        connection.close()
    return None


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
