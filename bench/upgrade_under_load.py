"""v1's sessions at work while the chain goes up: errors, longest waits, rows lost or doubled.

``DATABASE_URL=… python -m bench.upgrade_under_load 10 32``: ten runs of 32 sessions. Each run
takes a database of its own to 0109, past the swap; before them the same load has 30 s without an
upgrade. Exit code 1 when a session of v1 had an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.scratch import connect, console, scratch_database
from setu.simulate.fleet import last_midnight, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.concurrency.v1_sessions import Report, V1Sessions, lost_and_doubled, v1_at_work

FLEET = FleetSize(companies=1, plants=2, machines=20, days=60, cycles_per_machine_day=60)
ALONE_S = 30
ROOT = Path(__file__).resolve().parent.parent


def alembic(url: str, revision: str, *settings: str) -> float:
    """Go up to a revision in a process, with settings ``name=value``; seconds."""
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable, "-m", "alembic.config",
            *(f"-x{setting}" for setting in ("accept_known_bad_pair=yes", *settings)),
            "upgrade", revision,
        ],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The upgrade to {revision} failed:\n{done.stderr}")
    return time.monotonic() - started


@contextmanager
def load_on_v1(name: str, sessions: int) -> Iterator[tuple[str, V1Sessions]]:
    """The address of a database at 0001 with a fleet, and so many sessions at work on it."""
    with scratch_database(name) as url:
        alembic(url, "0001")
        with connect(url) as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=last_midnight())
            connection.commit()
        quarter = max(1, sessions // 4)
        with v1_at_work(
            url,
            ingest=quarter,
            batch=max(1, sessions // 16),
            crossing=max(1, sessions // 8),
            readers=quarter,
            others=max(3, sessions - 2 * quarter - sessions // 16 - sessions // 8),
        ) as at_work:
            time.sleep(2)
            yield url, at_work


def show(title: str, report: Report) -> None:
    """The report of a load below its title."""
    console.print(title)
    for line in report.lines():
        console.print("    " + line)


def one_run(number: int, sessions: int) -> Report:
    """One upgrade under the load of so many sessions."""
    with load_on_v1(f"load_{number}", sessions) as (url, at_work):
        took = alembic(url, "0106")
        swap = alembic(url, "0109")
        report = at_work.stop()
        lost, doubled = lost_and_doubled(url, report)
    show(
        f"run {number}: up to the swap {took:.0f} s, swap {swap:.1f} s, errors"
        f" {len(report.errors)}, rows lost {lost}, doubled {doubled}",
        report,
    )
    if lost or doubled:
        report.errors.append(f"{lost} rows lost, {doubled} doubled")
    return report


def without_upgrade(sessions: int) -> None:
    """The same load while nothing is deployed: how long its statements take by themselves."""
    with load_on_v1("load_alone", sessions) as (_, at_work):
        time.sleep(ALONE_S)
        show(f"no upgrade, {ALONE_S} s:", at_work.stop())


def main() -> int:
    """So many runs of so many sessions."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    sessions = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    without_upgrade(sessions)
    reports = [one_run(number, sessions) for number in range(1, runs + 1)]
    return 1 if any(report.errors for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
