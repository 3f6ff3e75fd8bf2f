"""How the pipelines are, and whether what must be true for rows to flow is true.

The conditions are in ``setu/ops/conditions/``, one check each, asked of the database as any role
that may read ``_etl``'s views. The loads are assessed by their own run log: with some version pairs
TimescaleDB counts a job that did its work as failed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from setu.db.rows import query_rows
from setu.errors import SetuError
from setu.ops.presentation import paragraph

ROOM_ON_DISK = "room_on_disk"

_MUST = re.compile(r"^-- must (\w+): (.+)$", re.MULTILINE)
_NEEDS = re.compile(r"^-- needs (\S+)$", re.MULTILINE)
_LOCAL = ("127.0.0.1", "::1", "localhost")


class ControlPlaneMissingError(SetuError):
    """The database has no ``_etl`` views: it is not at v2, or not far enough."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as unhealthy; ages and lag in seconds, rates and room as a part of 1."""

    run_age: float = 300
    lag: float = 600
    error_rate: float = 0.1
    reject_rate: float = 0.1
    free_disk: float = 0.1
    prepared_age: float = 3600
    slot_bytes: int = 1 << 30
    transaction_ids: int = 1_500_000_000


@dataclass(frozen=True)
class Pipeline:
    """One pipeline as the views show it. Ages in seconds; None where it never ran."""

    name: str
    enabled: bool
    rows_behind: int
    seconds_behind: float
    held_up_by: str | None
    last_status: str | None
    last_started_at: datetime | None
    run_age: float | None
    run_seconds: float | None
    rows_read: int
    rows_loaded: int
    rows_merged: int
    rows_rejected: int
    rows_late: int
    error: str | None
    runs_of_day: int
    failed_of_day: int


@dataclass(frozen=True)
class Reject:
    """Rejected rows of one pipeline and reason."""

    pipeline: str
    reason: str
    waiting: int
    resent: int
    last_detail: str


@dataclass(frozen=True)
class Job:
    """A TimescaleDB job of ``_etl``, or a policy of one of SETU's tables."""

    job_id: int
    procedure: str
    table: str | None
    every: str
    scheduled: bool
    next_start: datetime | None
    last_status: str | None


@dataclass(frozen=True)
class KafkaOffset:
    """The last stored offset of a Kafka partition; a sink resumes after it.

    Partition and offset are None for all partitions that are not listed: those resume by time, from
    ``stored_at``.
    """

    table: str
    partition: int | None
    offset: int | None
    stored_at: datetime


@dataclass(frozen=True)
class BrokenCondition:
    """A condition that does not hold: of what, why, and the command that helps."""

    condition: str
    subject: str
    reason: str
    command: str


@dataclass(frozen=True)
class Condition:
    """What must be true, and whether it is; ``holds`` is None where it could not be checked."""

    name: str
    must: str
    holds: bool | None
    why_not_checked: str = ""


