"""Jobs of v2 rest while steps run, both ways: a load at work would hold the locks that they want.

They are paused before the first step that finds them; those that a step makes, in its transaction,
or before the next step where it has none. One that is at work is paused when it has ended. All of
them resume when the run ends, well or not. What a killed run has paused is noted in the database,
and resumes at the end of the next one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg2
from alembic.runtime.migration import MigrationContext

from setu.chain.settings import Settings
from setu.db.acting_role import resume_owner
from setu.db.version_table import SCHEMA

log = logging.getLogger("setu.chain.runner")

TABLE: Final = f"{SCHEMA}.paused_jobs"
#: Jobs of archived tables: they rest until their table is restored, and then are as noted there.
ARCHIVED: Final = "_archive.paused_jobs"
POLL_S: Final = 0.2
#: A job that is at work ends a while after it was to stop.
GRACE_S: Final = 10.0

_V2_IS_LIVE: Final = (
    "SELECT pg_catalog.to_regclass('master.device_info') IS NOT NULL"
    " AND pg_catalog.to_regclass('timescaledb_information.jobs') IS NOT NULL"
)
_TO_PAUSE: Final = """
SELECT j.job_id
FROM timescaledb_information.jobs AS j
WHERE j.scheduled AND (
    j.proc_schema IN ('_etl', 'gold', 'master', 'alerting')
    OR j.hypertable_schema IN ('bronze', 'silver', 'gold')
    OR (j.hypertable_schema, j.hypertable_name) IN (
        SELECT c.materialization_hypertable_schema, c.materialization_hypertable_name
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = 'gold'
    )
)
ORDER BY j.job_id"""
_ALTER: Final = """
SELECT pg_catalog.format('SELECT %%I.alter_job(job_id => %%s, scheduled => %%L)',
    n.nspname, %s::integer, %s::boolean)
FROM pg_catalog.pg_extension AS e
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'timescaledb'"""
_AT_WORK: Final = """
SELECT w.job_id, w.application_name
FROM (
    SELECT pg_catalog.substring(a.application_name, '\\[(\\d+)\\]$')::integer AS job_id,
        a.application_name
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = pg_catalog.current_database() AND a.state <> 'idle'
) AS w
WHERE w.job_id = ANY (%s)"""


def paused_jobs_sql() -> str:
    """A statement that makes the table of what is paused, where it is missing."""
    return f"""DO $setu$
BEGIN
    IF pg_catalog.to_regclass('{TABLE}') IS NULL THEN
        CREATE TABLE {TABLE} (job_id integer PRIMARY KEY);
        COMMENT ON TABLE {TABLE} IS 'Jobs that rest until a run ends';
    END IF;
END
$setu$;"""


def rest_new_jobs_sql() -> str:
    """A statement that ends a step's transaction: what jobs it has made are at rest from the start.

    A job that is taken off the schedule later may be at work by then. TimescaleDB cancels it, and
    counts a run that failed.
    """
    return f"""DO $setu$
DECLARE
    v_job record;
BEGIN
    IF pg_catalog.to_regclass('{TABLE}') IS NULL
        OR pg_catalog.to_regclass('master.device_info') IS NULL
        OR pg_catalog.to_regclass('timescaledb_information.jobs') IS NULL
    THEN
        RETURN;
    END IF;
    FOR v_job IN
        SELECT t.job_id, n.nspname
        FROM ({_TO_PAUSE}) AS t
        CROSS JOIN pg_catalog.pg_extension AS e
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb'
            AND t.job_id NOT IN (SELECT p.job_id FROM {TABLE} AS p)
    LOOP
        INSERT INTO {TABLE} VALUES (v_job.job_id);
        BEGIN
            PERFORM pg_catalog.set_config('role', coalesce(
                nullif(pg_catalog.current_setting('setu.deployer', true), ''), 'none'), true);
            EXECUTE pg_catalog.format('SELECT %I.alter_job(job_id => %s, scheduled => false)',
                v_job.nspname, v_job.job_id);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'job % goes on: %', v_job.job_id, SQLERRM;
        END;
        PERFORM pg_catalog.set_config('role', coalesce(
            nullif(pg_catalog.current_setting('setu.owner', true), ''), 'none'), true);
    END LOOP;
