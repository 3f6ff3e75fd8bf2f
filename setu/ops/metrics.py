"""Metrics of the pipelines for Prometheus, from what ``setu status`` reads, and some sizes.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows. Rates are for
Prometheus to compute: ``rate(setu_bronze_ids_drawn_total[5m])`` is what arrives a second, and
``rate(setu_pipeline_ids_processed_total[5m])`` what is loaded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from setu.db.address import Address
from setu.db.connection import connected
from setu.errors import SetuError
from setu.ops.health import Health, read_health

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from setu.ops.worker import Pulse

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
READ_SECONDS = 15.0
"""How long reading may take, in seconds: less than a scrape waits, without waiting for locks."""

_PIPELINES = """
SELECT l.pipeline, l.enabled::integer, l.rows_behind, l.seconds_behind::double precision,
    l.last_processed_id, l.newest_id, l.fence_age_seconds::double precision,
    extract(epoch FROM r.started_at)::double precision, r.seconds::double precision,
    (r.status IN ('succeeded', 'running'))::integer, e.runs, e.runs_failed, e.rows_read,
    e.rows_rejected
FROM _etl.v_pipeline_lag AS l
LEFT JOIN _etl.v_last_run AS r ON r.pipeline = l.pipeline
LEFT JOIN _etl.v_error_rate AS e ON e.pipeline = l.pipeline
ORDER BY l.pipeline
"""
# A metric, its kind and what it means; values in the order of the query, after the label.
_OF_PIPELINES: Sequence[tuple[str, str, str]] = (
    ("setu_pipeline_enabled", "gauge", "1: the pipeline is enabled"),
    ("setu_pipeline_lag_rows", "gauge", "Bronze ids drawn and not yet processed"),
    ("setu_pipeline_lag_seconds", "gauge", "Age of the oldest row that waits"),
    ("setu_pipeline_ids_processed", "counter", "The highest bronze id that was processed"),
    ("setu_bronze_ids_drawn", "counter", "The highest bronze id that was drawn"),
    ("setu_fence_age_seconds", "gauge", "Age of the newest fence that is known to be safe"),
    ("setu_pipeline_last_run_timestamp_seconds", "gauge", "When the last run began"),
    ("setu_pipeline_last_run_duration_seconds", "gauge", "How long the last run took"),
    ("setu_pipeline_last_run_succeeded", "gauge", "0: the last run failed or was interrupted"),
    ("setu_pipeline_runs_last_day", "gauge", "Runs in 24 hours"),
    ("setu_pipeline_runs_failed_last_day", "gauge", "Of these, failed or interrupted"),
    ("setu_pipeline_rows_read_last_day", "gauge", "Rows read in 24 hours"),
    ("setu_pipeline_rows_rejected_last_day", "gauge", "Of these, rejected"),
)
_CHUNKS = """
SELECT h.hypertable_schema::text, h.hypertable_name::text,
    count(*) FILTER (WHERE c.is_compressed), count(*) FILTER (WHERE NOT c.is_compressed),
    coalesce(hypertable_size(t.oid::regclass), 0)
FROM timescaledb_information.hypertables AS h
INNER JOIN pg_namespace AS n ON n.nspname = h.hypertable_schema
INNER JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = h.hypertable_name
LEFT JOIN timescaledb_information.chunks AS c
    ON c.hypertable_schema = h.hypertable_schema AND c.hypertable_name = h.hypertable_name
WHERE h.hypertable_schema IN ('bronze', 'silver')
GROUP BY 1, 2, t.oid
ORDER BY 1, 2
"""
_RATIOS = """
SELECT r.hypertable_schema::text, r.hypertable_name::text,
    coalesce(r.before_compression_total_bytes, 0), coalesce(r.after_compression_total_bytes, 0)
FROM _etl.v_compression_ratios AS r
ORDER BY 1, 2
"""
_JOBS = """
SELECT j.job_id::text, j.proc_name::text,
    coalesce(j.hypertable_schema || '.' || j.hypertable_name, ''), j.scheduled::integer,
    CASE WHEN isfinite(j.next_start) THEN extract(epoch FROM j.next_start)::double precision END,
    (s.last_run_status = 'Success')::integer, s.total_runs, s.total_failures
FROM timescaledb_information.jobs AS j
LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
WHERE j.proc_schema IN ('_etl', 'gold', 'master', 'alerting')
    OR j.hypertable_schema IN ('bronze', 'silver', 'gold', 'alerting')
ORDER BY j.job_id
"""
_COMMUNITY = "SELECT coalesce(current_setting('timescaledb.license', true), '') = 'timescale'"


class MetricsMissingError(SetuError):
    """prometheus-client is not installed."""


def exposition(
    address: Address | URL | str,
    pulse: Pulse | None = None,
    say: Callable[[str], None] = lambda _why: None,
) -> str:
    """All metrics of a database as Prometheus' text; of the worker's own, where there is one.

    A database that cannot be read, or not within ``READ_SECONDS``, gives ``setu_up 0``, and no
    error: that is what an alert is for. ``say`` gets the reason.

    Raises :class:`MetricsMissingError`.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        raise MetricsMissingError(
            "Metrics need the package prometheus-client.", hint="Run pip install 'setu[metrics]'"
        ) from None
    registry = CollectorRegistry()
    registry.register(_Collected(list(_all(address, pulse, say))))
    return generate_latest(registry).decode()