@dataclass(frozen=True)
class Health:
    """All of it at one moment."""

    pipelines: tuple[Pipeline, ...] = ()
    rejects: tuple[Reject, ...] = ()
    jobs: tuple[Job, ...] = ()
    offsets: tuple[KafkaOffset, ...] = ()
    conditions: tuple[Condition, ...] = ()
    findings: tuple[BrokenCondition, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether every condition holds that could be checked."""
        return not self.findings


@dataclass(frozen=True)
class Check:
    """A query that returns breaches, and the conditions that it checks."""

    file: str
    query: str
    conditions: dict[str, str] = field(hash=False)
    needs: tuple[str, ...] = ()


_PIPELINES = """
SELECT l.pipeline, l.enabled, l.rows_behind, l.seconds_behind::double precision, l.held_up_by,
    r.status, r.started_at,
    extract(epoch FROM clock_timestamp() - r.started_at)::double precision,
    r.seconds::double precision, coalesce(r.rows_read, 0), coalesce(r.rows_loaded, 0),
    coalesce(r.rows_merged, 0), coalesce(r.rows_rejected, 0), coalesce(r.rows_late, 0), r.error,
    e.runs, e.runs_failed
FROM _etl.v_pipeline_lag AS l
LEFT JOIN _etl.v_last_run AS r ON r.pipeline = l.pipeline
LEFT JOIN _etl.v_error_rate AS e ON e.pipeline = l.pipeline
ORDER BY l.pipeline
"""
_REJECTS = """
SELECT r.pipeline, r.reason_code, r.rows_waiting, r.rows_resent, coalesce(r.last_detail, '')
FROM _etl.v_rejects_by_reason AS r
ORDER BY r.rows_waiting DESC, r.pipeline, r.reason_code
"""
_JOBS = """
SELECT j.job_id, j.proc_name::text, j.hypertable_schema || '.' || j.hypertable_name,
    j.schedule_interval::text, j.scheduled,
    -- The driver knows no infinite time; such a start is the matter of a condition.
    CASE WHEN isfinite(j.next_start) THEN j.next_start END,
    s.last_run_status
FROM timescaledb_information.jobs AS j
LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
WHERE j.proc_schema = '_etl' OR j.hypertable_schema IN ('bronze', 'silver', 'gold', 'alerting')
ORDER BY j.job_id
"""
_OFFSETS = """
SELECT o.source_table, o.kafka_partition, o.kafka_offset, o.stored_at
FROM _etl.v_kafka_offsets AS o
ORDER BY o.source_table, o.kafka_partition
"""
_NEEDED = """
SELECT CASE
    WHEN '{needed}' = 'community'
        THEN coalesce(current_setting('timescaledb.license', true), '') = 'timescale'
    ELSE to_regclass('{needed}') IS NOT NULL
END
"""


def read_health(
    connection: Connection, thresholds: Thresholds | None = None, *, job_stats_hold: bool = True
) -> Health:
    """The state of all pipelines and the verdict, by role ``setu_reader`` or more.

    :param job_stats_hold: False where TimescaleDB counts jobs as failed that did their work.

    Raises :class:`ControlPlaneMissingError` below revision 0401.
    """
    if not query_rows(connection, "SELECT 1 WHERE to_regclass('_etl.v_pipeline_lag') IS NOT NULL"):
        raise ControlPlaneMissingError(
            "This database has no loads.",
            context=["The view _etl.v_pipeline_lag, of revision 0401, is not there."],
            hint="Run alembic upgrade head, or look at `alembic current`",
        )
    conditions, findings = _check(connection, thresholds or Thresholds(), job_stats_hold)
    return Health(
        tuple(Pipeline(*row) for row in query_rows(connection, _PIPELINES)),
        tuple(Reject(*row) for row in query_rows(connection, _REJECTS)),
        tuple(Job(*row) for row in query_rows(connection, _JOBS)),
        tuple(KafkaOffset(*row) for row in query_rows(connection, _OFFSETS)),
        tuple(conditions),
        tuple(findings),
    )


@cache
def checks() -> tuple[Check, ...]:
    """All checks, in the order in which their conditions are checked."""
    found = []
    for path in sorted(files("setu.ops.conditions").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".sql"):
            text = path.read_text(encoding="utf-8")
            found.append(
                Check(path.name, text, dict(_MUST.findall(text)), tuple(_NEEDS.findall(text)))
            )
    return tuple(found)


def _check(
    connection: Connection, limits: Thresholds, job_stats_hold: bool
) -> tuple[list[Condition], list[BrokenCondition]]:
    settings: dict[str, object] = {**vars(limits), "job_stats_hold": job_stats_hold}
    for name, value in settings.items():
        connection.exec_driver_sql(
            "SELECT set_config(%s, %s, true)", (f"setu_status.{name}", str(value).lower())
        )
    conditions: list[Condition] = []
    findings: list[BrokenCondition] = []
    for check in checks():
        missing = [name for name in check.needs if not _is_there(connection, name)]
        why = f"needs {', '.join(missing)}" if missing else ""
        if not why:
            try:
                with connection.begin_nested():
                    findings += [
                        BrokenCondition(*row) for row in query_rows(connection, check.query)
                    ]
            except DBAPIError as error:
                if not isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
                    raise
                why = str(error.orig).strip().splitlines()[0]
        broken = {finding.condition for finding in findings}
        conditions += [
            Condition(name, must, None if why else name not in broken, why)
            for name, must in check.conditions.items()
            if name != ROOM_ON_DISK
        ]
        if ROOM_ON_DISK in check.conditions:
            room = _room_on_disk(connection, limits)
            findings += room.findings
            conditions.append(
                Condition(
                    ROOM_ON_DISK, check.conditions[ROOM_ON_DISK], room.holds, room.why_not_checked
                )
            )
    return conditions, findings


def _is_there(connection: Connection, needed: str) -> bool:
    return bool(query_rows(connection, _NEEDED.format(needed=needed))[0][0])


@dataclass(frozen=True)
class _Room:
    holds: bool | None
    why_not_checked: str = ""
    findings: tuple[BrokenCondition, ...] = ()


def _room_on_disk(connection: Connection, limits: Thresholds) -> _Room:
    """SQL does not see the disk: only where the server is on this machine can it be looked at."""
    driver: Any = connection.connection.dbapi_connection
    host = driver.info.host or ""
    if host not in _LOCAL and not host.startswith("/"):
        return _Room(None, "the server is on another machine")
    try:
        with connection.begin_nested():
            [(folder,)] = query_rows(connection, "SELECT current_setting('data_directory')")
    except DBAPIError:
        return _Room(None, "needs role pg_read_all_settings")
    if not Path(folder).exists():
        return _Room(None, "the server's disk is not seen from here")
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return _Room(None, "the server's disk is not seen from here")
    free = usage.free / usage.total
    if free >= limits.free_disk:
        return _Room(True)
    reason = f"has {free:.0%} of its space left, {usage.free / 1e9:,.1f} GB"
    command = "See what takes it: SELECT * FROM _etl.v_chunk_sizes ORDER BY total_bytes DESC"
    return _Room(False, "", (BrokenCondition(ROOM_ON_DISK, f"disk of {folder}", reason, command),))


def as_json(health: Health) -> dict[str, Any]:
    """The whole of it for a program."""
    return {
        "healthy": health.healthy,
        **{
            name: [dict(vars(entry)) for entry in getattr(health, name)]
            for name in ("findings", "conditions", "pipelines", "rejects", "jobs", "offsets")
        },
    }


def lines(health: Health) -> Iterator[str]:
    """The verdict in one line, then what is wrong, each with its reason and what helps."""
    if health.healthy:
        unchecked = sum(condition.holds is None for condition in health.conditions)
        rest = f", {unchecked} could not be checked (--all names them)" if unchecked else ""
        yield f"healthy: {len(health.conditions) - unchecked} conditions hold{rest}"
        return
    broken = len({finding.condition for finding in health.findings})
    yield f"unhealthy: {broken} of {len(health.conditions)} conditions do not hold"
    told = ""
    for finding in health.findings:
        if finding.condition != told:
            told = finding.condition
            yield ""
            yield f"{told}"
        yield from paragraph(f"{finding.subject} {finding.reason}", 2)
        yield f"    -> {finding.command}"
