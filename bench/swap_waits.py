"""Both swaps over a long history, with sessions at work: the longest wait for a lock.

``DATABASE_URL=… python -m bench.swap_waits 10000 8``: machine days of some thousand rows (10,000
are ten million rows), and the sessions of each side. v1's begin before the swap (0107), v2's before
the way back. A wait is what the server says in ``pg_locks.waitstart``, looked at every 20 ms,
of any session but the deploy's own. Exit code 1 when a session had an error, when a row is lost or
doubled, or when one waited longer than a second.

Readers leave out what takes v1 longer than ``SLOW_S`` with nothing else at work, and its engine,
which takes seconds, is called once a minute in a session. Where such statements run without a
pause, no moment comes in which the swap gets its locks: nobody waits long, and it does not happen.
The same with more sessions than the machine can serve: each statement takes long then. A third
number, above 0, cancels readers after so many attempts (``-x cancel_readers_after``), both ways; a
reader that was cancelled is counted, and is no error.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bench.scratch import connect, console, run, say_where, scratch_database, seconds
from bench.upgrade_under_load import alembic, show
from bench.way_back_at_work import KINDS, go_back
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.concurrency.at_work import AtWork, lost_and_doubled_in_v1
from tests.concurrency.v1_sessions import GOLD, START, lost_and_doubled, v1_at_work

PLANTS = 2
DAYS = 50
#: A thousand rows a machine and day: a quarter of them cycles.
CYCLES_PER_DAY, EVENTS_PER_DAY = 250, 200
WARM_UP_S = 20.0
LONGEST_S = 1.0
#: How long the swap waits for a lock by default.
SLOW_S = 0.5
LOOK_S = 0.02
#: SQLSTATE of a statement that was cancelled.
CANCELLED = "57014"
AGGREGATES = """
    SELECT format('%I.%I', view_schema, view_name)
    FROM timescaledb_information.continuous_aggregates
    WHERE view_schema = 'gold'
"""
WAITS = """
    SELECT DISTINCT ON (l.pid) l.pid,
        extract(epoch FROM clock_timestamp() - l.waitstart)::float, a.query, b.query
    FROM pg_locks AS l
    INNER JOIN pg_stat_activity AS a ON a.pid = l.pid
    LEFT JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS p (pid) ON true
    LEFT JOIN pg_stat_activity AS b ON b.pid = p.pid
    WHERE NOT l.granted AND l.waitstart IS NOT NULL AND a.datname = current_database()
        AND a.application_name NOT LIKE 'setu%'
    ORDER BY l.pid, b.application_name LIKE 'setu%' DESC
