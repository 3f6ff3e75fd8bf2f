"""The road under kills in every step, and on a disk that is full, on a server of its own.

``kills``: each step up and each step down is cut at a random statement of it, in each way: the
statement never reaches the server, its answer never comes back, the session is terminated, the
server is killed. ``disk``: both ways again, with ever more room on the disk. Prints what was cut
and how it was told; at the end v1's rows must be as before, none missing, none double.

``python -m bench.interrupted_road [kills] [disk]``
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from bench.scratch import connect, console, run
from setu.chain.repository import repository_root, steps_to
from setu.errors import SetuError
from setu.simulate.fleet import V1_TABLES, last_midnight, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain
from tests.concurrency.cutting_proxy import Cut, cutting_proxy
from tests.concurrency.own_server import OwnServer, open_own_server
from tests.concurrency.small_disk import MEGABYTE, small_disk

FLEET = FleetSize(companies=1, plants=2, machines=6, days=30, cycles_per_machine_day=20)
WAYS: tuple[Cut, ...] = ("unsent", "unanswered", "ended", "ended")
#: What comes before the first step: session settings, deploy lock, pre-flight.
BEFORE = 95
CAPABILITIES = ("community", "multi_session", "native")


def alembic(url: str, direction: str, revision: str) -> tuple[int, str]:
    """Exit code, and what it says on the error stream, without its log."""
    done = subprocess.run(
        [
            sys.executable, "-m", "alembic.config", "-x", "accept_known_bad_pair=yes",
            direction, revision,
        ],
        cwd=repository_root(),
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(repository_root())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def prepare(chain: Chain) -> object:
    """v1 with a fleet; its rows."""
    chain.run("CREATE EXTENSION IF NOT EXISTS timescaledb")
    chain.upgrade("0001")
    chain.run("SELECT _timescaledb_functions.stop_background_workers()")
    with chain.session() as connection:
        connection.autocommit = False
        make_fleet(connection, FLEET, until=last_midnight() - timedelta(days=1))
        connection.commit()
    return chain.rows(*V1_TABLES)


def kills(server: OwnServer) -> None:
    """Cut each step, both ways, in each way."""
    chain = Chain(server.url, CAPABILITIES)
    before = prepare(chain)
    revisions = [step.revision for step in steps_to(repository_root())]
    seen: Counter[str] = Counter()

    def end(pid: int) -> None:
        if by_server:
            server.kill()
        else:
            with connect(server.url) as connection:
                run(connection, "SELECT pg_terminate_backend(%s)", pid)

    by_server = False
    with cutting_proxy(server.url, end) as proxy:
        moves = [("upgrade", r) for r in revisions[1:]]
        moves += [("downgrade", r) for r in reversed(revisions[:-1])]
        for direction, revision in moves:
            for number, way in enumerate(WAYS):
                by_server = number == len(WAYS) - 1
                proxy.cut(way, BEFORE + random.randint(1, 60))
                code, said = alembic(proxy.url, direction, revision)
                name = "server killed" if by_server else way
                if code == 0:
                    seen["through before it was cut"] += 1
                    break
                if by_server:
                    server.start()
                seen[name] += 1
                if "Traceback" in said or said.count("What to do: ") != 1:
                    raise SystemExit(f"{direction} {revision}, {name}: no message:\n{said}")
            proxy.cut("unsent", 0)
            code, said = alembic(proxy.url, direction, revision)
            if code:
                raise SystemExit(f"{direction} {revision} does not go on:\n{said}")
    console.print(f"{len(moves)} steps; " + ", ".join(f"{k}: {n}" for k, n in seen.items()))
    compare(before, chain)


def disk(server: OwnServer) -> None:
    """Both ways with 0.25 to 24 MB on the disk."""
    with small_disk(server, 800 * MEGABYTE) as small:
        if small is None:
            console.print("this user cannot mount a small disk")
            return
        chain = Chain(small.url, CAPABILITIES)
        before = prepare(chain)
        ways: tuple[Callable[[], None], ...] = (chain.upgrade, lambda: chain.downgrade("0001"))
        for move in ways:
            for left in (0.25, 1, 2, 4, 8, 16, 24):
                small.fill(int(left * MEGABYTE))
                try:
                    move()
                    said = "through"
                except SetuError as error:
                    said = error.title
                small.free()
                console.print(f"{left} MB free: {said} It stands at {chain.revision()}.")
            move()
        compare(before, chain)


def compare(before: object, chain: Chain) -> None:
    """Raise when v1's rows are not those from before."""
    if chain.rows(*V1_TABLES) != before:
        raise SystemExit("v1's rows are not the same.")
    console.print("v1's rows are the same: none missing, none double")


def main(*parts: str) -> None:
    """Run the parts named, both by default."""
    for part, work in (("kills", kills), ("disk", disk)):
        if not parts or part in parts:
            server = open_own_server("local")
            if server is None:
                raise SystemExit("There is no PostgreSQL on this machine that may be killed.")
            try:
                console.rule(part)
                work(server)
            finally:
                server.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
