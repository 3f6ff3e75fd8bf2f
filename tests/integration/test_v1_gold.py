"""v1's gold: what aggregates, dashboards and functions make of a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.edge_cases.rows import edge_case_rows
from tests.v1 import query, run, v1_database, value

DAY = datetime(2026, 1, 5, tzinfo=UTC)
AGGREGATES = (
    "daily_downtime_stats",
    "daily_production_stats",
    "hourly_downtime_stats",
    "hourly_energy_stats",
    "hourly_production_stats",
    "machine_cycle_stats_hourly",
    "machine_downtime_hourly",
    "machine_energy_hourly",
)
ARGUMENTS = "'m', 'c', '2026-01-05 06:00Z', '2026-01-05 08:00Z'"


@pytest.fixture
def gold(database_url: str, server: Any) -> Iterator[Any]:
    """v1 with two machines of the company c, and one of d that has the first one's name."""
    with v1_database(database_url, server.capabilities) as connection:
        run(
            connection,
            """
            INSERT INTO master.companies (company_id, company_name) VALUES ('c', 'C'), ('d', 'D');
            INSERT INTO master.plants (plant_id, company_id, plant_name)
            VALUES ('p', 'c', 'Plant'), ('p', 'd', 'Other');
            INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
            VALUES ('m', 'c', 'p', 'd1', '1'), ('n', 'c', 'p', 'd2', '2'),
                ('m', 'd', 'p', 'd1', '1');
            INSERT INTO master.downtime_codes (down_id, down_code, description, company_id)
            VALUES (1, 'X', 'First', 'c'), (2, 'X', 'Second', 'c'), (1, 'X', 'Of d', 'd')
            """,
        )
        connection.commit()
        yield connection


def _refresh(connection: Any, *names: str) -> None:
    """Bring aggregates up to date, which no transaction may do."""
    connection.commit()
    connection.autocommit = True
    for name in names:
        run(
            connection,
            f"CALL public.refresh_continuous_aggregate('gold.{name}', NULL,"
            " now() - INTERVAL '1 hour')",
        )
    connection.autocommit = False


def _at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def _cycles(connection: Any) -> None:
    for start, seconds, load, standard, machine, company in (
        (6.0, 300, 70, 60, "m", "c"),
        (6.5, 500, 50, 60, "m", "c"),
        (6.9, None, None, 60, "m", "c"),
        (7.0, 400, 90, None, "m", "c"),
        (8.0, 400, 60, 60, "m", "c"),
        (6.0, 900, 60, 60, "m", "d"),
        (6.0, 900, 60, 60, "gone", "c"),
    ):
        run(
            connection,
            "INSERT INTO silver.machine_cycles (cycle_start, cycle_end, company_id, machine_id,"
            " program_no, std_load_unload, std_cycle_time, actual_load_unload, shift_id)"
            " VALUES (%s, %s, %s, %s, 'O1', %s, 400, %s, 'A')",
            _at(start),
            None if seconds is None else _at(start) + timedelta(seconds=seconds),
            company,
            machine,
            standard,
            load,
        )


def _downtimes(connection: Any) -> None:
    for start, seconds, machine, company in (
        (6.0, 600, "m", "c"),
        (6.5, None, "m", "c"),
        (6.9, 8040, "m", "c"),
        (6.0, 21600, "m", "d"),
    ):
        run(
            connection,
            "INSERT INTO silver.machine_downtime (down_start, down_end, company_id, machine_id,"
            " down_code) VALUES (%s, %s, %s, %s, 'X')",
            _at(start),
            None if seconds is None else _at(start) + timedelta(seconds=seconds),
            company,
            machine,
        )


# Aggregates and the functions that read them


@pytest.mark.requires("community")
def test_a_cycle_summary_has_the_buckets_of_one_machine_from_start_up_to_the_end(
    gold: Any,
) -> None:
    _cycles(gold)
    _refresh(gold, "machine_cycle_stats_hourly")
    assert query(gold, f"SELECT * FROM gold.get_cycle_summary({ARGUMENTS})") == [
        (_at(6), 3, Decimal(400), Decimal(60), Decimal(10)),
        (_at(7), 1, Decimal(400), Decimal(90), Decimal(0)),
    ]
    # Exceeded and effective seconds are together the actual ones; without a standard, none exceed.
    assert query(
        gold,
        "SELECT effective_load_unload_total, total_load_unload_exceeded"
        " FROM gold.machine_cycle_stats_hourly WHERE machine_id = 'm' AND company_id = 'c'"
        " ORDER BY bucket",
    ) == [(110, 10), (90, 0), (60, 0)]


