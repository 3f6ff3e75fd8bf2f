"""How the pipelines are: read from the views of ``_etl``, and judged.

Judged by the pipelines' own run log. TimescaleDB's job statistics are no help: with some version
pairs a job that did its work is counted as failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from setu.errors import SetuError

NO_PARAMETERS = {"no_parameters": True}


class ControlPlaneMissingError(SetuError):
    """The database has no ``_etl`` views: it is not at v2, or not far enough."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as unhealthy; ages and lag in seconds, the rate as a part of 1."""

    run_age: float = 300
    lag: float = 600
    error_rate: float = 0.1


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
    """A TimescaleDB job of ``_etl``."""

    job_id: int
    procedure: str
    every: str
    scheduled: bool
    next_start: datetime | None


@dataclass(frozen=True)
class KafkaOffset:
    """The highest stored offset of a Kafka partition; a sink resumes after it.

    Partition and offset are None for all partitions that are not listed: those resume by time, from
    ``stored_at``.
    """

    table: str
    partition: int | None
    offset: int | None
    stored_at: datetime


@dataclass(frozen=True)
class Finding:
    """Something that is not well, in words, with what to do about it."""

    pipeline: str
    what: str
    advice: str


@dataclass(frozen=True)
class Health:
    """All of it at one moment."""

    pipelines: tuple[Pipeline, ...]
    rejects: tuple[Reject, ...]
    jobs: tuple[Job, ...]
    offsets: tuple[KafkaOffset, ...]


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
SELECT j.job_id, j.proc_schema || '.' || j.proc_name, j.schedule_interval::text, j.scheduled,
    j.next_start
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' OR j.hypertable_schema IN ('bronze', 'silver')
ORDER BY j.job_id
"""
_OFFSETS = """
SELECT o.source_table, o.kafka_partition, o.kafka_offset, o.stored_at
FROM _etl.v_kafka_offsets AS o
ORDER BY o.source_table, o.kafka_partition
"""


def read_health(connection: Connection) -> Health:
    """The state of all pipelines, by role ``setu_reader`` or more.

    Raises :class:`ControlPlaneMissingError` below revision 0401.
    """
    if not _rows(connection, "SELECT 1 WHERE to_regclass('_etl.v_pipeline_lag') IS NOT NULL"):
        raise ControlPlaneMissingError(
            "This database has no control plane.",
            context=["The view _etl.v_pipeline_lag, of revision 0401, is not there."],
            hint="run alembic upgrade head, or look at `alembic current`",
        )
    return Health(
        tuple(Pipeline(*row) for row in _rows(connection, _PIPELINES)),
        tuple(Reject(*row) for row in _rows(connection, _REJECTS)),
        tuple(Job(*row) for row in _rows(connection, _JOBS)),
        tuple(KafkaOffset(*row) for row in _rows(connection, _OFFSETS)),
    )


def judge(health: Health, thresholds: Thresholds | None = None) -> list[Finding]:
    """What is unhealthy; nothing when all is well."""
    limits = thresholds or Thresholds()
    return [
        Finding(pipeline.name, what, advice)
        for pipeline in health.pipelines
        for what, advice in _findings(pipeline, limits)
    ]


def _findings(pipeline: Pipeline, limits: Thresholds) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    name = pipeline.name
    if not pipeline.enabled:
        return [
            (
                "is disabled",
                f"UPDATE _etl.watermarks SET enabled = true WHERE pipeline = '{name}' "
                "when its rows may be loaded again",
            )
        ]
    if pipeline.run_age is None:
        found.append(
            ("has never run", f"CALL _etl.sp_load_{name}(NULL, '{{}}'), or start `setu worker`")
        )
    elif pipeline.run_age > limits.run_age:
        found.append(
            (
                f"last ran {pipeline.run_age / 60:.0f} min ago",
                "see whether its job is scheduled and background workers are free; where there "
                "is no scheduler, start `setu worker`",
            )
        )
    if pipeline.rows_behind < 0:
        found.append(
            (
                f"is {-pipeline.rows_behind:,} ids ahead of its sequence, which went back",
                'stop the sinks, and see "A sequence that went back" in docs/operations.md',
            )
        )
    if pipeline.last_status == "failed":
        first = (pipeline.error or "no message").splitlines()[0]
        found.append(
            (
                f"failed at its last run: {first}",
                "mend the cause; the next run starts at the same id, nothing is lost",
            )
        )
    if pipeline.seconds_behind > limits.lag:
        advice = "see how long its runs take, and raise batch_size in _etl.watermarks"
        if pipeline.held_up_by:
            advice = f"end the transaction that holds the fence: {pipeline.held_up_by}"
        found.append(
            (
                f"is {pipeline.rows_behind:,} rows and {pipeline.seconds_behind / 60:.0f} min "
                "behind",
                advice,
            )
        )
    if pipeline.runs_of_day and pipeline.failed_of_day / pipeline.runs_of_day > limits.error_rate:
        found.append(
            (
                f"failed {pipeline.failed_of_day} of {pipeline.runs_of_day} runs in a day",
                "SELECT started_at, error FROM _etl.job_runs WHERE status <> 'succeeded' "
                "ORDER BY started_at DESC",
            )
        )
    return found


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    result = connection.exec_driver_sql(query, execution_options=NO_PARAMETERS)
    return [tuple(row) for row in result]
