"""v1's JSON procedure against v2's flat sweep, on the same cycles in the same database."""

from __future__ import annotations

import sys

from bench.scratch import connect, console, run, say_where, scratch_database, seconds, upgrade
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize

MACHINES = 10_000
CYCLES = 60_000

PAYLOADS = """
INSERT INTO bronze.raw_telemetry (device_id, iot_id, company_id, payload)
SELECT m.device_id, m.iot_id, m.company_id, jsonb_build_object(
    'DeviceID', m.device_id, 'IOTID', m.iot_id,
    'MachineWiseCycleDetails', jsonb_build_array(jsonb_build_object(
        'CycleStart', c.cycle_start, 'CycleEnd', c.cycle_start + INTERVAL '7 minutes',
        'ProgramNo', 'O1000', 'StdLoadUnload', 60, 'StdCycleTime', 420, 'DownThreshold', 300)))
FROM generate_series(1, %s) AS n
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now()) + n / %s * INTERVAL '8 minutes'
) AS c (cycle_start)
INNER JOIN (SELECT k.*, row_number() OVER (ORDER BY k.machine_id) - 1 AS place
            FROM master.machine_info AS k) AS m ON m.place = n %% %s
"""

FLAT = """
INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end,
    program_no, std_load_unload, std_cycle_time, down_threshold)
SELECT d.device_id, m.iot_id, c.cycle_start, c.cycle_start + INTERVAL '7 minutes',
    'O1000', 60, 420, 300
FROM generate_series(1, %s) AS n
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now()) + INTERVAL '1 day' + n / %s * INTERVAL '8 minutes'
) AS c (cycle_start)
INNER JOIN (SELECT k.*, row_number() OVER (ORDER BY k.machine_id) - 1 AS place
            FROM master.machine_info AS k) AS m ON m.place = n %% %s
INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
"""


def main(cycles: int = CYCLES) -> None:
    """Measure, and print seconds, rows a second and the ratio."""
    size = FleetSize(
        companies=1,
        plants=10,
        machines=MACHINES // 10,
        days=0,
        processed_payloads=0,
        failed_payloads=0,
        pending_payloads=0,
        claimed_payloads=0,
        dead_letters=0,
    )
    with scratch_database("json") as url:
        upgrade(url, "0001")
        with connect(url) as connection:
            say_where(connection)
            connection.autocommit = False
            make_fleet(connection, size)
            connection.commit()
            connection.autocommit = True
            run(connection, "ANALYZE")
            write_json = seconds(lambda: run(connection, PAYLOADS, cycles, MACHINES, MACHINES))
            json_bytes = _bytes(connection, "bronze.raw_telemetry")
            run(connection, "ANALYZE bronze.raw_telemetry")
            load_json = seconds(
                lambda: run(connection, "CALL bronze.proc_process_bronze_batch(%s)", cycles)
            )
            [(json_rows,)] = run(connection, "SELECT count(*) FROM silver.machine_cycles")
        upgrade(url, "head")
        with connect(url) as connection:
            run(
                connection,
                "SELECT alter_job(job_id, scheduled => false) "
                "FROM timescaledb_information.jobs WHERE proc_schema = '_etl'",
            )
            run(connection, "ANALYZE")
            write_flat = seconds(lambda: run(connection, FLAT, cycles, MACHINES, MACHINES))
            flat_bytes = _bytes(connection, "bronze.raw_machine_cycles")
            run(connection, "ANALYZE bronze.raw_machine_cycles")
            load_flat = seconds(
                lambda: run(connection, "CALL _etl.sp_load_machine_cycles(0, '{}')")
            )
            [(loaded, status)] = run(
                connection,
                "SELECT rows_loaded, status FROM _etl.job_runs ORDER BY run_id DESC LIMIT 1",
            )
    assert json_rows == loaded == cycles, (json_rows, loaded, status)
    console.print(f"{cycles:,} cycles, {MACHINES:,} machines, one cycle a payload")
    for name, write, load, size_bytes in (
        ("v1, JSON", write_json, load_json, json_bytes),
        ("v2, flat", write_flat, load_flat, flat_bytes),
    ):
        console.print(
            f"  {name}: write {write:.2f} s; load {load:.2f} s = {cycles / load:,.0f} rows/s; "
            f"{size_bytes / cycles:.0f} bytes a row with indexes"
        )
    console.print(
        f"  ratio: load {load_json / load_flat:.0f}x, write {write_json / write_flat:.1f}x, "
        f"bytes {json_bytes / flat_bytes:.1f}x"
    )


def _bytes(connection: object, table: str) -> int:
    [(size,)] = run(connection, "SELECT hypertable_size(%s::regclass)", table)  # type: ignore[arg-type]
    return int(size)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
