"""Gold on the new keys, and overall equipment effectiveness against numbers computed by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import psycopg2.errors
import psycopg2.extensions
import pytest

from tests.fresh_v2 import add_company, add_machine, add_plant
from tests.v1 import ROOT, query, run, value

DAY = "2026-03-02"
TWO_SHIFTS = (("06:00", "14:00", 0), ("14:00", "22:00", 0))
PLANNED = 16 * 3600


class Plant:
    """A plant with two shifts of eight hours, and what its machines report on one day."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        self.company = add_company(connection, "C1")
        self.plant = add_plant(connection, self.company, "P1", shifts=TWO_SHIFTS)
        self._machines = 0

    def machine(self, plant: int | None = -1) -> int:
        """A new machine, in the plant with two shifts unless another or none is given."""
        self._machines += 1
        return add_machine(
            self.connection,
            self.company,
            f"M{self._machines}",
            self.plant if plant == -1 else plant,
        )

    def stop(self, machine: int, start: str, end: str | None) -> None:
        """A stop; times carry their zone."""
        run(
            self.connection,
            "INSERT INTO silver.machine_downtime"
            " (logical_date, company_iot_id, machine_iot_id, shift_id, down_start, down_end)"
            " VALUES (%s, %s, %s, 1, %s, %s)",
            start[:10],
            self.company,
            machine,
            start,
            end,
        )

    def cycles(
        self, machine: int, number: int, std: int | None, start: str = "06:00", shift: int = 1
    ) -> None:
        """That many cycles, a minute apart."""
        run(
            self.connection,
            "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id,"
            " shift_id, program_no, cycle_start, cycle_end, std_cycle_time, std_load_unload,"
            " actual_load_unload) SELECT %s, %s, %s, %s, 'O1', t.at, t.at + INTERVAL '50 seconds',"
            " %s, 10, 5 + 10 * (n.n %% 2)"
            " FROM generate_series(0, %s - 1) AS n (n) CROSS JOIN LATERAL"
            " (SELECT %s::timestamptz + n.n * INTERVAL '1 minute' AS at) AS t",
            DAY,
            self.company,
            machine,
            shift,
            std,
            number,
            f"{DAY} {start}:00+05:30",
        )

    def parts(self, machine: int, parts: int | None, rejects: int | None, hour: int = 7) -> None:
        """What FOCAS reports of one interval."""
        run(
            self.connection,
            "INSERT INTO silver.machine_focas (logical_date, company_iot_id, machine_iot_id,"
            " shift_id, event_time, part_count, rej_count, pot, ot, ct)"
            " VALUES (%s, %s, %s, 1, %s, %s, %s, 3600, 3000, 2000)",
            DAY,
            self.company,
            machine,
            f"{DAY} {hour:02}:00:00+05:30",
            parts,
            rejects,
        )

    def read_through(self) -> None:
        """Let the aggregates show what no refresh has computed, up to the end of the test."""
        for (name,) in query(
            self.connection,
            "SELECT view_name FROM timescaledb_information.continuous_aggregates"
            " WHERE view_schema = 'gold'",
        ):
            run(
                self.connection,
                f"ALTER MATERIALIZED VIEW gold.{name} SET (timescaledb.materialized_only = false)",
            )

    def oee(self, machine: int, day: str = DAY) -> tuple[Decimal | None, ...]:
        """Availability, performance, quality and their product, with nine digits."""
        rows = query(
            self.connection,
            "SELECT round(o.availability, 9), round(o.performance, 9), round(o.quality, 9),"
            " round(o.oee, 9) FROM gold.v_oee_dashboard AS o"
            " WHERE o.machine_iot_id = %s AND o.day = %s",
            machine,
            day,
        )
        assert len(rows) == 1
        return rows[0]


def exactly(*values: Fraction | int | None) -> tuple[Decimal | None, ...]:
    """Fractions as decimals with nine digits."""
    return tuple(
        None
        if number is None
        else Decimal(round(Fraction(number) * 10**9)).scaleb(-9).quantize(Decimal(1).scaleb(-9))
        for number in values
    )


@pytest.fixture
def plant(v2: psycopg2.extensions.connection) -> Plant:
    return Plant(v2)