class _Collected:
    """Metrics that were read already, in the shape of a collector."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        return self._found


def _all(
    address: Address | URL | str, pulse: Pulse | None, say: Callable[[str], None]
) -> Iterator[Metric]:
    started = time.monotonic()
    found: list[Metric] = []
    try:
        with connected(address, "metrics") as connection, _cancelled_after(connection):
            health = read_health(connection)
            found += _of_health(health)
            found += _of_pipelines(connection)
            found += _of_tables(connection)
        up = 1
    except (SetuError, DBAPIError) as error:
        found, up = [], 0
        say(str(error))
    yield _one("setu_up", "gauge", "0: the database could not be read", up)
    yield from found
    if pulse is not None:
        yield from _of_worker(pulse)
    yield _one(
        "setu_scrape_duration_seconds",
        "gauge",
        "How long it took to read these metrics",
        time.monotonic() - started,
    )


@contextmanager
def _cancelled_after(connection: Connection) -> Iterator[None]:
    """Cancel what still runs after ``READ_SECONDS``, which ends it with an error."""
    driver: Any = connection.connection.driver_connection
    done = threading.Event()

    def cancel() -> None:
        # Between two statements there is nothing to cancel: then the next one is.
        wait = READ_SECONDS
        while not done.wait(wait):
            driver.cancel()
            wait = 0.2

    thread = threading.Thread(target=cancel, name="deadline of metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _of_health(health: Health) -> Iterator[Metric]:
    yield _one(
        "setu_healthy", "gauge", "1: each condition of setu status holds", int(health.healthy)
    )
    yield _many(
        "setu_condition_holds",
        "gauge",
        "1: a condition of setu status holds; missing where it could not be checked",
        ("condition",),
        (((c.name,), int(c.holds)) for c in health.conditions if c.holds is not None),
    )
    for name, what, of in (
        ("setu_rejected_rows", "Rejected rows that wait", "waiting"),
        ("setu_rejected_rows_resent", "Rejected rows that were sent again", "resent"),
    ):
        yield _many(
            name,
            "gauge",
            what,
            ("pipeline", "reason"),
            (((r.pipeline, r.reason), getattr(r, of)) for r in health.rejects),
        )
    yield _many(
        "setu_kafka_stored_offset",
        "gauge",
        "The last stored offset of a partition; a sink resumes after it",
        ("table", "partition"),
        (
            ((o.table, str(o.partition)), o.offset)
            for o in health.offsets
            if o.partition is not None and o.offset is not None
        ),
    )


def _of_pipelines(connection: Connection) -> Iterator[Metric]:
    rows = _rows(connection, _PIPELINES)
    for place, (name, kind, what) in enumerate(_OF_PIPELINES, start=1):
        yield _many(
            name,
            kind,
            what,
            ("pipeline",),
            (((row[0],), row[place]) for row in rows if row[place] is not None),
        )


def _of_tables(connection: Connection) -> Iterator[Metric]:
    community = _rows(connection, _COMMUNITY)[0][0]
    rows = _rows(connection, _CHUNKS)
    yield _many(
        "setu_chunks",
        "gauge",
        "Chunks of a table",
        ("schema", "table", "compressed"),
        (
            ((row[0], row[1], compressed), row[place])
            for row in rows
            for compressed, place in (("true", 2), ("false", 3))
        ),
    )
    yield _many(
        "setu_table_bytes",
        "gauge",
        "Size of a table with its indexes and its compressed part",
        ("schema", "table"),
        (((row[0], row[1]), row[4]) for row in rows),
    )
    if not community:
        return
    ratios = _rows(connection, _RATIOS)
    for name, what, place in (
        ("setu_column_store_bytes_before", "Size of compressed chunks before", 2),
        ("setu_column_store_bytes_after", "Size of compressed chunks now", 3),
    ):
        yield _many(
            name, "gauge", what, ("schema", "table"), (((r[0], r[1]), r[place]) for r in ratios)
        )
    jobs = _rows(connection, _JOBS)
    labels = ("job_id", "procedure", "table")
    for name, kind, what, place in (
        ("setu_job_scheduled", "gauge", "1: the job is on the schedule", 3),
        ("setu_job_next_start_timestamp_seconds", "gauge", "When the job starts next", 4),
        ("setu_job_last_run_succeeded", "gauge", "0: the job's last run failed", 5),
        ("setu_job_runs", "counter", "Runs of the job", 6),
        ("setu_job_failures", "counter", "Failed runs of the job", 7),
    ):
        yield _many(
            name, kind, what, labels, ((r[:3], r[place]) for r in jobs if r[place] is not None)
        )


def _of_worker(pulse: Pulse) -> Iterator[Metric]:
    now = time.monotonic()
    yield _one("setu_worker_rounds", "counter", "Rounds that came to their end", pulse.rounds)
    yield _one(
        "setu_worker_in_trouble", "gauge", "1: the last round failed in part", bool(pulse.trouble)
    )
    yield _one(
        "setu_worker_silent_seconds", "gauge", "Since it last began or ended a call",
        now - pulse.beat,
    )  # fmt: skip
    if pulse.round_ended is not None:
        yield _one(
            "setu_worker_round_age_seconds", "gauge", "Since a round came to its end",
            now - pulse.round_ended,
        )  # fmt: skip


def _one(name: str, kind: str, what: str, value: float) -> Metric:
    return _many(name, kind, what, (), [((), value)])


def _many(name: str, kind: str, what: str, labels: Sequence[str], values: Any) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    made = family(name, what, labels=labels)
    for names, value in values:
        made.add_metric([str(label) for label in names], float(value))
    return made


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
    return [tuple(row) for row in result]