@pytest.mark.requires("community")
def test_a_downtime_summary_is_of_focas_power_on_less_operating_time(gold: Any) -> None:
    for hour, company, shift, parts, pot, ot, ct in (
        (6, "c", "A", 2.5, 1800, 1000.5, 500),
        (6.5, "c", "A", 3, 1800, 1800, 900),
        (6.6, "c", "B", 1, 60, None, None),
        (6, "d", "A", 9, 9, 9, 9),
    ):
        run(
            gold,
            "INSERT INTO silver.machine_focas (time, company_id, machine_id, shift_id, part_count,"
            " pot, ot, ct) VALUES (%s, %s, 'm', %s, %s, %s, %s, %s)",
            _at(hour),
            company,
            shift,
            parts,
            pot,
            ot,
            ct,
        )
    _refresh(gold, "machine_downtime_hourly")
    assert query(gold, f"SELECT * FROM gold.get_downtime_summary({ARGUMENTS})") == [
        (_at(6), 799.5, 5.5, 2800.5),
        (_at(6), None, 1.0, None),
    ]
    assert query(
        gold,
        "SELECT total_power_on_time, total_cutting_time, last_updated IS NOT NULL"
        " FROM gold.machine_downtime_hourly WHERE company_id = 'c' AND shift_id = 'A'",
    ) == [(3600.0, 1400.0, True)]


@pytest.mark.requires("community")
def test_an_energy_summary_keeps_categories_apart(gold: Any) -> None:
    for hour, category, energy in ((6, "a", 1.5), (6.5, "a", 2.0), (6.5, "b", 4.0), (8, "a", 8.0)):
        run(
            gold,
            "INSERT INTO silver.machine_energy (time, company_id, machine_id, category,"
            " servo_energy, spindle_energy, total_energy, shift_id)"
            " VALUES (%s, 'c', 'm', %s, 1, %s, %s, 'A')",
            _at(hour),
            category,
            energy,
            energy,
        )
    _refresh(gold, "machine_energy_hourly", "hourly_energy_stats")
    assert query(gold, f"SELECT * FROM gold.get_energy_summary({ARGUMENTS})") == [
        (_at(6), "a", 3.5),
        (_at(6), "b", 4.0),
    ]
    assert query(
        gold,
        "SELECT energy_consumed_kwh, avg_servo_load, avg_spindle_load FROM gold.hourly_energy_stats"
        " ORDER BY bucket_time, category",
    ) == [(3.5, 1.0, 1.75), (4.0, 1.0, 4.0), (8.0, 1.0, 8.0)]


@pytest.mark.requires("community")
def test_an_aggregate_is_empty_until_it_is_refreshed(gold: Any) -> None:
    _cycles(gold)
    assert query(gold, f"SELECT * FROM gold.get_cycle_summary({ARGUMENTS})") == []


@pytest.mark.requires("community")
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_rows_that_hurt_stop_no_refresh(gold: Any, aggregate: str) -> None:
    edge_case_rows(gold)
    _refresh(gold, aggregate)
    assert value(gold, f"SELECT count(*) FROM gold.{aggregate}") > 10


# Dashboards


@pytest.mark.requires("community")
def test_the_production_dashboard_shows_each_hour_with_its_plant_and_orphans_without(
    gold: Any,
) -> None:
    _cycles(gold)
    _refresh(gold, "hourly_production_stats")
    assert query(
        gold,
        "SELECT bucket_time, machine_id, device_id, plant_id, plant_name, program_no, total_cycles,"
        " avg_std_cycle_time, avg_actual_cycle_time_sec, last_cycle_time"
        " FROM gold.v_production_dashboard WHERE bucket_time = '2026-01-05 06:00Z'"
        " ORDER BY company_id, machine_id DESC",
    ) == [
        (_at(6), "m", "d1", "p", "Plant", "O1", 3, 400, 400, _at(6.5) + timedelta(seconds=500)),
        (_at(6), "gone", None, None, None, "O1", 1, 400, 900, _at(6.25)),
        (_at(6), "m", "d1", "p", "Other", "O1", 1, 400, 900, _at(6.25)),
    ]