END
$setu$;"""


def pause_jobs(
    context: MigrationContext, settings: Settings, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Take v2's jobs off the schedule, each when it is not at work.

    TimescaleDB cancels a job that is taken off while it works, and counts a run that failed.
    That happens only to a job that exceeds the longest time it may run.

    :param context: Alembic's; a transaction that it has open is committed if there are any.
    """
    assert context.connection is not None
    driver: Any = context.connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        cursor.execute(_V2_IS_LIVE)
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_TO_PAUSE)
        jobs = [job for (job,) in cursor.fetchall()]
    if not jobs:
        return
    with context.autocommit_block(), driver.cursor() as cursor:
        for job in jobs:
            # Noted first: a job that is noted and not paused does no harm.
            cursor.execute(f"INSERT INTO {TABLE} VALUES (%s) ON CONFLICT DO NOTHING", (job,))
        _pause_when_idle(driver, jobs, settings.seconds("job_max_runtime") + GRACE_S, sleep)


def _pause_when_idle(
    driver: Any, jobs: list[int], longest_s: float, sleep: Callable[[float], None]
) -> None:
    waited, told, left = 0.0, False, jobs
    while True:
        at_work = _at_work(driver, left)
        in_time = waited < longest_s
        _schedule(driver, [j for j in left if j not in at_work or not in_time], scheduled=False)
        # What began in between is waited for as well.
        left, at_work = list(at_work), _at_work(driver, jobs)
        if not at_work or not in_time:
            return
        if not told:
            log.info("waiting for jobs that are at work: %s", ", ".join(at_work.values()))
            told = True
        sleep(POLL_S)
        waited += POLL_S


def _at_work(driver: Any, jobs: list[int]) -> dict[int, str]:
    """Those of the jobs that run now, and what their sessions are called."""
    with driver.cursor() as cursor:
        cursor.execute(_AT_WORK, (jobs,))
        return dict(cursor.fetchall())


def resume_jobs(driver: Any) -> None:
    """Put all that was paused back on the schedule, in a connection outside a transaction."""
    with driver.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_catalog.to_regclass('{TABLE}') IS NOT NULL"
            " AND pg_catalog.to_regclass('timescaledb_information.jobs') IS NOT NULL"
        )
        if not cursor.fetchone()[0]:
            return
        cursor.execute("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (ARCHIVED,))
        if cursor.fetchone()[0]:
            # A step that archives a table finds its jobs paused already.
            cursor.execute(
                f"WITH archived AS (UPDATE {ARCHIVED} AS a SET scheduled = true FROM {TABLE} AS p"
                " WHERE p.job_id = a.job_id RETURNING a.job_id)"
                f" DELETE FROM {TABLE} AS p USING archived AS a WHERE a.job_id = p.job_id"
            )
        cursor.execute(
            "SELECT j.job_id FROM timescaledb_information.jobs AS j"
            f" INNER JOIN {TABLE} AS p ON p.job_id = j.job_id ORDER BY j.job_id"
        )
        _schedule(driver, [job for (job,) in cursor.fetchall()], scheduled=True)
        cursor.execute(f"DELETE FROM {TABLE}")


def _schedule(driver: Any, jobs: list[int], *, scheduled: bool) -> None:
    """As the role that deploys: it may alter the jobs of each role that it is a member of."""
    with driver.cursor() as cursor:
        cursor.execute("RESET ROLE")
        try:
            for job in jobs:
                cursor.execute(_ALTER, (job, scheduled))
                statement = cursor.fetchone()[0]
                try:
                    cursor.execute(statement)
                except psycopg2.errors.InsufficientPrivilege as error:
                    log.warning("job %d goes on: %s", job, str(error).strip().split("\n")[0])
        finally:
            if not driver.closed:
                resume_owner(driver)
