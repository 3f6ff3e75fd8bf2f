"""``setu worker`` in trouble: a pipeline fails, a backlog lasts, a signal comes meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from setu.ops.schedule import Schedule
from setu.ops.worker import ServerAwayError, Worker
from tests.chain import Chain, chain_on
from tests.fresh_v2 import add_company, add_machine, add_plant, apply_v2
from tests.servers.at_hand import Server
from tests.v1 import ROOT

SLICE = 0.3
# Each batch is a transaction of some milliseconds, so that a backlog lasts several slices.
BATCH = 5
BACKLOG = 3000
ALL_LOADED = (
    "SELECT (SELECT count(*) FROM bronze.raw_machine_cycles)"
    " = (SELECT count(*) FROM silver.machine_cycles)"
)
TABLES = {"machine_cycles": "cycle_start", "machine_status": "event_time"}


@pytest.fixture(scope="module")
def v2(server: Server) -> Iterator[Chain]:
    """A database at v2 with one machine; no job runs a pipeline, and all rows sent are good."""
    with chain_on(server) as chain:
        with chain.session() as connection:
            connection.autocommit = False
            apply_v2(connection, "community" if chain.community else "apache")
            company = add_company(connection, "C")
            add_machine(connection, company, "M", add_plant(connection, company, "P", "UTC"))
            with connection.cursor() as cursor:
                if chain.community:
                    cursor.execute(
                        "SELECT alter_job(job_id, scheduled => false)"
                        " FROM timescaledb_information.jobs WHERE proc_schema = '_etl'"
                    )
                cursor.execute("UPDATE _etl.watermarks SET batch_size = %s", (BATCH,))
            connection.commit()
        yield chain


def send(chain: Chain, rows: int, pipeline: str = "machine_cycles") -> None:
    """Rows of new times, one a minute, for bronze."""
    time_column = TABLES[pipeline]
    chain.run(
        f"INSERT INTO bronze.raw_{pipeline} (device_id, machine_iot_id, {time_column})"
        " SELECT coalesce(d.device_id, 'GW'), m.iot_id,"
        " coalesce(last.time, now() - INTERVAL '20 days')"
        f"     + n * INTERVAL '1 minute'"
        f" FROM master.machine_info AS m"
        f" LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id"
        f" CROSS JOIN (SELECT max({time_column}) AS time FROM bronze.raw_{pipeline}) AS last"
        f" CROSS JOIN generate_series(1, {rows}) AS n"
    )


def check_consistent(chain: Chain, *, all_of_it: bool, pipeline: str = "machine_cycles") -> None:
    """Bronze up to the watermark is what silver holds and what the run log has counted, once."""
    [(mark, bronze, due, silver, counted)] = chain.query(
        f"SELECT w.last_processed_id, (SELECT count(*) FROM bronze.raw_{pipeline}),"
        f" (SELECT count(*) FROM bronze.raw_{pipeline} AS b WHERE b.id <= w.last_processed_id),"
        f" (SELECT count(*) FROM silver.{pipeline}),"
        f" (SELECT coalesce(sum(r.rows_read), 0)::bigint FROM _etl.job_runs AS r"
        f"     WHERE r.pipeline = w.pipeline)"
        f" FROM _etl.watermarks AS w WHERE w.pipeline = %s",
        pipeline,
    )
    assert silver == due == counted, f"watermark {mark}"
    assert (bronze == silver) == all_of_it


def worker(
    chain: Chain, say: Callable[[str], None], stop: threading.Event | None = None, **schedule: Any
) -> Worker:
    schedule.setdefault("verbose", True)
    url = make_url(chain.url).set(drivername="postgresql+psycopg2")
    return Worker(url, Schedule(**schedule), say, stop or threading.Event())


def asking(chain: Chain, **settings: str) -> Chain:
    """The same database with settings in its address."""
    url = make_url(chain.url).update_query_dict(settings)
    return Chain(url.render_as_string(hide_password=False), ())


@contextmanager
def replaced(chain: Chain, procedure: str, body: str) -> Iterator[None]:
    """A procedure of ``_etl`` that does something else meanwhile."""
    name = f"_etl.{procedure}(integer, jsonb)"
    definition = chain.value("SELECT pg_get_functiondef(%s::regprocedure)", name)
    chain.run(
        f"CREATE OR REPLACE PROCEDURE _etl.{procedure}(job_id integer, config jsonb)"
        f" LANGUAGE plpgsql AS $$BEGIN {body} END$$"
    )
    try:
        yield
    finally:
        chain.run(definition)


@pytest.mark.parametrize("code", ["57014", "55P03", "40P01", "53200", "22012"])
@pytest.mark.parametrize(
    ("procedure", "what"),
    [("sp_load_machine_alarms", "machine_alarms"), ("sp_retain_bronze", "retention")],
)
def test_what_fails_is_reported_and_the_others_go_on(
    v2: Chain, procedure: str, what: str, code: str
) -> None:
    send(v2, BATCH)
    lines: list[str] = []
    with replaced(v2, procedure, f"RAISE EXCEPTION 'by intent' USING ERRCODE = '{code}';"):
        worker(v2, lines.append).round()
    assert f"{what}: failed: by intent" in lines
    assert [line for line in lines if line.startswith(f"machine_cycles: read {BATCH},")]
    assert [line for line in lines if line.startswith("machine_tool_usage: read 0,")]
    check_consistent(v2, all_of_it=True)


@pytest.mark.requires("multi_session")
def test_pipelines_that_cannot_be_listed_do_not_end_the_worker(v2: Chain) -> None:
    lines: list[str] = []
    impatient = worker(asking(v2, options="-c lock_timeout=50ms"), lines.append)
    with v2.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE _etl.watermarks IN ACCESS EXCLUSIVE MODE")
        impatient.round()
    assert lines[0] == "list of pipelines: failed: canceling statement due to lock timeout"


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("revision", ["0001", "0301"])
def test_before_the_head_it_says_once_that_there_are_no_pipelines(
    server: Server, revision: str
) -> None:
    lines: list[str] = []
    with chain_on(server) as chain:
        chain.upgrade(revision)
        early = worker(chain, lines.append, verbose=False)
        early.round()
        early.round()
    assert lines == ["database: has no pipelines; it needs alembic upgrade head"]
    assert early.pulse.trouble == "this database has no pipelines"


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("procedure", ["sp_load_machine_alarms", "sp_retain_bronze"])
def test_a_connection_that_closes_means_that_the_server_is_away(v2: Chain, procedure: str) -> None:
    lines: list[str] = []
    with (
        replaced(v2, procedure, "PERFORM pg_terminate_backend(pg_backend_pid());"),
        pytest.raises(ServerAwayError),
    ):
        worker(v2, lines.append).round()
    assert not [line for line in lines if "failed" in line]


def test_a_backlog_takes_turns_with_the_other_pipelines(v2: Chain) -> None:
    send(v2, BACKLOG // 3, "machine_cycles")
    send(v2, BACKLOG // 3, "machine_status")
    lines: list[str] = []
    worker(v2, lines.append, slice_seconds=0.1).round()
    reads = [line.split(":")[0] for line in lines if ": read " in line]
    cycles = [place for place, name in enumerate(reads) if name == "machine_cycles"]
    status = [place for place, name in enumerate(reads) if name == "machine_status"]
    assert len(cycles) > 2, "the backlog did not last"
    assert len(status) > 2, "the backlog did not last"
    assert cycles[0] < status[0] < cycles[1] < status[1]
    assert reads.count("machine_alarms") == 1, "it had caught up at once"
    check_consistent(v2, all_of_it=True)
    check_consistent(v2, all_of_it=True, pipeline="machine_status")


def test_who_has_caught_up_is_due_each_interval_while_a_backlog_lasts(v2: Chain) -> None:
    send(v2, BACKLOG // 3)
    lines: list[str] = []
    worker(v2, lines.append, slice_seconds=0.1, interval=0.2).round()
    reads = [line.split(":")[0] for line in lines if ": read " in line]
    assert reads.count("machine_cycles") > 2, "the backlog did not last"
    assert reads.count("machine_alarms") > 1
    assert len([line for line in lines if line.startswith("retention: done")]) == 1


def test_a_slice_that_was_slow_to_begin_is_not_taken_for_the_end_of_a_backlog(v2: Chain) -> None:
    send(v2, BACKLOG // 3)
    v2.run(
        "CREATE FUNCTION public.begin_late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " PERFORM pg_sleep(0.05); NEW.started_at := clock_timestamp(); RETURN NEW; END$$",
        "CREATE TRIGGER begin_late BEFORE INSERT ON _etl.job_runs"
        " FOR EACH ROW EXECUTE FUNCTION public.begin_late()",
    )
    lines: list[str] = []
    try:
        worker(v2, lines.append, slice_seconds=0.1).round()
    finally:
        v2.run("DROP FUNCTION public.begin_late() CASCADE")
    assert len([line for line in lines if line.startswith("machine_cycles: read")]) > 2
    check_consistent(v2, all_of_it=True)


@contextmanager
def started(chain: Chain, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``setu worker`` as a process; killed at the end, and after a minute, if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "setu.cli.main", "worker", "--verbose", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": chain.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()


@contextmanager
def held_up(chain: Chain, process: subprocess.Popen[str]) -> Iterator[str]:
    """What the process says until its call of the load of cycles waits for a lock, held here."""
    with chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE silver.machine_cycles IN ACCESS EXCLUSIVE MODE")
        send(chain, BATCH)
        seen = read_until(process, "machine_am_status: read")
        wait_for(
            chain,
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND relation = 'silver.machine_cycles'::regclass",
            1,
        )
        yield seen


def read_until(process: subprocess.Popen[str], *texts: str) -> str:
    """The output up to a line that has one of the texts."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if any(text in line for text in texts):
            return seen
    raise AssertionError(f"the worker ended without {texts}:\n{seen}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_backlog_loses_nothing(
    v2: Chain, number: signal.Signals
) -> None:
    send(v2, BACKLOG)
    before = v2.value("SELECT count(*) FROM silver.machine_cycles")
    with started(v2, "--slice", str(SLICE), "--no-retention") as first:
        seen = read_until(first, "machine_cycles: read")
        first.send_signal(number)
        rest, _ = first.communicate()
    assert first.returncode == 0, seen + rest
    assert f"{number.name}: stopping when the running call returns, within about 0.3 s" in rest
    assert rest.rstrip().endswith("stopped")
    assert v2.query("SELECT * FROM _etl.job_runs WHERE status <> 'succeeded'") == []
    after = v2.value("SELECT count(*) FROM silver.machine_cycles")
    assert before < after < before + BACKLOG, "the signal did not come in the middle"
    check_consistent(v2, all_of_it=False)

    lines: list[str] = []
    worker(v2, lines.append, retention=False).round()
    check_consistent(v2, all_of_it=True)
    assert v2.query("SELECT * FROM _etl.job_runs WHERE status <> 'succeeded'") == []


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_while_a_call_runs(v2: Chain, number: signal.Signals) -> None:
    with started(v2) as process:
        with held_up(v2, process) as seen:
            process.send_signal(number)
            seen += read_until(process, "stopping when the running call returns, within about 5 s")
        rest, _ = process.communicate()
    assert process.returncode == 0, seen + rest
    assert f"machine_cycles: read {BATCH}," in rest
    assert "machine_downtime" not in rest
    check_consistent(v2, all_of_it=True)


