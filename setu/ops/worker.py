"""Runs the pipelines on schedule from outside, where the server has no jobs or no scheduler.

It calls the procedures that a job would call. A pipeline that somebody else runs at that moment
returns at once, so a worker does no harm beside jobs or another worker. Between two rounds it holds
no connection: a server with one session serves others meanwhile.

A pipeline that fails is reported and the others go on. Only a connection that is closed means that
the server is away: psycopg2's OperationalError also covers timeouts, deadlocks and a full disk, any
of which one pipeline can run into alone.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from sqlalchemy import URL

from setu.db.address import Address
from setu.db.connection import open_driver
from setu.errors import DatabaseConnectionError, DatabaseStateError, SetuError
from setu.ops.schedule import (
    DAY,
    Chore,
    Schedule,
    check_age,
    check_rights,
    check_times,
    chores,
    first_line,
)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0

# A call is silent until it returns, so a network that died, or a server that lost its power, looks
# like a long call, and Linux would wait for ever. Probes go out after 30 s of silence; a peer that
# leaves them, or a statement on its way, unanswered for a minute is away. Not less: a switch that
# restarts takes half of that. A backend that hangs on a machine that lives still answers probes.
TCP_SETTINGS: Mapping[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


_POLICIES = """
SELECT j.proc_name || ' of ' || j.hypertable_schema || '.' || j.hypertable_name,
    'run_job(' || j.job_id::text || ')', extract(epoch FROM j.schedule_interval)::double precision
FROM timescaledb_information.jobs AS j
WHERE j.scheduled AND j.proc_name LIKE 'policy%'
    AND j.hypertable_schema IN ('bronze', 'silver', 'gold', 'alerting')
    AND current_setting('timescaledb.license', true) = 'timescale'
    AND NOT EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid())