@pytest.mark.requires("community")
def test_the_downtime_dashboard_shows_each_hour_once_with_its_companys_description(
    gold: Any,
) -> None:
    _downtimes(gold)
    _refresh(gold, "hourly_downtime_stats")
    assert query(
        gold,
        "SELECT bucket_time, company_id, plant_name, down_code, description, downtime_count,"
        " total_downtime_sec FROM gold.v_downtime_dashboard ORDER BY company_id",
    ) == [
        (_at(6), "c", "Plant", "X", "First", 3, 8640),
        (_at(6), "d", "Other", "X", "Of d", 1, 21600),
    ]


@pytest.mark.requires("community")
def test_the_oee_dashboard_computes_availability_and_assumes_the_rest(gold: Any) -> None:
    _cycles(gold)
    _downtimes(gold)
    run(
        gold,
        "INSERT INTO silver.machine_downtime (down_start, down_end, company_id, machine_id)"
        " VALUES ('2026-01-06 00:00Z', '2026-01-06 12:00Z', 'c', 'n')",
    )
    _refresh(gold, "daily_production_stats", "daily_downtime_stats")
    assert query(
        gold,
        "SELECT day, company_id, machine_id, availability, performance, quality"
        " FROM gold.v_oee_dashboard ORDER BY day, company_id, machine_id",
    ) == [
        (DAY, "c", "gone", 1, Decimal("0.85"), Decimal("0.98")),
        (DAY, "c", "m", Decimal("0.9"), Decimal("0.85"), Decimal("0.98")),
        (DAY, "d", "m", Decimal("0.75"), Decimal("0.85"), Decimal("0.98")),
        (_at(24), "c", "n", Decimal("0.5"), Decimal("0.85"), Decimal("0.98")),
    ]
    assert query(
        gold,
        "SELECT total_cycles, avg_std_cycle_time, total_production_time_sec"
        " FROM gold.daily_production_stats WHERE company_id = 'c' AND machine_id = 'm'",
    ) == [(5, 400, 1600)]
    assert query(
        gold,
        "SELECT total_stops, total_downtime_sec FROM gold.daily_downtime_stats"
        " WHERE company_id = 'c' AND machine_id = 'm'",
    ) == [(3, 8640)]


# What needs no aggregate


def _statuses(connection: Any) -> None:
    for hour, machine, company, status in (
        (6, "m", "c", "Running"),
        (7, "m", "c", "STOPPED"),
        (5, "m", "c", "Idle"),
        (6, "n", "c", "idle"),
        (7, "m", "d", "Running"),
        (7, "gone", "c", "Running"),
    ):
        run(
            connection,
            "INSERT INTO silver.machine_status (time, company_id, machine_id, status, shift_id)"
            " VALUES (%s, %s, %s, %s, 'A')",
            _at(hour),
            company,
            machine,
            status,
        )


def test_the_live_view_shows_the_newest_status_of_each_known_machine(gold: Any) -> None:
    _statuses(gold)
    assert query(
        gold,
        'SELECT company_id, machine_id, device_id, plant_id, plant_name, "time", status'
        " FROM gold.v_live_machine_status ORDER BY company_id, machine_id",
    ) == [
        ("c", "m", "d1", "p", "Plant", _at(7), "STOPPED"),
        ("c", "n", "d2", "p", "Plant", _at(6), "idle"),
        ("d", "m", "d1", "p", "Other", _at(7), "Running"),
    ]


def test_the_home_screen_counts_the_machines_of_one_company_by_their_newest_status(
    gold: Any,
) -> None:
    _statuses(gold)
    assert query(gold, "SELECT * FROM gold.get_home_screen_stats('c')") == [(2, 0, 1, 1)]
    assert query(gold, "SELECT * FROM gold.get_home_screen_stats('d')") == [(1, 1, 0, 0)]
    assert query(gold, "SELECT * FROM gold.get_home_screen_stats('nobody')") == [(0, 0, 0, 0)]


@pytest.mark.parametrize("status", [None, "", "Alarm"])
def test_a_machine_of_no_known_status_counts_in_the_total_alone(
    gold: Any, status: str | None
) -> None:
    run(
        gold,
        "INSERT INTO silver.machine_status (time, company_id, machine_id, status)"
        " VALUES (now(), 'c', 'm', %s)",
        status,
    )
    assert query(gold, "SELECT * FROM gold.get_home_screen_stats('c')") == [(2, 0, 0, 0)]