def test_all_factors_of_a_day_are_those_computed_by_hand(plant: Plant) -> None:
    # An hour of lunch, and half an hour of the one that began at 21:30: 5,400 s of 57,600.
    machine = plant.machine()
    plant.stop(machine, f"{DAY} 12:00:00+05:30", f"{DAY} 13:00:00+05:30")
    plant.stop(machine, f"{DAY} 21:30:00+05:30", f"{DAY} 22:30:00+05:30")
    plant.cycles(machine, 400, 120)
    plant.parts(machine, 250, 3)
    plant.parts(machine, 150, 5, hour=15)
    availability, performance = Fraction(52200, PLANNED), Fraction(400 * 120, 52200)
    quality = Fraction(392, 400)
    assert plant.oee(machine) == exactly(
        availability, performance, quality, availability * performance * quality
    )
    sums = query(
        plant.connection,
        "SELECT o.planned_sec, o.downtime_sec, o.run_sec, o.total_cycles, o.total_parts,"
        " o.total_rejects FROM gold.v_oee_dashboard AS o WHERE o.machine_iot_id = %s",
        machine,
    )
    assert sums == [(PLANNED, 5400, 52200, 400, 400, 8)]


def test_amounts_of_focas_add_up_and_none_is_taken_for_a_counter(plant: Plant) -> None:
    # A counter that ran on would have made 40 - 12 = 28 parts, or 40; intervals made 12 + 3 + 40.
    machine = plant.machine()
    for hour, (parts, rejects) in enumerate(((12, 1), (3, 0), (40, 4)), start=7):
        plant.parts(machine, parts, rejects, hour=hour)
    assert query(
        plant.connection,
        "SELECT o.total_parts, o.total_rejects, round(o.quality, 9) FROM gold.v_oee_dashboard AS o"
        " WHERE o.machine_iot_id = %s",
        machine,
    ) == [(55, 5, *exactly(Fraction(50, 55)))]


@pytest.mark.parametrize("table", ["silver.machine_focas", "bronze.raw_machine_focas"])
def test_each_amount_of_focas_says_that_it_belongs_to_an_interval(
    v2: psycopg2.extensions.connection, table: str
) -> None:
    said = dict(
        query(
            v2,
            "SELECT a.attname::text, col_description(a.attrelid, a.attnum) FROM pg_attribute AS a"
            " WHERE a.attrelid = %s::regclass AND a.attname IN"
            " ('part_count', 'rej_count', 'pot', 'ot', 'ct')",
            table,
        )
    )
    assert said == {
        "part_count": "Parts made in the interval",
        "rej_count": "Of these, rejected",
        "pot": "Power-on time of the interval in seconds",
        "ot": "Operating time of the interval in seconds",
        "ct": "Cutting time of the interval in seconds",
    }
    assert "amounts of" in value(v2, "SELECT obj_description(%s::regclass)", table)


def test_the_template_of_gateways_says_amounts_too() -> None:
    template = ROOT / "schema_new/bronze/Source Templates/raw_machine_focas.sqlite.sql"
    assert "amounts of an interval that ends at event_time" in template.read_text()


def test_a_day_without_stops_was_available_and_one_of_stops_alone_was_not(plant: Plant) -> None:
    running, standing = plant.machine(), plant.machine()
    plant.cycles(running, 480, 60)
    plant.parts(running, 480, 0)
    plant.stop(standing, f"{DAY} 05:00:00+05:30", f"{DAY} 23:00:00+05:30")
    assert plant.oee(running) == exactly(1, Fraction(28800, PLANNED), 1, Fraction(1, 2))
    assert plant.oee(standing) == exactly(0, None, None, None)


def test_a_factor_that_cannot_be_known_is_null(plant: Plant) -> None:
    no_parts, zero_parts, no_rejects, no_standard, idle = (plant.machine() for _ in range(5))
    plant.cycles(no_parts, 10, 60)
    plant.cycles(zero_parts, 10, 60)
    plant.parts(zero_parts, 0, 0)
    plant.parts(no_rejects, 10, 1)
    plant.parts(no_rejects, 10, None, hour=8)
    plant.cycles(no_standard, 10, 60)
    plant.cycles(no_standard, 1, None, start="20:00")
    plant.parts(no_standard, 11, 0)
    plant.stop(idle, f"{DAY} 07:00:00+05:30", f"{DAY} 07:00:00+05:30")
    ten = Fraction(600, PLANNED)
    assert plant.oee(no_parts) == exactly(1, ten, None, None)
    assert plant.oee(zero_parts) == exactly(1, ten, None, None)
    assert plant.oee(no_rejects) == exactly(1, None, None, None)
    assert plant.oee(no_standard) == exactly(1, None, 1, None)
    assert not query(
        plant.connection,
        "SELECT o.day FROM gold.v_oee_dashboard AS o WHERE o.machine_iot_id = %s",
        idle,
    )


