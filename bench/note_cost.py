"""What v1's statements cost while its tables note what changes, against what they cost without.

``DATABASE_URL=… python -m bench.note_cost``. Both in turns on one database, so that a busy machine
slows both.
Exit code 1 when a kind of statement costs more than 1.5 times.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

from bench.scratch import Connection, connect, console, run, scratch_database
from bench.upgrade_under_load import alembic
from setu.simulate.fleet import last_midnight, make_fleet
from setu.simulate.fleet_size import FleetSize

FLEET = FleetSize(companies=1, plants=2, machines=20, days=30, cycles_per_machine_day=60)
ROUNDS = 9
LIMIT = 1.5
PAYLOAD = (
    '{"DeviceID": "GW-00001", "IOTID": "1001", "MachineRunningStatus": [{"UpdatedTS":'
    ' "2031-01-01T00:00:00Z", "Status": "Idle"}], "MachineWiseCycleDetails": [{"CycleStart":'
    ' "2031-01-01T00:00:00Z", "ProgramNo": "O1"}], "MachineWiseEnergyDetails": [{"UpdatedTS":'
    ' "2031-01-01T00:00:00Z", "Category": "all", "TotalEnergy": 1}]}'
)
# A kind of statement, and how often it runs in a round.
STATEMENTS = {
    "insert 1 cycle": (
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
        " VALUES ('2031-01-01', 'COMP-01', 'CNC-00001')",
        200,
    ),
    "insert 1,000 cycles": (
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id, program_no)"
        " SELECT '2031-01-01'::timestamptz + n * interval '1 s', 'COMP-01', 'CNC-00001', 'O1'"
        " FROM generate_series(1, 1000) AS n",
        5,
    ),
    "ingest of a payload": (f"CALL bronze.proc_ingest_payload('{PAYLOAD}')", 100),
    "update 1,000 cycles": (
        "UPDATE silver.machine_cycles SET program_no = 'O2' WHERE cycle_start >= '2031-01-01'"
        " AND cycle_start < '2031-01-01 00:16:40'",
        1,
    ),
    "delete of these": (
        "DELETE FROM silver.machine_cycles WHERE cycle_start >= '2031-01-01'"
        " AND cycle_start < '2031-01-02'",
        1,
    ),
    "update of a user": ("UPDATE master.users SET full_name = full_name || ''", 50),
}  # fmt: skip


def round_of(connection: Connection) -> dict[str, float]:
    """Seconds of each kind, run in the order given."""
    seconds = {}
    for kind, (statement, times) in STATEMENTS.items():
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
            for _ in range(ROUNDS):
                for noted in (False, True):
                    run(connection, f"CALL _stage.watch_v1({str(noted).lower()})")
                    for kind, seconds in round_of(connection).items():
                        found[noted][kind].append(seconds)
    worst = 0.0
    for kind in STATEMENTS:
        without, with_notes = min(found[False][kind]), min(found[True][kind])
        worst = max(worst, with_notes / without)
        console.print(
            f"{kind:<22} {without * 1e6:>9,.0f} µs without, {with_notes * 1e6:>9,.0f} µs with"
            f" notes, {with_notes / without:.2f} times"
        )
    return 1 if worst > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
