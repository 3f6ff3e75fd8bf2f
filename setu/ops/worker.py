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

DAY = 86_400.0
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


class ServerAwayError(SetuError):
    """There is no connection, or the one that there was is closed."""

    what = "the server is away"


class ServerUnfitError(ServerAwayError):
    """There is a server, and it is a standby, read-only or being restored."""

    what = "the database takes no rows"


@dataclass(frozen=True)
class Schedule:
    """When and how long; all in seconds.

    ``slice_seconds`` bounds one call of a load, which ends after the batch that is at work then:
    so long may a stop take. The default is half of what Docker gives a container before it kills.
    ``drop_after`` is PostgreSQL's interval.
    """

    interval: float = 60.0
    slice_seconds: float = 5.0
    retention: bool = True
    drop_after: str = "30 days"


class Worker:
    """Calls every enabled pipeline's load each interval, and the retention action daily.

    :param url: the database; role ``setu_etl``, or the deploying role, which alone may drop chunks.
    :param say: gets one line a run.
    :param stop: set it, and ``run`` returns when the call that is at work has returned.
    """

    def __init__(
        self,
        url: Address | URL,
        schedule: Schedule,
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._address = Address.of(url)
        self._schedule = schedule
        self._say = say
        self._stop = stop
        self._next_retention = 0.0
        self._told_no_retention = False

    def run(self) -> None:
        """Work until ``stop`` is set."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self.round()
            except ServerAwayError as error:
                self._say(f"{error.what}, next try in {pause:g} s: {error.title}")
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._stop.wait(max(0.0, self._schedule.interval - (time.monotonic() - started)))

    def round(self) -> None:
        """One round: the pipelines in turns until all have caught up, and retention when it is due.

        Raises :class:`ServerAwayError`.
        """
        try:
            connection = open_driver(self._address, "worker", writes=True, **TCP_SETTINGS)
        except DatabaseStateError as error:
            raise ServerUnfitError(_first_line(error)) from error
        except (DatabaseConnectionError, psycopg2.OperationalError) as error:
            raise ServerAwayError(_first_line(error)) from error
        try:
            connection.autocommit = True
            while self._turns(connection):
                pass
        finally:
            connection.close()

    def _turns(self, connection: Any) -> bool:
        """A slice of each pipeline, then of those with a backlog, for one interval.

        Whether a backlog is left. The other pipelines are then due, too, and so may be retention.
        """
        until = time.monotonic() + self._schedule.interval
        waiting = self._pipelines(connection)
        while waiting and not self._stop.is_set():
            waiting = [
                pipeline
                for pipeline in waiting
                if not self._stop.is_set() and self._load(connection, pipeline)
            ]
            if time.monotonic() >= until:
                break
        if self._schedule.retention and not self._stop.is_set():
            self._retain(connection)
        return bool(waiting) and not self._stop.is_set()

    def _failed(self, connection: Any, what: str, error: psycopg2.Error) -> None:
        """Says that one thing failed; raises when it was the connection that did."""
        if connection.closed:
            raise ServerAwayError(_first_line(error)) from error
        self._say(f"{what}: failed: {_first_line(error)}")

    def _pipelines(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            try:
                cursor.execute(
                    "SELECT w.pipeline FROM _etl.watermarks AS w WHERE w.enabled ORDER BY 1"
                )
            except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
                self._say("this database has no pipelines; it needs alembic upgrade head")
                return []
            except psycopg2.Error as error:
                self._failed(connection, "list of pipelines", error)
                return []
            return [row[0] for row in cursor.fetchall()]

    def _load(self, connection: Any, pipeline: str) -> bool:
        """One slice of a pipeline; whether there may be more to do."""
        started = time.monotonic()
        try:
            run = self._call(connection, pipeline)
        except psycopg2.Error as error:
            self._failed(connection, pipeline, error)
            return False
        if run is None:
            self._say(f"{pipeline}: another session runs it")
            return False
        read, loaded, merged, rejected, late, batches, seconds, to_id = run
        self._say(
            f"{pipeline}: read {read}, loaded {loaded}, merged {merged}, rejected {rejected}, "
            f"late {late}, batches {batches}, to id {to_id}, {seconds:.2f} s"
        )
        # By the clock here: the run log begins some milliseconds after the call's budget does, and
        # by its seconds a call that used up its budget may look like one that caught up.
        return bool(read) and time.monotonic() - started >= self._schedule.slice_seconds

    def _call(self, connection: Any, pipeline: str) -> tuple[Any, ...] | None:
        """Call a pipeline's load; what the run log says of it, None when it did not run."""
        config = json.dumps({"max_runtime": f"{self._schedule.slice_seconds:g} seconds"})
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
        config = json.dumps({"drop_after": self._schedule.drop_after})
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
                if not self._told_no_retention:
                    self._say(
                        "retention: this role may not drop chunks; run a worker as the deploying "
                        "role, or give --no-retention"
                    )
                self._told_no_retention = True
                return
            except psycopg2.Error as error:
                self._failed(connection, "retention", error)
                return
        self._next_retention = time.monotonic() + DAY
        for notice in connection.notices:
            self._say(f"retention: {notice.splitlines()[0]}")
        self._say(f"retention: done, bronze chunks older than {self._schedule.drop_after}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