@pytest.mark.requires("multi_session")
def test_a_second_signal_ends_the_worker_though_a_call_hangs(v2: Chain) -> None:
    with started(v2) as process, held_up(v2, process):
        process.send_signal(signal.SIGTERM)
        read_until(process, "SIGTERM: stopping")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) > 0
    # The server finishes the call by itself. Its line of the log is seen with its first commit.
    wait_for(v2, ALL_LOADED, True)
    wait_for(v2, "SELECT count(*) FROM _etl.job_runs WHERE status = 'running'", 0)
    check_consistent(v2, all_of_it=True)


def wait_for(chain: Chain, query: str, value: object) -> None:
    """Poll until a query has that value."""
    deadline = time.monotonic() + 60
    while chain.value(query) != value:
        assert time.monotonic() < deadline, query
        time.sleep(0.05)


def test_a_worker_notices_a_network_that_died(v2: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, int] = {}
    lines: list[str] = []
    connect = psycopg2.connect

    def look(*arguments: Any, **settings: Any) -> Any:
        connection = connect(*arguments, **settings)
        with socket.socket(fileno=os.dup(connection.fileno())) as wire:
            if wire.family == socket.AF_UNIX:
                pytest.skip("the server is not reached over TCP")
            found["on"] = wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT"):
                found[name] = wire.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"))
        return connection

    monkeypatch.setattr("setu.ops.worker.psycopg2.connect", look)
    worker(v2, lines.append).round()
    assert found == {
        "on": 1, "KEEPIDLE": 30, "KEEPINTVL": 10, "KEEPCNT": 3, "USER_TIMEOUT": 60_000,
    }  # fmt: skip
    worker(asking(v2, keepalives_idle="7"), lines.append).round()
    assert found["KEEPIDLE"] == 7, "the address has the last word"


