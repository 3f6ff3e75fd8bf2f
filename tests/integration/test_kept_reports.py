"""Reports while the day runs, after shifts change, after retention, and with odd values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg2.extensions
import pytest

from tests.fresh_v2 import add_company, add_machine, add_plant, v2_database
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

# One of them is hours away from midnight, whenever a test runs; none changes its clocks.
ZONES = ("UTC", "Asia/Tokyo", "Pacific/Honolulu")
#: The columns of each, as v1 named them, on v2's keys.
AGGREGATES = {
    "hourly_production_stats": "bucket_time, company_iot_id, machine_iot_id, program_no,"
    " total_cycles, avg_std_cycle_time, avg_actual_cycle_time_sec, last_cycle_time",
    "hourly_downtime_stats": "bucket_time, company_iot_id, machine_iot_id, down_id,"
    " downtime_count, total_downtime_sec",
    "hourly_energy_stats": "bucket_time, company_iot_id, machine_iot_id, category,"
    " energy_consumed_kwh, avg_servo_load, avg_spindle_load",
    "machine_cycle_stats_hourly": "bucket, company_iot_id, machine_iot_id, shift_id,"
    " total_cycles, avg_cycle_time, avg_load_unload, effective_load_unload_total,"
    " total_load_unload_exceeded, last_updated",
    "machine_downtime_hourly": "bucket, company_iot_id, machine_iot_id, shift_id,"
    " total_downtime_seconds, total_part_count, total_operating_time, total_power_on_time,"
    " total_cutting_time, last_updated",
    "machine_energy_hourly": "bucket, company_iot_id, machine_iot_id, shift_id, category,"
    " total_energy_consumption, last_updated",
    "daily_production_stats": "day, company_iot_id, machine_iot_id, total_cycles,"
    " avg_std_cycle_time, total_production_time_sec",
    "daily_downtime_stats": "day, company_iot_id, machine_iot_id, total_stops, total_downtime_sec",
}
ROUND_THE_CLOCK = (("00:00", "08:00", 0), ("08:00", "16:00", 0), ("16:00", "24:00", 0))
CYCLE = (
    "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " cycle_start, cycle_end, std_cycle_time) SELECT s.logical_date, %s, m.machine_iot_id,"
    " s.shift_id, t.at, t.at + INTERVAL '60 seconds', 60"
    " FROM master.plant_machine_mapping AS m CROSS JOIN LATERAL"
    " (SELECT %s::timestamptz + n.n * INTERVAL '60 seconds' AS at"
    " FROM generate_series(0, %s - 1) AS n (n)) AS t"
    " CROSS JOIN LATERAL master.fn_get_shift(m.plant_iot_id, t.at) AS s"
    " WHERE m.machine_iot_id = %s"
)
STOP = (
    "INSERT INTO silver.machine_downtime (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " down_start, down_end) SELECT (%s::timestamptz AT TIME ZONE 'UTC')::date, %s, %s, 1, %s, %s"
)
OEE = (
    "SELECT o.planned_sec, o.downtime_sec, o.availability, o.performance FROM gold.v_oee_dashboard"
    " AS o WHERE o.machine_iot_id = %s AND o.day = %s"
)


class World:
    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        self.company = add_company(connection, "C")
        self.plant = add_plant(connection, self.company, "P", "UTC", ROUND_THE_CLOCK)
        self._machines = 0

    def machine(self) -> int:
        self._machines += 1
        return add_machine(self.connection, self.company, f"M{self._machines}", self.plant)

    def at(self, expression: str) -> Any:
        """An instant, by SQL."""
        return value(self.connection, f"SELECT {expression}")

    def stop(self, machine: int, start: Any, end: Any) -> None:
        run(self.connection, STOP, start, self.company, machine, start, end)

    def cycles(self, machine: int, start: Any, number: int) -> None:
        run(self.connection, CYCLE, self.company, start, number, machine)

    def oee(self, machine: int, day: Any) -> tuple[Any, ...]:
        [row] = query(self.connection, OEE, machine, day)
        return tuple(None if number is None else round(float(number), 6) for number in row)


@pytest.fixture
def v2(server: Server) -> Iterator[World]:
    url = server.create_database()
    with v2_database(url, server.capabilities) as connection:
        run(connection, "SET timezone = 'UTC'")
        if "community" in server.capabilities:
            run(
                connection,
                "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000",
            )
        connection.commit()
        connection.autocommit = True
        yield World(connection)
    server.drop_database(url)


def test_while_the_day_runs_planned_time_ends_now(v2: World) -> None:
    zone = v2.at(
        "z.zone FROM unnest(ARRAY['" + "', '".join(ZONES) + "']) AS z (zone)"
        " ORDER BY abs(extract(HOUR FROM now() AT TIME ZONE z.zone) - 12) LIMIT 1"
    )
    v2.plant = add_plant(v2.connection, v2.company, "Q", zone, ROUND_THE_CLOCK)
    standing, flawless = v2.machine(), v2.machine()
    v2.stop(standing, v2.at("now() - INTERVAL '5 days'"), None)
    midnight = v2.at(f"date_trunc('day', now(), '{zone}')")
    minutes = v2.at(f"floor(extract(EPOCH FROM now() - '{midnight}') / 60)::integer")
    v2.cycles(flawless, midnight, minutes)
    today = v2.at(f"(now() AT TIME ZONE '{zone}')::date")
    planned, downtime, availability, _ = v2.oee(standing, today)
    assert minutes * 60 <= planned <= minutes * 60 + 600
    assert (downtime, availability) == (planned, 0)
    planned, downtime, availability, performance = v2.oee(flawless, today)
    assert (downtime, availability) == (0, 1)
    assert performance == round(minutes * 60 / planned, 6) > 1 - 600 / (minutes * 60)
    # The days before are whole, also the one on which the stop began.
    for days in (1, 2, 3, 4):
        assert v2.oee(standing, today - timedelta(days=days)) == (86400, 86400, 0, None)


@pytest.mark.parametrize("rolled_up", [False, True])
def test_yesterday_stays_when_shifts_change_today(v2: World, rolled_up: bool) -> None:
    machine = v2.machine()
    noon = v2.at("date_trunc('day', now()) - INTERVAL '5 days 12 hours'")
    v2.cycles(machine, noon, 60)
    v2.stop(machine, v2.at(f"'{noon}'::timestamptz + INTERVAL '2 hours'"),
            v2.at(f"'{noon}'::timestamptz + INTERVAL '8 hours'"))  # fmt: skip
    if rolled_up:
        run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    shares = (
        "SELECT o.shift_id, o.downtime_sec::integer FROM gold.v_oee_by_shift AS o"
        " WHERE o.machine_iot_id = %s AND o.day = %s ORDER BY 1"
    )
    day = noon.date()
    before = v2.oee(machine, day)
    assert before == (86400, 6 * 3600, 0.75, round(3600 / (18 * 3600), 6))
    # From 14:00 to 20:00: two hours of the second shift, four of the third.
    assert query(v2.connection, shares, machine, day) == [(1, 0), (2, 7200), (3, 14400)]
    run(v2.connection, "UPDATE master.shift_definitions SET is_running = false WHERE shift_id = 2")
    run(v2.connection, "DELETE FROM master.shift_definitions WHERE shift_id = 3")
    run(v2.connection, "UPDATE master.plants SET timezone = 'Asia/Tokyo'")
    assert v2.oee(machine, day) == before
    assert query(v2.connection, shares, machine, day) == [(1, 0), (2, 7200), (3, 14400)]
    assert query(
        v2.connection,
        "SELECT d.day, d.total_stops, d.total_downtime_sec::integer"
        " FROM gold.v_daily_downtime AS d WHERE d.machine_iot_id = %s",
        machine,
    ) == [(day, 1, 21600)]
    assert query(
        v2.connection,
        "SELECT d.day, d.total_cycles, d.avg_std_cycle_time::integer,"
        " d.total_production_time_sec::integer FROM gold.v_daily_production AS d"
        " WHERE d.machine_iot_id = %s",
        machine,
    ) == [(day, 60, 60, 3600)]


@pytest.mark.requires("community")
def test_no_value_that_a_type_can_hold_breaks_a_view_or_a_refresh(v2: World) -> None:
    machine = v2.machine()
    at = v2.at("date_trunc('day', now()) - INTERVAL '3 days'")
    for hours, end in enumerate(("infinity", "-infinity", "294276-12-31", "4713-01-01 BC", None)):
        start = v2.at(f"'{at}'::timestamptz + INTERVAL '{hours} hours'")
        v2.stop(machine, start, end)
        v2.cycles(machine, v2.at(f"'{start}'::timestamptz + INTERVAL '30 minutes'"), 1)
        run(
            v2.connection,
            "UPDATE silver.machine_cycles SET cycle_end = %s WHERE cycle_start >= %s",
            end,
            start,
        )
    run(
        v2.connection,
        "INSERT INTO silver.machine_focas (logical_date, company_iot_id, machine_iot_id, shift_id,"
        " event_time, part_count, rej_count, pot, ot, ct) SELECT current_date, %s, %s, 1, %s::"
        "timestamptz + n.n * INTERVAL '1 second', 2147483647, -2147483648, 2147483647, -2147483648,"
        " 2147483647 FROM generate_series(1, 9) AS n (n)",
        v2.company,
        machine,
        at,
    )
    run(
        v2.connection,
        "INSERT INTO silver.machine_energy (logical_date, company_iot_id, machine_iot_id, shift_id,"
        " event_time, servo_energy, spindle_energy, total_energy) VALUES"
        " (current_date, %s, %s, 1, %s, 'NaN', 'NaN', 'NaN'),"
        " (current_date, %s, %s, 1, %s::timestamptz + INTERVAL '1 second', 1, 2, 4)",
        *(v2.company, machine, at, v2.company, machine, at),
    )
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    aggregates = query(
        v2.connection,
        "SELECT c.view_name FROM timescaledb_information.continuous_aggregates AS c"
        " WHERE c.view_schema = 'gold'",
    )
    assert len(aggregates) == 8
    for (name,) in aggregates:
        run(
            v2.connection,
            f"CALL refresh_continuous_aggregate('gold.{name}', NULL, now() - INTERVAL '1 day')",
        )
    for (name,) in query(
        v2.connection, "SELECT c.viewname FROM pg_views AS c WHERE c.schemaname = 'gold'"
    ):
        # As text: Python has no year 294276.
        query(v2.connection, f"SELECT count(v::text) FROM gold.{name} AS v")
    run(v2.connection, "CALL alerting.proc_run_engine()")
    assert query(
        v2.connection,
        "SELECT e.energy_consumed_kwh, e.avg_servo_load, e.avg_spindle_load"
        " FROM gold.hourly_energy_stats AS e",
    ) == [(4, 1, 2)]
    # The stop with the infinite end lasted until the cycle half an hour later; so did the open one.
    stops = (
        "SELECT sum(o.downtime_sec)::bigint FROM gold.v_oee_by_shift AS o"
        " WHERE o.machine_iot_id = %s AND o.day = %s AND o.shift_id = 1"
    )
    # The one that ends in the year 294276 lasts the rest of the shift, from 02:00 to 08:00.
    assert value(v2.connection, stops, machine, at.date()) == 1800 + 6 * 3600


@pytest.mark.requires("community")
def test_aggregates_have_what_is_over_once_their_policies_ran(v2: World) -> None:
    machine = v2.machine()
    hour = value(v2.connection, "SELECT date_trunc('hour', now())")
    over, running = hour - timedelta(days=2), hour
    facts = {
        "machine_cycles (cycle_start": "",
        "machine_downtime (down_start": "",
        "machine_focas (event_time": "",
        "machine_energy (total_energy, servo_energy, event_time": "2.5, 1, ",
    }
    for at in (over, running):
        for fact, values in facts.items():
            run(
                v2.connection,
                f"INSERT INTO silver.{fact}, logical_date, company_iot_id, machine_iot_id,"
                f" shift_id) VALUES ({values}%s, %s, %s, %s, 1)",
                at,
                at,
                v2.company,
                machine,
            )
    for name in AGGREGATES:
        assert query(v2.connection, f"SELECT 1 FROM gold.{name}") == [], name
    policies = dict(
        query(
            v2.connection,
            "SELECT c.view_name, j.job_id"
            " FROM timescaledb_information.continuous_aggregates AS c"
            " INNER JOIN timescaledb_information.jobs AS j"
            " ON j.hypertable_name IN (c.view_name, c.materialization_hypertable_name)"
            " AND j.proc_name = 'policy_refresh_continuous_aggregate'"
            " WHERE c.view_schema = 'gold'",
        )
    )
    for name, columns in AGGREGATES.items():
        run(v2.connection, f"CALL run_job({policies.pop(name)})")
        rows = query(v2.connection, f"SELECT {columns} FROM gold.{name}")
        began = over.replace(hour=0) if name.startswith("daily_") else over
        assert {row[:3] for row in rows} == {(began, v2.company, machine)}, name
    assert policies == {}


@pytest.mark.requires("community")
def test_what_silver_drops_stays_in_reports_also_after_a_late_row(v2: World) -> None:
    machine = v2.machine()
    old = v2.at("date_trunc('day', now()) - INTERVAL '400 days' + INTERVAL '6 hours'")
    recent = v2.at("date_trunc('day', now()) - INTERVAL '10 days' + INTERVAL '6 hours'")
    for start in (old, recent):
        v2.cycles(machine, start, 100)
        v2.stop(machine, v2.at(f"'{start}'::timestamptz + INTERVAL '3 hours'"),
                v2.at(f"'{start}'::timestamptz + INTERVAL '4 hours'"))  # fmt: skip
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    # As the policies had done it while these days were young.
    aggregates = ("daily_production_stats", "hourly_production_stats", "daily_downtime_stats")
    for name in aggregates:
        run(
            v2.connection,
            f"CALL refresh_continuous_aggregate('gold.{name}', NULL, now() - INTERVAL '2 days')",
        )

    def reports() -> list[Any]:
        return [
            *query(v2.connection, "SELECT day, total_cycles FROM gold.daily_production_stats"
                   " ORDER BY 1"),
            *query(v2.connection, "SELECT bucket_time, total_cycles"
                   " FROM gold.hourly_production_stats ORDER BY 1"),
            *query(v2.connection, "SELECT day, total_stops FROM gold.daily_downtime_stats"
                   " ORDER BY 1"),
            v2.oee(machine, old.date()),
            v2.oee(machine, recent.date()),
        ]  # fmt: skip

    def job(proc: str, table: str) -> None:
        number = value(
            v2.connection,
            "SELECT j.job_id FROM timescaledb_information.jobs AS j LEFT JOIN"
            " timescaledb_information.continuous_aggregates AS c"
            " ON c.materialization_hypertable_name = j.hypertable_name"
            " WHERE j.proc_name = %s AND %s IN (c.view_name, j.hypertable_name)",
            proc,
            table,
        )
        run(v2.connection, "CALL run_job(%s)", number)

    before = reports()
    assert before[0] == (old.replace(hour=0), 100)
    assert v2.oee(machine, old.date())[1:3] == (3600, round(23 / 24, 6))
    for table in ("machine_cycles", "machine_downtime", "machine_focas"):
        job("policy_retention", table)
    assert query(v2.connection, "SELECT min(cycle_start) FROM silver.machine_cycles") == [(recent,)]
    assert reports() == before
    # Older than all that silver still has.
    v2.cycles(machine, v2.at(f"'{old}'::timestamptz + INTERVAL '10 minutes 7 seconds'"), 1)
    assert reports() == before
    for name in aggregates:
        job("policy_refresh_continuous_aggregate", name)
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert reports() == before
    # One within what silver has counts at once, and after the action.
    v2.cycles(machine, v2.at(f"'{recent}'::timestamptz + INTERVAL '5 hours'"), 1)
    performance = round(101 * 60 / (23 * 3600), 6)
    assert v2.oee(machine, recent.date())[3] == performance
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert v2.oee(machine, recent.date())[3] == performance
    job("policy_refresh_continuous_aggregate", "daily_production_stats")
    assert query(
        v2.connection, "SELECT total_cycles FROM gold.daily_production_stats ORDER BY day"
    ) == [(100,), (101,)]


@pytest.mark.requires("community")
def test_a_stop_that_silver_drops_lasts_on_the_days_that_it_still_has(v2: World) -> None:
    ended, standing, forgotten = v2.machine(), v2.machine(), v2.machine()
    begun = v2.at("date_trunc('day', now()) - INTERVAL '400 days'")
    kept = v2.at("date_trunc('day', now()) - INTERVAL '340 days'")
    v2.stop(ended, begun, v2.at(f"'{kept}'::timestamptz + INTERVAL '6 hours'"))
    v2.stop(standing, begun, None)
    v2.stop(forgotten, begun, v2.at(f"'{begun}'::timestamptz + INTERVAL '2 days'"))
    # The last chunk that goes, and the first that stays.
    for days in (375, 330):
        at = v2.at(f"date_trunc('day', now()) - INTERVAL '{days} days'")
        v2.stop(forgotten, at, v2.at(f"'{at}'::timestamptz + INTERVAL '1 hour'"))
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    yesterday = v2.at("(now() - INTERVAL '1 day')::date")
    reports = (ended, kept.date()), (standing, kept.date()), (standing, yesterday)
    before = [v2.oee(machine, day)[:2] for machine, day in reports]
    assert before == [(86400, 6 * 3600), (86400, 86400), (86400, 86400)]
    run(
        v2.connection,
        "SELECT drop_chunks('silver.machine_downtime', older_than => now() - INTERVAL '365 days')",
    )
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert query(
        v2.connection, "SELECT machine_iot_id FROM gold.long_stops ORDER BY machine_iot_id"
    ) == [(ended,), (standing,)]
    # A late cycle has the day computed again.
    v2.cycles(ended, v2.at(f"'{kept}'::timestamptz + INTERVAL '7 hours'"), 1)
    assert [v2.oee(machine, day)[:2] for machine, day in reports] == before
    run(v2.connection, "CALL gold.sp_roll_up(0, NULL)")
    assert [v2.oee(machine, day)[:2] for machine, day in reports] == before
