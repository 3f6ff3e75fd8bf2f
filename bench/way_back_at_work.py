"""The way back while v2 is at work, over and over, and with kills in every step.

``rounds``: head to 0001 under readers of gold, loads, people who write SQL and sinks, up again
without them, three times by default. Prints errors by side, the longest wait by kind, and rows
that are missing or double. ``jobs``: the same while the server's scheduler runs v2's jobs.
``kills``: the same way back, killed in each step at a random moment until it is through; the
fingerprints of v1 must be those of an undisturbed way back.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

from bench.scratch import (
    connect,
    console,
    downgrade,
    run,
    say_where,
    scratch_database,
    upgrade,
)
from setu.chain.repository import repository_root, steps_to
from setu.simulate.fleet import last_midnight, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.concurrency.at_work import AtWork, lost_and_doubled_in_v1

FLEET = FleetSize(companies=2, plants=2, machines=10, days=40, cycles_per_machine_day=40)
KINDS = ("reader", "person", "sink", "load", "master")
WARM_UP_S = 5.0
#: Each job has run in that time.
JOBS_S = 90.0


def go_back(url: str, *settings: str) -> tuple[Counter[str], dict[str, float]]:
    """Go down to 0001: how often each step was tried again, and the seconds of each.

    In a process of its own: the notices of a deploy take a callback of the driver, which holds for
    every connection of its process.
    """
    done = subprocess.run(
        [
            sys.executable, "-m", "alembic.config",
            *(word for one in ("accept_known_bad_pair=yes", *settings) for word in ("-x", one)),
            "downgrade", "0001",
        ],
        cwd=repository_root(),
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(repository_root())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The downgrade failed:\n{done.stderr}")
    tries = Counter(re.findall(r"\b(\d{4}) \S+ attempt ", done.stderr))
    took = re.findall(r"\b(\d{4}) \S+ done in ([\d.]+) s", done.stderr)
    return tries, {revision: float(seconds) for revision, seconds in took}


def prepare(url: str, *, jobs: bool = False) -> None:
    """v1 with a fleet."""
    upgrade(url, "0001")
    with connect(url) as connection:
        if not jobs:
            run(connection, "SELECT _timescaledb_functions.stop_background_workers()")
        connection.autocommit = False
        make_fleet(connection, FLEET, until=last_midnight() - timedelta(days=1))
        connection.commit()


#: Of the loads that ran as jobs: how many, and how many failed.
JOB_RUNS = "SELECT count(*), count(*) FILTER (WHERE r.status = 'failed') FROM _etl.job_runs AS r"


def rounds(times: int, *, jobs: bool = False) -> None:
    """Round trips with v2 at work on each way back; with its jobs, where asked."""
    with scratch_database("at_work") as url:
        prepare(url, jobs=jobs)
        for number in range(1, times + 1):
            upgrade(url, "head")
            work = AtWork(url, first=number * 1_000_000)
            work.start()
            time.sleep(JOBS_S if jobs else WARM_UP_S)
            if jobs:
                with connect(url) as connection:
                    [(ran, failed)] = run(connection, JOB_RUNS)
                console.print(f"  jobs: {ran} runs, {failed} errors")
            started = time.monotonic()
            tries, steps = go_back(url)
            took = time.monotonic() - started
            time.sleep(WARM_UP_S)
            work.stop()
            console.print(
                f"round {number}: {took:.1f} s, tried again: {dict(tries) or 'nothing'}, "
                f"swap back {steps['0107']:.1f} s"
            )
            for kind in KINDS:
                seen = work.total(kind)
                console.print(
                    f"  {kind}: {seen.statements} statements, {sum(seen.errors.values())} errors, "
                    f"longest {seen.longest:.2f} s {dict(seen.errors) or ''} {seen.end}"
                )
            confirmed, missing, double = lost_and_doubled_in_v1(url, work)
            console.print(f"  {confirmed} rows confirmed: {missing} missing in v1, {double} double")
            if missing or double or any(work.total(kind).errors for kind in KINDS):
                raise SystemExit("The way back is not as it should be.")


def kills() -> None:
    """The way back, killed in each of its steps, against one that is left alone."""
    chain = [step.revision for step in steps_to(repository_root())][1:]
    prints: dict[bool, list[tuple[object, ...]]] = {}
    for disturbed in (False, True):
        with scratch_database("kills") as url:
            prepare(url)
            upgrade(url, "head")
            with connect(url) as connection:
                run(
                    connection,
                    "INSERT INTO silver.machine_cycles (logical_date, company_iot_id,"
                    " machine_iot_id, shift_id, cycle_start, program_no, created_at)"
                    " SELECT '2026-01-01', company_iot_id, iot_id, 1,"
                    " '2026-01-01'::timestamptz + n * interval '1 minute', 'killed', now()"
                    " FROM master.machine_info CROSS JOIN generate_series(1, 5000) AS n",
                )
            killed = 0
            for revision in reversed([chain[0], *chain[:-1]]) if disturbed else ():
                killed += _kill_in_step(url, revision)
            downgrade(url, "0001")
            with connect(url) as connection:
                prints[disturbed] = run(
                    connection,
                    "SELECT count(*), count(DISTINCT (machine_id, cycle_start)),"
                    " md5(string_agg(md5(c::text), '' ORDER BY c::text))"
                    " FROM (SELECT cycle_start, cycle_end, machine_id, program_no"
                    " FROM silver.machine_cycles) AS c",
                )
            if disturbed:
                console.print(f"{killed} kills in {len(chain)} steps")
    if prints[False] != prints[True]:
        raise SystemExit(f"Kills leave something else: {prints}")
    console.print(f"v1 is the same: {prints[True][0][0]} cycles")


def _kill_in_step(url: str, revision: str) -> int:
    """Start a downgrade to a revision and kill it, or its backend, at a random moment."""
    process = subprocess.Popen(
        [
            sys.executable,
            *["-m", "alembic.config", "-x", "accept_known_bad_pair=yes", "downgrade"],
            revision,
        ],
        cwd=repository_root(),
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(repository_root())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with connect(url) as connection:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            if run(
                connection,
                "SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'setu%' AND state <> 'idle'",
            ):
                time.sleep(random.uniform(0.0, 0.4))
                break
            time.sleep(0.02)
        if process.poll() is None:
            if random.random() < 0.5:
                process.send_signal(signal.SIGKILL)
            else:
                run(
                    connection,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name LIKE 'setu%'",
                )
            process.wait(60)
            return 1
    return 0


def main(*parts: str) -> None:
    """Run the parts named, all by default."""
    with scratch_database("where") as url, connect(url) as connection:
        say_where(connection)
    if not parts or "rounds" in parts:
        rounds(3)
    if not parts or "jobs" in parts:
        rounds(3, jobs=True)
    if not parts or "kills" in parts:
        kills()


if __name__ == "__main__":
    main(*sys.argv[1:])