"""


@dataclass
class Waits:
    """What sessions waited for, and how long."""

    longest_s: float = 0.0
    waiter: str = ""
    holder: str = ""


@contextmanager
def watching(url: str) -> Iterator[Waits]:
    """Look at who waits, until the block ends."""
    waits, ended = Waits(), threading.Event()

    def look() -> None:
        with connect(url) as connection:
            while not ended.is_set():
                for _, waited_s, waiter, holder in run(connection, WAITS):
                    if waited_s > waits.longest_s:
                        waits.longest_s, waits.waiter, waits.holder = waited_s, waiter, holder or ""
                time.sleep(LOOK_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join(60)


def tell(title: str, waits: Waits) -> None:
    """The longest wait below a title."""
    console.print(f"{title}: longest wait for a lock {waits.longest_s:.2f} s")
    if waits.longest_s:
        for who, query in (("waits", waits.waiter), ("holds", waits.holder)):
            console.print(f"    {who}: {' '.join(query.split())[:90]}")


def slow_reads(url: str) -> list[str]:
    """Queries that take v1 long by itself, its aggregates being materialized."""
    slow = []
    with connect(url) as connection:
        for (name,) in run(connection, AGGREGATES):
            run(
                connection,
                f"CALL refresh_continuous_aggregate('{name}', NULL, date_trunc('hour', now()))",
            )
        for query in GOLD:
            took = seconds(partial(run, connection, query))
            if took > SLOW_S:
                slow.append(query)
                console.print(f"left out, since it takes v1 {took:.1f} s: {query[:60]}")
    return slow


def up(url: str, sessions: int, cancel_after: int) -> bool:
    """v1 at work: from 0106 past the swap. True when nobody waited long and nothing failed."""
    quarter = max(1, sessions // 4)
    slow = slow_reads(url)
    with v1_at_work(
        url, ingest=quarter, batch=max(1, sessions // 16), crossing=max(1, sessions // 8),
        readers=quarter, others=max(3, sessions - 2 * quarter - sessions // 16 - sessions // 8),
        leave_out=slow, engine_pause_s=60,
    ) as at_work:  # fmt: skip
        with watching(url) as alone:
            time.sleep(WARM_UP_S)
        with watching(url) as waits:
            took = alembic(url, "0109", f"cancel_readers_after={cancel_after}")
        report = at_work.stop()
    cancelled = [error for error in report.errors if CANCELLED in error]
    if cancel_after:
        console.print(f"readers cancelled: {len(cancelled)}")
        report.errors = [error for error in report.errors if error not in cancelled]
    lost, doubled = lost_and_doubled(url, report)
    tell(f"v1 at work, {WARM_UP_S:.0f} s without an upgrade", alone)
    tell(f"swap, {took:.1f} s", waits)
    show(f"    rows lost {lost}, doubled {doubled}; while it lasted:", report)
    return not (lost or doubled or report.errors or waits.longest_s > LONGEST_S)


def back(url: str, sessions: int, cancel_after: int) -> bool:
    """v2 at work: from head to 0001. True when nobody waited long and nothing failed."""
    third = max(1, (sessions - 2) // 3)
    work = AtWork(url)
    work.start(readers=third, people=third, sinks=max(1, sessions - 2 - 2 * third))
    with watching(url) as alone:
        time.sleep(WARM_UP_S)
    with watching(url) as waits:
        started = time.monotonic()
        tries, steps = go_back(url, f"cancel_readers_after={cancel_after}")
        took = time.monotonic() - started
    time.sleep(1)
    work.stop()
    tell(f"v2 at work, {WARM_UP_S:.0f} s without a downgrade", alone)
    tell(f"back {took:.1f} s, of which its swap {steps['0107']:.1f} s", waits)
    failed = 0
    for kind in KINDS:
        seen = work.total(kind)
        failed += sum(
            times
            for error, times in seen.errors.items()
            if not (cancel_after and error.startswith("QueryCanceled"))
        )
        console.print(
            f"    {kind:<8} {seen.statements:>7,} statements, longest {seen.longest:.2f} s,"
            f" errors: {dict(seen.errors) or 0}"
        )
    confirmed, lost, doubled = lost_and_doubled_in_v1(url, work)
    console.print(
        f"    tried again: {dict(tries) or 'nothing'}; of {confirmed:,} confirmed rows"
        f" {lost} lost, {doubled} doubled"
    )
    return not (failed or lost or doubled or waits.longest_s > LONGEST_S)


def main(machine_days: int = 10_000, sessions: int = 8, cancel_after: int = 0) -> int:
    """Up and back once."""
    fleet = FleetSize(
        companies=1, plants=PLANTS, machines=max(1, machine_days // DAYS // PLANTS), days=DAYS,
        cycles_per_machine_day=CYCLES_PER_DAY, events_per_machine_day=EVENTS_PER_DAY,
    )  # fmt: skip
    with scratch_database("swaps") as url:
        with connect(url) as connection:
            say_where(connection)
        alembic(url, "0001")
        with connect(url) as connection:
            connection.autocommit = False
            rows = sum(make_fleet(connection, fleet, until=START).values())
            connection.commit()
            connection.autocommit = True
            run(connection, "ANALYZE")
        built = alembic(url, "0106")
        console.print(f"{rows:,} rows of history, up to the swap in {built:.0f} s")
        good_up = up(url, sessions, cancel_after)
        alembic(url, "head")
        good_back = back(url, sessions, cancel_after)
    return 0 if good_up and good_back else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