def test_without_scheduled_time_only_quality_is_known(plant: Plant) -> None:
    nowhere = plant.machine(None)
    unplanned = plant.machine(add_plant(plant.connection, plant.company, "P0"))
    for machine in (nowhere, unplanned):
        plant.stop(machine, f"{DAY} 12:00:00+05:30", f"{DAY} 13:00:00+05:30")
        plant.cycles(machine, 10, 60, shift=0)
        plant.parts(machine, 4, 1)
        assert plant.oee(machine) == exactly(None, None, Fraction(3, 4), None)


def test_cycles_outside_the_schedule_have_no_share_in_its_run_time(plant: Plant) -> None:
    machine = plant.machine()
    plant.cycles(machine, 480, 60)
    plant.cycles(machine, 50, 60, start="22:00", shift=0)
    assert plant.oee(machine) == exactly(1, Fraction(1, 2), None, None)


def test_two_stops_over_each_other_count_once(plant: Plant) -> None:
    machine = plant.machine()
    plant.stop(machine, f"{DAY} 08:00:00+05:30", f"{DAY} 10:00:00+05:30")
    plant.stop(machine, f"{DAY} 09:00:00+05:30", f"{DAY} 11:00:00+05:30")
    plant.stop(machine, f"{DAY} 10:30:00+05:30", f"{DAY} 09:00:00+05:30")  # ends before it starts
    assert plant.oee(machine) == exactly(Fraction(13, 16), None, None, None)


def test_a_stop_over_days_counts_on_each_of_them(plant: Plant) -> None:
    machine = plant.machine()
    plant.stop(machine, "2026-03-02 20:00:00+05:30", "2026-03-04 07:00:00+05:30")
    shares = {"2026-03-02": 14, "2026-03-03": 0, "2026-03-04": 15}
    for day, hours in shares.items():
        assert plant.oee(machine, day) == exactly(Fraction(hours, 16), *([None] * 3)), day


def test_a_stop_without_an_end_lasts_until_the_machine_shows_otherwise(plant: Plant) -> None:
    cut, restopped, lasting = plant.machine(), plant.machine(), plant.machine()
    plant.stop(cut, f"{DAY} 06:00:00+05:30", None)
    plant.cycles(cut, 10, 60, start="08:00")
    plant.stop(restopped, f"{DAY} 06:00:00+05:30", None)
    plant.stop(restopped, f"{DAY} 10:00:00+05:30", f"{DAY} 11:00:00+05:30")
    plant.stop(lasting, f"{DAY} 06:00:00+05:30", None)
    assert plant.oee(cut)[0] == exactly(Fraction(14, 16))[0]
    assert plant.oee(restopped)[0] == exactly(Fraction(11, 16))[0]
    assert plant.oee(lasting)[0] == 0


def test_a_night_shift_of_the_change_to_summer_time_is_an_hour_shorter(plant: Plant) -> None:
    berlin = add_plant(
        plant.connection, plant.company, "P2", "Europe/Berlin", (("22:00", "06:00", 1),)
    )
    machine = plant.machine(berlin)
    plant.stop(machine, "2026-03-29 00:00:00+00", "2026-03-29 02:00:00+00")
    assert plant.oee(machine, "2026-03-28") == exactly(Fraction(5, 7), None, None, None)


@pytest.mark.requires("community")
def test_summaries_take_keys_and_leave_the_end_out(plant: Plant) -> None:
    machine = plant.machine()
    plant.cycles(machine, 4, 60, start="06:30")
    plant.parts(machine, 5, 1, hour=6)
    plant.read_through()
    bounds = (machine, plant.company, f"{DAY} 00:00:00+00", f"{DAY} 02:00:00+00")
    cycles = query(
        plant.connection,
        "SELECT total_cycles, avg_cycle_time::integer, avg_load_unload::integer,"
        " total_load_unload_exceeded FROM gold.get_cycle_summary(%s, %s, %s, %s)",
        *bounds,
    )
    assert cycles == [(4, 50, 10, 10)]
    downtime = "SELECT downtime_seconds, part_count, operating_time FROM gold.get_downtime_summary"
    assert query(plant.connection, f"{downtime}(%s, %s, %s, %s)", *bounds) == [(600, 5, 3000)]
    empty = (*bounds[:2], bounds[2], f"{DAY} 00:00:00+00")
    assert not query(plant.connection, f"{downtime}(%s, %s, %s, %s)", *empty)
    assert not query(
        plant.connection,
        "SELECT 1 FROM gold.get_energy_summary(_machine_iot_id => %s, _company_iot_id => %s,"
        " _start_time => %s, _end_time => %s)",
        *bounds,
    )