ORDER BY j.job_id
"""

#: The beginnings of messages about a connection that may yet come about by itself.
_MAY_COME = (
    "No server answers there",
    "The host is not known",
    "The server cannot be reached",
    "The server has no connection to spare",
    "The server is not ready",
    "The database takes no connections",
)


class ServerAwayError(SetuError):
    """There is no connection, or the one that there was is closed."""

    what = "the server is away"


class ServerUnfitError(ServerAwayError):
    """There is a server, and it is a standby, read-only or being restored."""

    what = "the database takes no rows"


@dataclass
class Pulse:
    """How the worker is, for those who watch it. Times are of :func:`time.monotonic`.

    :ivar round_ended: when the last round came to its end; None before the first.
    :ivar trouble: why the last round did not, or what failed in it; empty when all went well.
    :ivar beat: when the worker last began a call or came back from one.
    """

    beat: float = 0.0
    round_ended: float | None = None
    trouble: str = ""
    rounds: int = 0


class Worker:
    """Calls every enabled pipeline's load each interval, and what other jobs do when it is due.

    :param url: the database; role ``setu_etl``, or the deploying role, which alone may drop chunks.
    :param say: gets one line for each call that did something, and for each that failed.
    :param stop: set it, and ``run`` returns when the call that is at work has returned.
    """

    def __init__(
        self,
        url: Address | URL,
        schedule: Schedule,
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self.address = Address.of(url)
        self.schedule = schedule
        self._say = say
        self._stop = stop
        self._next_retention = 0.0
        self._next_chore: dict[str, float] = {}
        #: What was said last of a thing that goes on: it is said once, until it changes.
        self._told: dict[str, str] = {}
        self.pulse = Pulse(beat=time.monotonic())

    def run(self) -> None:
        """Work until ``stop`` is set."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            started = time.monotonic()
            self.pulse.beat = started
            try:
                self.round()
            except ServerAwayError as error:
                self.pulse.trouble = f"{error.what}: {error.title}"
                self._say(f"{error.what}, next try in {pause:g} s: {error.title}")
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._stop.wait(max(0.0, self.schedule.interval - (time.monotonic() - started)))

    def round(self) -> None:
        """One round: the pipelines in turns until all have caught up, and retention when it is due.

        Raises :class:`ServerAwayError`.
        """
        try:
            connection = open_driver(self.address, "worker", writes=True, **TCP_SETTINGS)
        except DatabaseStateError as error:
            raise ServerUnfitError(first_line(error)) from error
        except (DatabaseConnectionError, psycopg2.OperationalError) as error:
            raise ServerAwayError(first_line(error)) from error
        self.pulse.trouble = ""
        try:
            connection.autocommit = True
            while self._turns(connection):
                pass
        finally:
            connection.close()
        self.pulse.rounds += 1
        self.pulse.round_ended = time.monotonic()

    def check(self) -> None:
        """Find settings under which the worker could never do its work, before it begins.

        A server that is away is none: it may come. Raises :class:`~setu.errors.SetuError`.
        """
        check_times(self.schedule)
        try:
            connection = open_driver(self.address, "worker", writes=True, **TCP_SETTINGS)
        except DatabaseConnectionError as error:
            if error.title.startswith(_MAY_COME):
                return
            raise
        except (DatabaseStateError, psycopg2.OperationalError):
            return
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                check_age(self.schedule, cursor)
                check_rights(cursor)
        finally:
            connection.close()

    def _turns(self, connection: Any) -> bool:
        """A slice of each pipeline, then of those with a backlog, for one interval.

        Whether a backlog is left. The other pipelines are then due, too, and so may be retention.
        """
        until = time.monotonic() + self.schedule.interval
        waiting = self._pipelines(connection)
        while waiting and not self._stop.is_set():
            waiting = [
                pipeline
                for pipeline in waiting
                if not self._stop.is_set() and self._load(connection, pipeline)
            ]
            if time.monotonic() >= until:
                break
        for chore in (*chores(self.schedule), *self._policies(connection)):
            if not self._stop.is_set():
                self._do(connection, chore)
        if self.schedule.retention and not self._stop.is_set():
            self._retain(connection)
        return bool(waiting) and not self._stop.is_set()

    def _failed(self, connection: Any, what: str, error: psycopg2.Error) -> None:
        """Says that one thing failed; raises when it was the connection that did."""
        if connection.closed:
            raise ServerAwayError(first_line(error)) from error
        self.pulse.trouble = f"{what}: {first_line(error)}"
        self._say(f"{what}: failed: {first_line(error)}")

    def _say_once(self, what: str, line: str) -> None:
        """Says something of a thing, unless that was the last that was said of it."""
        if self._told.get(what) != line or self.schedule.verbose:
            self._say(f"{what}: {line}")
        self._told[what] = line

    def _policies(self, connection: Any) -> list[Chore]:
        """TimescaleDB's policies on SETU's tables, where one process has no scheduler for them."""
        with connection.cursor() as cursor:
            try:
                cursor.execute(_POLICIES)
            except psycopg2.Error as error:
                self._failed(connection, "list of policies", error)
                return []
            return [Chore(what, run_job, every, {}) for what, run_job, every in cursor.fetchall()]

    def _do(self, connection: Any, chore: Chore) -> None:
        """Call a chore's procedure when it is due and there; its warnings are said."""
        if time.monotonic() < self._next_chore.get(chore.procedure, 0.0):
            return
        connection.notices.clear()
        self.pulse.beat = time.monotonic()
        try:
            with connection.cursor() as cursor:
                if chore.procedure.startswith("run_job("):
                    cursor.execute(f"CALL {chore.procedure}")
                else:
                    cursor.execute(
                        "SELECT 1 WHERE to_regprocedure(%s) IS NOT NULL",
                        (f"{chore.procedure}(integer, jsonb)",),
                    )
                    if cursor.fetchone() is None:
                        return
                    call = f"CALL {chore.procedure}(NULL, %s::jsonb)"
                    cursor.execute(call, (json.dumps(dict(chore.config)),))
        except psycopg2.errors.InsufficientPrivilege as error:
            self._say_once(chore.what, f"this role may not: {first_line(error)}")
            return
        except psycopg2.Error as error:
            self._failed(connection, chore.what, error)
            return
        finally:
            self.pulse.beat = time.monotonic()
        self._told.pop(chore.what, None)
        self._next_chore[chore.procedure] = time.monotonic() + chore.every
        for notice in connection.notices:
            self._say(f"{chore.what}: {notice.splitlines()[0]}")
        if self.schedule.verbose:
            self._say(f"{chore.what}: done")

    def _pipelines(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            try:
                cursor.execute("SELECT w.pipeline, w.enabled FROM _etl.watermarks AS w ORDER BY 1")
                found = cursor.fetchall()
            except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
                found = []
            except psycopg2.Error as error:
                self._failed(connection, "list of pipelines", error)
                return []
        # In the middle of the road the table is there, and empty.
        if not found:
            self.pulse.trouble = "this database has no pipelines"
            self._say_once("database", "has no pipelines; it needs alembic upgrade head")
            return []
        self._told.pop("database", None)
        return [pipeline for pipeline, enabled in found if enabled]

    def _load(self, connection: Any, pipeline: str) -> bool:
        """One slice of a pipeline; whether there may be more to do."""
        started = self.pulse.beat = time.monotonic()
        try:
            run = self._call(connection, pipeline)
        except psycopg2.Error as error:
            self._failed(connection, pipeline, error)
            return False
        finally:
            self.pulse.beat = time.monotonic()
        if run is None:
            self._say_once(pipeline, "another session runs it")
            return False
        self._told.pop(pipeline, None)
        read, loaded, merged, rejected, late, batches, seconds, to_id = run
        if read or self.schedule.verbose:
            self._say(
                f"{pipeline}: read {read}, loaded {loaded}, merged {merged}, rejected {rejected}, "
                f"late {late}, batches {batches}, to id {to_id}, {seconds:.2f} s"
            )
        # By the clock here: the run log begins some milliseconds after the call's budget does, and
        # by its seconds a call that used up its budget may look like one that caught up.
        return bool(read) and time.monotonic() - started >= self.schedule.slice_seconds

    def _call(self, connection: Any, pipeline: str) -> tuple[Any, ...] | None:
        """Call a pipeline's load; what the run log says of it, None when it did not run."""
        config = json.dumps({"max_runtime": f"{self.schedule.slice_seconds:g} seconds"})
        call = sql.SQL("CALL _etl.{}(NULL, %s::jsonb)").format(
            sql.Identifier(f"sp_load_{pipeline}")
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(run_id), 0) FROM _etl.job_runs")
            [before] = cursor.fetchone()
            cursor.execute(call, (config,))
            cursor.execute(
                "SELECT r.rows_read, r.rows_loaded, r.rows_merged, r.rows_rejected, r.rows_late,"
                " r.batches, extract(epoch FROM r.finished_at - r.started_at), r.to_id"
                " FROM _etl.job_runs AS r WHERE r.run_id > %s AND r.pipeline = %s"
                " AND r.backend_pid = pg_backend_pid() ORDER BY r.run_id DESC LIMIT 1",
                (before, pipeline),
            )
            run: tuple[Any, ...] | None = cursor.fetchone()
            return run

    def _retain(self, connection: Any) -> None:
        if time.monotonic() < self._next_retention:
            return
        config = json.dumps({"drop_after": self.schedule.drop_after})
        connection.notices.clear()
        with connection.cursor() as cursor:
            try:
                cursor.execute(
                    "SELECT 1 WHERE to_regprocedure('_etl.sp_retain_bronze(integer, jsonb)')"
                    " IS NOT NULL"
                )
                if cursor.fetchone() is None:
                    return
                cursor.execute("CALL _etl.sp_retain_bronze(NULL, %s::jsonb)", (config,))
            except psycopg2.errors.InsufficientPrivilege:
                self._say_once(
                    "retention",
                    "this role may not drop chunks; run a worker as the deploying role, or give "
                    "--no-retention",
                )
                return
            except psycopg2.Error as error:
                self._failed(connection, "retention", error)
                return
        self._next_retention = time.monotonic() + DAY
        for notice in connection.notices:
            self._say(f"retention: {notice.splitlines()[0]}")
        self._say(f"retention: done, bronze chunks older than {self.schedule.drop_after}")
