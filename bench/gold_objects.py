"""Each object of gold, v1's against v2's, on the same data in one run; ratios, v2 by v1.

The same fleet is in two databases, one of which is upgraded. They are read in turn, since others
may use the machine meanwhile; by the clock, and, where the server is on this machine, by the
processor time of its processes. The fleet has sent until now, so that v2 has dates that run, which
v1's OEE leaves out. v2's OEE has eight columns more than v1's; it is read with them, and by the
columns that v1's dashboards know; once for each read, and prepared, as most drivers do with what
they read again. Values are read as text: v2's energy is numeric, as was asked for, and Python makes
it a Decimal, which takes longer than to read it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from statistics import median

import psycopg2.extensions

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
#: Each read is repeated until its reads took that many seconds, within these bounds.
ENOUGH_S = 2.0
FEWEST, MOST = 5, 200

Statement = tuple[str, tuple[object, ...]]


def main(machines: int = 2000, days: int = 30, cycles: int = 20) -> None:
    """Measure reads of all of each object, and of one machine; ``cycles`` are of a machine and day.

    Small fleets cost less and show more of what a report costs before it reads: 100 30 100.
    """
    size = FleetSize(
        companies=1, plants=1, machines=machines, days=days, cycles_per_machine_day=cycles
    )
    until = datetime.now(UTC)
    with scratch_database("gold_v1") as old_url, scratch_database("gold_v2") as new_url:
        for url in (old_url, new_url):
            upgrade(url, "0001")
            with connect(url) as connection:
                connection.autocommit = False
                rows = make_fleet(connection, size, until=until)
                connection.commit()
        upgrade(new_url, "head")
        with connect(old_url) as old, connect(new_url) as new:
            say_where(old)
            console.print(f"{machines} machines, {days} days, {rows}")
            for connection in (old, new):
                _stop_jobs(connection)
                _refresh(connection)
            run(new, "CALL master.sp_extend_shift_calendar(0, NULL)")
            run(new, """CALL gold.sp_roll_up(0, '{"max_runtime": "1 hour"}')""")
            for connection in (old, new):
                run(connection, "VACUUM ANALYZE")
            theirs = _reads(old, "machine_id", V1_KEYS)
            ours = _reads(new, "machine_iot_id", V2_KEYS)
            for connection in (old, new):
                _read_as_text(connection)
            for name, read in theirs.items():
                _compare(name, (old, read), (new, ours[name]))


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


def _read_as_text(connection: Connection) -> None:
    every = tuple(oid for (oid,) in run(connection, "SELECT oid::integer FROM pg_type"))
    text = psycopg2.extensions.new_type(every, "TEXT", lambda value, _: value)
    psycopg2.extensions.register_type(text, connection)


def _reads(connection: Connection, machine: str, keys: str) -> dict[str, Statement]:
    """The statements of one version, by what they read."""
    [(key, company)] = run(connection, keys)
    objects = (*AGGREGATES, *VIEWS)
    reads: dict[str, Statement] = {f"{o}, all": (f"SELECT * FROM gold.{o}", ()) for o in objects}
    known = V1_OEE.format(company=machine.replace("machine", "company"), machine=machine)
    reads["v_oee_dashboard, all, v1's columns"] = (f"SELECT {known} FROM gold.v_oee_dashboard", ())
    # Days that are over: v1's aggregates of days lack today.
    reads["v_oee_dashboard, v1's columns and days"] = (
        f"SELECT {known} FROM gold.v_oee_dashboard WHERE day < (now() - INTERVAL '2 days')::date",
        (),
    )
    for name in objects:
        reads[f"{name}, one machine"] = f"SELECT * FROM gold.{name} WHERE {machine} = %s", (key,)
    run(
        connection,
        f"PREPARE machine_oee AS SELECT {known} FROM gold.v_oee_dashboard WHERE {machine} = $1",
    )
    reads["v_oee_dashboard, one machine, v1's columns, prepared"] = (
        "EXECUTE machine_oee(%s)",
        (key,),
    )
    run(connection, f"PREPARE oee AS SELECT {known} FROM gold.v_oee_dashboard")
    reads["v_oee_dashboard, all, v1's columns, prepared"] = "EXECUTE oee", ()
    for name in SUMMARIES:
        reads[f"{name}, a week"] = f"SELECT * FROM gold.{name}(%s, %s, {WEEK})", (key, company)
    reads["get_home_screen_stats"] = "SELECT * FROM gold.get_home_screen_stats(%s)", (company,)
    return reads


def _compare(name: str, *versions: tuple[Connection, Statement]) -> None:
    """Read v1 and v2 in turn, and print medians and their ratios."""
    rows = [len(run(connection, sql, *keys)) for connection, (sql, keys) in versions]
    took: list[list[tuple[float, float]]] = [[], []]
    while len(took[0]) < FEWEST or (
        len(took[0]) < MOST and sum(clock for part in took for clock, _ in part) < ENOUGH_S
    ):
        for (connection, (sql, keys)), part in zip(versions, took, strict=True):
            part.append(cost(connection, partial(run, connection, sql, *keys)))
    (v1, v1_processor), (v2, v2_processor) = (
        (median(c for c, _ in part), median(p for _, p in part)) for part in took
    )
    console.print(
        f"{name:<54} v1 {v1 * 1000:8.2f} ms ({rows[0]} rows)  v2 {v2 * 1000:8.2f} ms"
        f" ({rows[1]} rows)  ratio {v2 / v1:5.2f}, processor {v2_processor / v1_processor:5.2f}"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