def test_the_home_screen_counts_the_newest_status_of_each_machine(plant: Plant) -> None:
    other = add_company(plant.connection, "C2")
    for statuses in (("Stopped", "Running"), ("RUNNING",), ("Running", "Idle"), ("Setup",), ()):
        machine = plant.machine()
        for minute, status in enumerate(statuses):
            run(
                plant.connection,
                "INSERT INTO silver.machine_status (logical_date, company_iot_id, machine_iot_id,"
                " shift_id, event_time, status) VALUES (%s, %s, %s, 1, %s, %s)",
                DAY,
                plant.company,
                machine,
                f"{DAY} 07:{minute:02}:00+05:30",
                status,
            )
    stats = "SELECT * FROM gold.get_home_screen_stats(%s)"
    assert query(plant.connection, stats, plant.company) == [(5, 2, 0, 1)]
    assert query(plant.connection, stats, other) == [(0, 0, 0, 0)]
    live = query(
        plant.connection,
        "SELECT v.status, v.device_id, v.plant_iot_id, v.plant_name"
        " FROM gold.v_live_machine_status AS v ORDER BY v.machine_iot_id",
    )
    assert [row[0] for row in live] == ["Running", "RUNNING", "Idle", "Setup"]
    assert live[0][1:] == ("gateway of M1", plant.plant, "P1")


@pytest.mark.requires("community")
def test_dashboards_name_the_plant_and_the_downtime_code(plant: Plant) -> None:
    machine, nowhere = plant.machine(), plant.machine(None)
    code = value(
        plant.connection,
        "INSERT INTO master.downtime_codes (down_code, description) VALUES ('D1', 'Tool change')"
        " RETURNING down_id",
    )
    for each in (machine, nowhere):
        plant.cycles(each, 1, 60)
        plant.stop(each, f"{DAY} 08:00:00+05:30", f"{DAY} 08:30:00+05:30")
    run(plant.connection, "UPDATE silver.machine_downtime SET down_id = %s", code)
    plant.read_through()
    assert query(
        plant.connection,
        "SELECT v.device_id, v.plant_iot_id, v.plant_name, v.total_cycles"
        " FROM gold.v_production_dashboard AS v ORDER BY v.machine_iot_id",
    ) == [("gateway of M1", plant.plant, "P1", 1), ("gateway of M2", None, None, 1)]
    assert query(
        plant.connection,
        "SELECT v.plant_name, v.down_code, v.description, v.downtime_count,"
        " v.total_downtime_sec::integer"
        " FROM gold.v_downtime_dashboard AS v ORDER BY v.machine_iot_id",
    ) == [("P1", "D1", "Tool change", 1, 1800), (None, "D1", "Tool change", 1, 1800)]


def test_a_reader_sees_gold_and_writes_nothing(plant: Plant) -> None:
    run(plant.connection, "SET ROLE setu_reader")
    for view in ("v_oee_dashboard", "v_live_machine_status"):
        query(plant.connection, f"SELECT * FROM gold.{view}")
    query(plant.connection, "SELECT * FROM gold.get_home_screen_stats(1)")
    for denied in ("DELETE FROM alerting.history", "CALL alerting.proc_run_engine()"):
        run(plant.connection, "SAVEPOINT denied")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(plant.connection, denied)
        run(plant.connection, "ROLLBACK TO SAVEPOINT denied")


def test_the_calendar_fills_whole_years_once(v2: psycopg2.extensions.connection) -> None:
    fill = "SELECT master.fn_fill_calendar(%s, %s)"
    # This year and the next two are there from the start.
    assert value(v2, fill, 2024, 2025) == 366 + 365
    assert value(v2, fill, 2023, 2024) == 365
    assert value(v2, fill, 2023, 2025) == 0
    # 30 December 2024 is a Monday of the first ISO week of 2025.
    assert query(
        v2,
        "SELECT year, month, iso_year, iso_week, week_start_date::text, week_end_date::text,"
        " day_of_week, is_weekend FROM master.calendar WHERE date_key IN (20241230, 20250104)"
        " ORDER BY date_key",
    ) == [
        (2024, 12, 2025, 1, "2024-12-30", "2025-01-05", 1, False),
        (2025, 1, 2025, 1, "2024-12-30", "2025-01-05", 6, True),
    ]
