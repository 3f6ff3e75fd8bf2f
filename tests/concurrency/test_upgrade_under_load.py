"""v1's sessions at work while the chain goes up to the swap and past it: a minute of it.

``bench/upgrade_under_load.py`` does the same with more sessions and several times.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg2
import pytest

from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.concurrency.v1_sessions import Report, lost_and_doubled, v1_at_work
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server
from tests.v1 import ROOT

pytestmark = pytest.mark.requires("multi_session")
FLEET = FleetSize(companies=1, plants=2, machines=4, days=10, cycles_per_machine_day=6)
PAST_THE_SWAP = "0109"
SESSIONS = (
    "SELECT a.pid, a.application_name, a.state, a.wait_event, pg_blocking_pids(a.pid)::text,"
    " now() - a.xact_start, left(a.query, 80) FROM pg_stat_activity AS a"
    " WHERE a.datname = current_database()"
)


@pytest.fixture
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        yield chain


def upgrade(chain: Chain, revision: str, *settings: str) -> subprocess.CompletedProcess[str]:
    """``alembic upgrade`` as a process: its way of waiting would be that of every thread here."""
    x = [word for setting in (*chain.x, *settings) for word in ("-x", setting)]
    try:
        return subprocess.run(
            [sys.executable, "-m", "alembic.config", *x, "upgrade", revision],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": chain.url, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode()[-3000:]
        sessions = "\n".join(map(str, chain.query(SESSIONS)))
        pytest.fail(f"it did not end:\n{said}\n{sessions}")


def test_v1_has_no_error_up_to_the_swap_and_v2_has_every_row_once(v1: Chain) -> None:
    with v1_at_work(v1.url, ingest=3, batch=1, crossing=2, readers=2, others=3) as sessions:
        done = upgrade(v1, PAST_THE_SWAP)
    report: Report = sessions.report
    assert done.returncode == 0, done.stderr[-2000:]
    assert report.errors == []
    assert report.changed
    assert report.deleted
    assert lost_and_doubled(v1.url, report) == (0, 0)


@pytest.mark.parametrize(
    ("attempt", "milliseconds"), [("", 500), ("1", 500), ("2", 500), ("3", 700), ("60", 700)]
)
def test_a_swap_that_short_waits_do_not_bring_its_locks_waits_as_long_as_it_may(
    v1: Chain, attempt: str, milliseconds: int
) -> None:
    assert upgrade(v1, "0101").returncode == 0
    wait = v1.value(
        f"SELECT set_config('setu.attempt', '{attempt}', false),"
        " set_config('lock_timeout', '700ms', false);"
        " SELECT extract(epoch FROM _archive.lock_deadline('0.5 s') - clock_timestamp()) * 1000"
    )
    assert milliseconds - 50 < wait <= milliseconds


def swap_that_waits(v1: Chain, then: Callable[[], None], *settings: str) -> tuple[int, str]:
    """Swap in a process, do something once it waits for a lock; its exit code and what it said."""
    x = [word for setting in (*v1.x, *settings) for word in ("-x", setting)]
    process = subprocess.Popen(
        [sys.executable, "-m", "alembic.config", *x, "upgrade", "0107"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": v1.url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name LIKE 'setu%' AND datname = current_database()"
        )
        for _ in range(600):
            if v1.value(waits):
                break
        else:
            pytest.fail("the swap never waited")
        then()
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, said


def test_a_swap_that_meets_a_ring_gives_way_and_v1_goes_on(v1: Chain) -> None:
    assert upgrade(v1, "0106").returncode == 0
    status = "INSERT INTO silver.machine_status (time, company_id, machine_id) VALUES"
    # It holds a lock on what the swap asks for last, and then wants what the swap has first.
    with psycopg2.connect(v1.url) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM master.companies")

        def close_the_ring() -> None:
            # The session that waits longest finds the ring; it must not cost v1 its transaction.
            cursor.execute(f"{status} (now(), 'COMP-01', 'CNC-00001')")
            cursor.execute("SELECT count(*) FROM gold.v_live_machine_status")
            holder.commit()

        code, said = swap_that_waits(v1, close_the_ring)
    assert code == 0, said[-2000:]
    assert v1.revision() == "0107"


# Of a row a second over sixteen hours, each so many-th of the first so many; whether the swap can
# look for them while v1's sessions wait, and how often it may be tried.
@pytest.mark.parametrize(
    ("each", "most", "at_once", "attempts"),
    [(1, 1500, True, 60), (200, 60_000, False, 60), (200, 60_000, False, 1)],
)
def test_what_one_statement_changes_as_the_swap_takes_its_locks_is_followed(
    v1: Chain, each: int, most: int, at_once: bool, attempts: int
) -> None:
    v1.run(
        "INSERT INTO silver.machine_cycles"
        " (cycle_start, company_id, machine_id, program_no, down_threshold)"
        f" SELECT '{LAST_MIDNIGHT}'::timestamptz - interval '1 day' + n * interval '1 s',"
        " 'COMP-01', 'CNC-00001', 'own', n FROM generate_series(1, 60000) AS n"
    )
    assert upgrade(v1, "0106").returncode == 0
    with psycopg2.connect(v1.url) as writer, writer.cursor() as cursor:
        cursor.execute(
            "DELETE FROM silver.machine_cycles WHERE program_no = 'own'"
            f" AND down_threshold <= {most} AND down_threshold % {each} = 0"
        )
        deleted = cursor.rowcount
        code, said = swap_that_waits(
            v1, writer.commit, f"lock_attempts={attempts}", "lock_timeout=5s"
        )
    writer.close()
    assert deleted == most // each
    gives_way = (
        "Revision 0107 gave way: cannot swap at once because v1 has just changed rows among many"
        " others."
    )
    assert (gives_way in said) == (not at_once), said
    assert code == (attempts == 1)
    if attempts == 1:
        assert "Tried once." in said
        assert "Upgrade again when no statement changes many rows of v1" in said
        assert v1.revision() == "0106"
        assert upgrade(v1, "0107").returncode == 0
    assert v1.revision() == "0107"
    left = "SELECT count(*), sum(c.down_threshold) FROM {} AS c WHERE c.program_no = 'own'"
    rows = v1.query(left.format("silver.machine_cycles"))
    assert rows == v1.query(left.format("_archive.machine_cycles"))
    assert rows[0][0] == 60_000 - deleted
