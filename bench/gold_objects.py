"""Each object of gold, v1's against v2's, on the same data in one run; ratios, v2 by v1.

The fleet has sent until now, so that v2 has dates that run, which v1's OEE leaves out. By the
clock, and, where the server is on this machine, by the processor time of its process: v1 is read
before the upgrade and v2 after it, and others may use the machine meanwhile. v2's OEE has eight
columns more than v1's; it is read with them, and by the columns that v1's dashboards know.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from statistics import median

from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade
from bench.sweep_speed import cost
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize

AGGREGATES = (
    "hourly_production_stats",
    "hourly_downtime_stats",
    "hourly_energy_stats",
    "machine_cycle_stats_hourly",
    "machine_downtime_hourly",
    "machine_energy_hourly",
    "daily_production_stats",
    "daily_downtime_stats",
)
VIEWS = (
    "v_production_dashboard",
    "v_downtime_dashboard",
    "v_live_machine_status",
    "v_oee_dashboard",
)
SUMMARIES = ("get_cycle_summary", "get_downtime_summary", "get_energy_summary")
# One machine of one company, and a span of a week.
V1_KEYS = "SELECT m.machine_id, m.company_id FROM master.machine_info AS m ORDER BY 1, 2 LIMIT 1"
V2_KEYS = "SELECT m.iot_id, m.company_iot_id FROM master.machine_info AS m ORDER BY 1 LIMIT 1"
V1_OEE = "day, {company}, {machine}, availability, performance, quality"
WEEK = "now() - INTERVAL '8 days', now() - INTERVAL '1 day'"


def main(machines: int = 100, days: int = 30, times: int = 5) -> None:
    """Measure reads of all of each object, and of one machine."""
    size = FleetSize(
        companies=1, plants=1, machines=machines, days=days, cycles_per_machine_day=100
    )
    with scratch_database("gold") as url:
        upgrade(url, "0001")
        with connect(url) as connection:
            connection.autocommit = False
            rows = make_fleet(connection, size, until=datetime.now(UTC))
            connection.commit()
            connection.autocommit = True
            say_where(connection)
            console.print(f"{machines} machines, {days} days, {rows}")
            _stop_jobs(connection)
            _refresh(connection)
            before = _measure(connection, "machine_id", V1_KEYS, times)
        upgrade(url, "head")
        with connect(url) as connection:
            _stop_jobs(connection)
            _refresh(connection)
            run(connection, "CALL master.sp_extend_shift_calendar(0, NULL)")
            run(connection, """CALL gold.sp_roll_up(0, '{"max_runtime": "1 hour"}')""")
            run(connection, "VACUUM ANALYZE")
            after = _measure(connection, "machine_iot_id", V2_KEYS, times)
        for name, (took, processor, found) in before.items():
            again, processor_again, found_again = after[name]
            console.print(
                f"{name:<48} v1 {took * 1000:8.1f} ms ({found} rows)  "
                f"v2 {again * 1000:8.1f} ms ({found_again} rows)  ratio {again / took:5.2f}, "
                f"processor {processor_again / processor:5.2f}"
            )


def _stop_jobs(connection: Connection) -> None:
    run(
        connection,
        "SELECT alter_job(job_id, scheduled => false)"
        " FROM timescaledb_information.jobs WHERE job_id >= 1000",
    )


def _refresh(connection: Connection) -> None:
    """Leave the aggregates as their policies do."""
    for (job,) in run(
        connection,
        "SELECT job_id FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_refresh_continuous_aggregate'",
    ):
        run(connection, f"CALL run_job({job})")


def _measure(
    connection: Connection, machine: str, keys: str, times: int
) -> dict[str, tuple[float, float, int]]:
    """Seconds by the clock and of the processor, and rows, of each read by name."""
    [(key, company)] = run(connection, keys)
    reads = {f"{name}, all": f"SELECT * FROM gold.{name}" for name in (*AGGREGATES, *VIEWS)}
    one = {name: f"SELECT * FROM gold.{name} WHERE {machine} = %s" for name in AGGREGATES + VIEWS}
    known = V1_OEE.format(company=machine.replace("machine", "company"), machine=machine)
    reads["v_oee_dashboard, all, v1's columns"] = f"SELECT {known} FROM gold.v_oee_dashboard"
    # Days that are over: v1's aggregates of days lack today, which v2 reads from silver.
    reads["v_oee_dashboard, v1's columns and days"] = (
        f"SELECT {known} FROM gold.v_oee_dashboard WHERE day < (now() - INTERVAL '2 days')::date"
    )
    found: dict[str, tuple[float, float, int]] = {}
    for name, statement in reads.items():
        found[name] = _time(connection, statement, (), times)
    for name, statement in one.items():
        found[f"{name}, one machine"] = _time(connection, statement, (key,), times)
    for name in SUMMARIES:
        statement = f"SELECT * FROM gold.{name}(%s, %s, {WEEK})"
        found[f"{name}, a week"] = _time(connection, statement, (key, company), times)
    found["get_home_screen_stats"] = _time(
        connection, "SELECT * FROM gold.get_home_screen_stats(%s)", (company,), times
    )
    return found


def _time(
    connection: Connection, statement: str, parameters: tuple[object, ...], times: int
) -> tuple[float, float, int]:
    rows = len(run(connection, statement, *parameters))
    costs = [
        cost(connection, lambda: run(connection, statement, *parameters)) for _ in range(times)
    ]
    return median(c[0] for c in costs), median(c[1] for c in costs), rows


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
