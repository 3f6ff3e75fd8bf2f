"""What v1's statements cost while its tables note what changes, against what they cost without.

``DATABASE_URL=… python -m bench.note_cost``. Both in turns on one database, so that a busy machine
slows both.
Exit code 1 when a kind of statement costs more than 1.5 times.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

from bench.scratch import Connection, connect, console, run, scratch_database
from bench.scratch import seconds as seconds_of
from bench.upgrade_under_load import alembic
from setu.simulate.fleet import last_midnight, make_fleet
from setu.simulate.fleet_size import FleetSize

FLEET = FleetSize(companies=1, plants=2, machines=20, days=30, cycles_per_machine_day=60)
ROUNDS = 30
ROUNDS_OF_LARGE = 10
LIMIT = 1.5
PAYLOAD = (
    '{"DeviceID": "GW-00001", "IOTID": "1001", "MachineRunningStatus": [{"UpdatedTS":'
    ' "2031-01-01T00:00:00Z", "Status": "Idle"}], "MachineWiseCycleDetails": [{"CycleStart":'
    ' "2031-01-01T00:00:00Z", "ProgramNo": "O1"}], "MachineWiseEnergyDetails": [{"UpdatedTS":'
    ' "2031-01-01T00:00:00Z", "Category": "all", "TotalEnergy": 1}]}'
)
OF_ONE = "'CNC-00001'"
OF_TWENTY = "'CNC-' || lpad((n % 20 + 1)::text, 5, '0')"


def insert(day: str, machine: str, cycles: int = 1000) -> str:
    """Some cycles, one a second from midnight on."""
    return (
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id, program_no)"
        f" SELECT '{day}'::timestamptz + n * interval '1 s', 'COMP-01', {machine}, 'O1'"
        f" FROM generate_series(1, {cycles}) AS n"
    )


def delete(begin: str, end: str) -> str:
    """The cycles after an instant, up to another one."""
    return (
        "DELETE FROM silver.machine_cycles"
        f" WHERE cycle_start > '{begin}' AND cycle_start <= '{end}'"
    )


def update(set_to: str, begin: str, end: str) -> str:
    """The cycles after an instant, up to another one."""
    return (
        f"UPDATE silver.machine_cycles SET {set_to}"
        f" WHERE cycle_start > '{begin}' AND cycle_start <= '{end}'"
    )


CORRECT = "program_no = 'O2'"
MOVE = "cycle_start = cycle_start + interval '1 us'"
# A kind of statement, and how often it runs in a round.
STATEMENTS = {
    "insert 1 cycle": (
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
        " VALUES ('2031-01-01', 'COMP-01', 'CNC-00001')",
        40,
    ),
    "insert 1,000 cycles": (insert("2031-01-01", OF_ONE), 5),
    "insert 1,000 of 20": (insert("2031-01-02", OF_TWENTY), 5),
    "ingest of a payload": (f"CALL bronze.proc_ingest_payload('{PAYLOAD}')", 20),
    "correct 100 cycles": (update(CORRECT, "2031-01-01", "2031-01-01 00:00:20"), 4),
    "correct 5,000 cycles": (update(CORRECT, "2031-01-01", "2031-01-01 00:16:40"), 1),
    "move 100 cycles": (update(MOVE, "2031-01-02", "2031-01-02 00:00:20.1"), 4),
    "move 1,000 cycles": (update(MOVE, "2031-01-02", "2031-01-02 00:03:20.1"), 1),
    "delete 1 cycle": (
        "DELETE FROM silver.machine_cycles WHERE cycle_start = '2031-01-01' AND ctid = ("
        "SELECT c.ctid FROM silver.machine_cycles AS c WHERE c.cycle_start = '2031-01-01' LIMIT 1)",
        20,
    ),
    "delete 100 cycles": (delete("2031-01-01", "2031-01-01 00:00:20"), 1),
    "delete 200 cycles": (delete("2031-01-01", "2031-01-01 00:01"), 1),
    "delete 1,000 cycles": (delete("2031-01-01", "2031-01-01 00:04:20"), 1),
    "delete 3,700 cycles": (delete("2031-01-01", "2031-01-01 00:17"), 1),
    "delete 5,000 of 20": (delete("2031-01-02", "2031-01-02 00:17"), 1),
    "update of a user": ("UPDATE master.users SET full_name = full_name || ''", 20),
}  # fmt: skip
# The same for large statements, whose rows FIRST_OF_LARGE inserts.
LARGE = {
    "insert 100,000 of 20": (insert("2031-01-15", OF_TWENTY, 100_000), 1),
    "correct 10,000 of 1": (update(CORRECT, "2031-01-05", "2031-01-05 02:46:40"), 1),
    "move 100,000 of 20": (update(MOVE, "2031-01-15", "2031-01-17"), 1),
    "delete 10,000 of 1": (delete("2031-01-05", "2031-01-05 02:46:40"), 1),
    "delete 100,000 of 1": (delete("2031-01-05", "2031-01-07"), 1),
    "delete 10,000 of 20": (delete("2031-01-10", "2031-01-10 02:46:40"), 1),
    "delete 100,000 of 20": (delete("2031-01-10", "2031-01-12"), 1),
}  # fmt: skip
# What a session does once: it compiles the triggers, and plans a statement five times before it
# keeps a plan.
FIRST = (
    insert("2031-01-03", OF_ONE, 300),
    update(CORRECT, "2031-01-03", "2031-01-03 00:00:20"),
    update(CORRECT, "2031-01-03", "2031-01-03 00:03"),
    delete("2031-01-03", "2031-01-03 00:00:20"),
    delete("2031-01-03", "2031-01-04"),
) * 6
FIRST_OF_LARGE = (
    *FIRST,
    insert("2031-01-05", OF_ONE, 110_000),
    insert("2031-01-10", OF_TWENTY, 110_000),
)
# What v2 has to follow: a day of a machine and of twenty, in a chunk that holds a week of them.
FOLLOWED = {
    "delete 10,000 of 1": delete("2026-02-02", "2026-02-02 02:46:40"),
    "correct 10,000 of 20": update(CORRECT, "2026-02-03", "2026-02-03 02:46:40"),
    "delete 80,000 of 20": delete("2026-02-04", "2026-02-04 22:13:20"),
}


def round_of(
    connection: Connection, first: Iterable[str], statements: Mapping[str, tuple[str, int]]
) -> dict[str, float]:
    """Seconds of each kind, run in the order given."""
    for statement in first:
        run(connection, statement)
    seconds = {}
    for kind, (statement, times) in statements.items():
        started = time.perf_counter()
        for _ in range(times):
            run(connection, statement)
        seconds[kind] = (time.perf_counter() - started) / times
    return seconds


def main() -> int:
    """Print the cost of each kind, with and without notes."""
    found: dict[bool, dict[str, list[float]]] = {True: defaultdict(list), False: defaultdict(list)}
    with scratch_database("notes") as url:
        alembic(url, "0001")
        with connect(url) as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=last_midnight())
            connection.commit()
            connection.autocommit = True
            alembic(url, "0102")
            run(connection, "SET setu.lock_attempts = 60")
            for n in range(ROUNDS + ROUNDS_OF_LARGE):
                first, statements = (FIRST, STATEMENTS) if n < ROUNDS else (FIRST_OF_LARGE, LARGE)
                for noted in (False, True):
                    run(connection, f"CALL _stage.watch_v1({str(noted).lower()})")
                    for kind, seconds in round_of(connection, first, statements).items():
                        found[noted][kind].append(seconds)
                    run(connection, delete("2030-12-31", "2031-02-01"))
                run(connection, "VACUUM silver.machine_cycles")
            for day in range(2, 9):
                run(connection, insert(f"2026-02-0{day}", OF_TWENTY, 80_000))
            followed = {}
            for kind, statement in {"insert 560,000 of 20": "", **FOLLOWED}.items():
                if statement:
                    run(connection, statement)
                followed[kind] = seconds_of(lambda: run(connection, "CALL _stage.catch_up()"))
    worst = 0.0
    for kind in (*STATEMENTS, *LARGE):
        without, with_notes = min(found[False][kind]), min(found[True][kind])
        worst = max(worst, with_notes / without)
        console.print(
            f"{kind:<22} {without * 1e6:>9,.0f} µs without, {with_notes * 1e6:>9,.0f} µs with"
            f" notes, {with_notes / without:.2f} times"
        )
    for kind, seconds in followed.items():
        console.print(f"v2 follows: {kind:<22} {seconds:>6.2f} s")
    return 1 if worst > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