@pytest.mark.requires("multi_session")
def test_two_workers_share_a_backlog_and_load_each_row_once(v2: Chain) -> None:
    before = v2.value("SELECT coalesce(max(run_id), 0) FROM _etl.job_runs")
    send(v2, BACKLOG // 2)
    lines: list[str] = []
    stops = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(
            target=worker(
                v2, lines.append, stop, slice_seconds=0.1, interval=0.01, retention=False
            ).run,
            daemon=True,
        )
        for stop in stops
    ]
    for thread in threads:
        thread.start()
    wait_for(v2, ALL_LOADED, True)
    for stop in stops:
        stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert "machine_cycles: another session runs it" in lines, "they never met"
    check_consistent(v2, all_of_it=True)
    runs = v2.query(
        "SELECT r.from_id, r.to_id, r.backend_pid FROM _etl.job_runs AS r"
        " WHERE r.pipeline = 'machine_cycles' AND r.rows_read > 0 AND r.run_id > %s"
        " ORDER BY r.run_id",
        before,
    )
    assert len({pid for _, _, pid in runs}) > 1, "one session did it all"
    # By ids, not by the clock: a run that another one takes over from ends some microseconds
    # after its last commit.
    for (_, to_id, _), (from_id, _, _) in pairwise(runs):
        assert to_id == from_id
