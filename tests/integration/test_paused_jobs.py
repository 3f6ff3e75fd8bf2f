"""Jobs of v2 rest while steps run, and are back on the schedule when the run has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from alembic.runtime.migration import MigrationContext

from setu.chain import runner
from setu.chain.paused_jobs import pause_jobs
from setu.errors import LockTimeoutError
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

pytestmark = pytest.mark.requires("community", "multi_session")
LOADS = (
    "SELECT count(*) FILTER (WHERE j.scheduled) FROM timescaledb_information.jobs AS j"
    " WHERE j.proc_schema = '_etl'"
)
SCHEDULED = (
    "SELECT count(*) FILTER (WHERE j.scheduled) FROM timescaledb_information.jobs AS j"
    " WHERE j.job_id >= 1000"
)
PAUSED = "SELECT count(*) FROM _setu.paused_jobs"
#: 0503's downgrade wants it.
HELD = "SELECT count(*) FROM _etl.v_last_retention"
#: Writes down at each view that a step makes how many loads are scheduled then.
LOOK = (
    "CREATE TABLE public.seen (scheduled bigint)",
    "CREATE FUNCTION public.look() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN"
    f" INSERT INTO public.seen {LOADS}; END$$",
    "CREATE EVENT TRIGGER look ON ddl_command_end WHEN tag IN ('CREATE VIEW')"
    " EXECUTE FUNCTION public.look()",
)


@pytest.fixture
def head(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.upgrade()
        yield chain


def start(chain: Chain, *words: str) -> subprocess.Popen[str]:
    x = [word for setting in chain.x for word in ("-x", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "alembic.config", *x, *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": chain.url, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def session(chain: Chain, name: str, statement: str) -> Iterator[None]:
    connection = psycopg2.connect(chain.url, application_name=name)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield
    finally:
        connection.close()


def wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_load_is_scheduled_while_a_step_runs_and_all_are_afterwards(head: Chain) -> None:
    scheduled = head.value(LOADS)
    assert scheduled > 10
    with session(head, "somebody", HELD):
        process = start(head, "downgrade", "0502")
        try:
            wait(lambda: head.value(PAUSED) > 0 and head.value(LOADS) == 0)
        except BaseException:
            process.kill()
            raise
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    # The one that drops bronze's chunks went with 0503.
    assert head.value(LOADS) == scheduled - 1
    assert head.value(PAUSED) == 0


def test_jobs_that_a_step_makes_wait_for_the_end_of_the_run(head: Chain) -> None:
    scheduled = head.value(LOADS)
    head.downgrade("0403")
    assert head.value(LOADS) == 0
    head.run(*LOOK)
    head.upgrade()
    assert head.query("SELECT DISTINCT scheduled FROM public.seen") == [(0,)]
    assert head.value(LOADS) == scheduled
    assert head.value(PAUSED) == 0


def test_a_job_that_a_step_makes_is_at_rest_when_the_step_commits(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def look(context: MigrationContext, *given: Any, **named: Any) -> None:
        connection = context.connection
        assert connection is not None
        found.append(int(connection.exec_driver_sql(SCHEDULED).scalar_one()))
        pause_jobs(context, *given, **named)

    with chain_on(server) as chain:
        chain.upgrade("0104")
        monkeypatch.setattr(runner, "pause_jobs", look)
        chain.upgrade()
        # v1's own policies rest from the swap on.
        assert chain.value(SCHEDULED) > 20
    assert len(found) > 20
    assert found[-10:] == [0] * 10


def test_jobs_resume_after_a_run_that_fails(head: Chain) -> None:
    scheduled = head.value(LOADS)
    with session(head, "somebody", HELD), pytest.raises(LockTimeoutError):
        head.downgrade("0502", "lock_attempts=1", "lock_timeout=50ms")
    assert head.revision() == "0503"
    assert head.value(LOADS) == scheduled
    assert head.value(PAUSED) == 0


def test_what_a_killed_run_has_paused_resumes_with_the_next(head: Chain) -> None:
    scheduled = head.value(LOADS)
    with session(head, "somebody", HELD):
        process = start(head, "downgrade", "0502")
        wait(lambda: head.value(PAUSED) > 0 and head.value(LOADS) == 0)
        process.kill()
        process.communicate()
    assert head.revision() == "0503"
    assert head.value(LOADS) == 0
    head.downgrade("0502")
    head.upgrade()
    assert head.value(LOADS) == scheduled
    assert head.value(PAUSED) == 0


def test_a_job_that_is_at_work_is_waited_for(head: Chain) -> None:
    [(job,)] = head.query(
        "SELECT job_id FROM timescaledb_information.jobs"
        " WHERE proc_schema = '_etl' AND proc_name = 'sp_load_machine_cycles'"
    )
    process = None
    name = f"User-Defined Action [{job}]"
    with psycopg2.connect(head.url, application_name=name) as load, load.cursor() as cursor:
        cursor.execute(HELD)
        process = start(head, "-x", "lock_attempts=1", "downgrade", "0502")
        cursor.execute("SELECT pg_sleep(6)")
    load.close()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"waiting for jobs that are at work: {name}" in errors


@pytest.mark.requires("scheduler")
def test_a_job_that_is_at_work_ends_well(server: Server) -> None:
    with chain_on(server, scheduler=True) as chain:
        chain.upgrade("0001")
        chain.upgrade()
        chain.run(
            "CREATE PROCEDURE _etl.sp_rest(p_job integer, p_config jsonb) LANGUAGE plpgsql"
            " AS $$BEGIN PERFORM pg_sleep(5); END$$"
        )
        job = chain.value("SELECT add_job('_etl.sp_rest', INTERVAL '1 day')")
        wait(lambda: bool(chain.query(f"SELECT FROM pg_stat_activity WHERE {at_work(job)}")))
        chain.downgrade("0502")
        assert chain.query(
            "SELECT total_runs, total_successes, total_failures, last_run_status"
            f" FROM timescaledb_information.job_stats WHERE job_id = {job}"
        ) == [(1, 1, 0, "Success")]
        assert chain.value(
            f"SELECT scheduled FROM timescaledb_information.jobs WHERE job_id = {job}"
        )


def at_work(job: int) -> str:
    return f"datname = current_database() AND application_name LIKE '%[{job}]' AND state <> 'idle'"


def test_a_job_that_somebody_switched_off_stays_off(head: Chain) -> None:
    off = (
        "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'sp_load_machine_focas'"
    )
    job = head.value(off)
    head.run(f"SELECT alter_job({job}, scheduled => false)")
    scheduled = head.value(LOADS)
    head.downgrade("0502")
    assert head.value(LOADS) == scheduled - 1
    assert head.value(f"{off} AND NOT scheduled") == job
