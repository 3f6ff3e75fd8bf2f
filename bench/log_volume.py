"""Bytes of the write-ahead log a cycle: what bronze writes, and what the load into silver adds.

On a server that nobody else writes to: what others write counts in.
"""

from __future__ import annotations

import sys

from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade

ROWS = 60_000
MACHINES = 10_000
MASTERS = """
INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'C');
INSERT INTO master.plants (company_iot_id, plant_id)
SELECT c.iot_id, 'P' FROM master.companies AS c;
INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id)
SELECT 'M' || n, c.iot_id, n FROM master.companies AS c, generate_series(1, %s) AS n;
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT m.company_iot_id, p.iot_id, m.iot_id FROM master.machine_info AS m, master.plants AS p;
"""
SEND = """
INSERT INTO bronze.raw_machine_cycles (kafka_partition, kafka_offset, device_id, machine_iot_id,
    cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time)
SELECT 0, n, 'GW-' || n %% 100, 1 + n %% %s,
    now() + %s * INTERVAL '10 minutes' - INTERVAL '2 hours',
    now() + %s * INTERVAL '10 minutes' - INTERVAL '115 minutes', 'O1234', 30, 300
FROM generate_series(1, %s) AS n
"""


def main(rows: int = ROWS) -> None:
    """Rows go in by transactions of 3,000, then one load takes them all."""
    with scratch_database("log") as url:
        upgrade(url, "head")
        with connect(url) as connection:
            say_where(connection)
            run(
                connection,
                "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000",
            )
            run(connection, MASTERS, MACHINES)
            [(pages,)] = run(connection, "SHOW full_page_writes")
            console.print(f"full_page_writes {pages}; {rows:,} cycles of {MACHINES:,} machines")
            for turn, (compression, checkpoint) in enumerate(
                [("off", True), ("off", True), ("off", False), ("on", True), ("on", False)]
            ):
                run(connection, f"SET wal_compression = {compression}")
                sent = _written(connection, turn, rows, checkpoint)
                loaded = _loaded(connection, checkpoint)
                console.print(
                    f"  wal_compression {compression}, "
                    f"{'right after a checkpoint' if checkpoint else 'between checkpoints'}: "
                    f"bronze {sent / rows:.0f}, the load {loaded / rows:.0f} bytes a cycle"
                )


def _position(connection: Connection) -> str:
    [(position,)] = run(connection, "SELECT pg_current_wal_insert_lsn()::text")
    return str(position)


def _since(connection: Connection, position: str) -> float:
    [(size,)] = run(connection, "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", position)
    return float(size)


def _written(connection: Connection, turn: int, rows: int, checkpoint: bool) -> float:
    if checkpoint:
        run(connection, "CHECKPOINT")
    before = _position(connection)
    for _ in range(rows // 3000):
        run(connection, SEND, MACHINES, turn, turn, 3000)
    return _since(connection, before)


def _loaded(connection: Connection, checkpoint: bool) -> float:
    if checkpoint:
        run(connection, "CHECKPOINT")
    before = _position(connection)
    run(connection, "CALL _etl.sp_load_machine_cycles(0, '{}')")
    return _since(connection, before)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
