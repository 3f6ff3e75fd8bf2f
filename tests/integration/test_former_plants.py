"""A machine that moves leaves the dates that are over to the plant in which it stood."""

from __future__ import annotations

from decimal import Decimal

import psycopg2.extensions
import pytest

from tests.fresh_v2 import add_company, add_machine, add_plant
from tests.v1 import query, run, value

#: Sixteen hours and eight, in UTC: yesterday is over at any time of the day.
LONG_DAY = (("06:00", "14:00", 0), ("14:00", "22:00", 0))
SHORT_DAY = (("08:00", "16:00", 0),)
#: Four of the sixteen hours, and four of the eight.
STOP = "12:00", "16:00"
IN_LONG_DAY = Decimal("0.750")


class Plants:
    """A machine in plant A of a company that has plants A, B and C."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        self.company = add_company(connection, "C1")
        self.a = add_plant(connection, self.company, "A", "UTC", LONG_DAY)
        self.b = add_plant(connection, self.company, "B", "UTC", SHORT_DAY)
        self.c = add_plant(connection, self.company, "C", "UTC", SHORT_DAY)
        self.machine = add_machine(connection, self.company, "M1", self.a)

    def stop(self, days_ago: int, begin: str = STOP[0], end: str = STOP[1]) -> None:
        """A stop of the machine on a date that is over."""
        run(
            self.connection,
            "INSERT INTO silver.machine_downtime"
            " (logical_date, company_iot_id, machine_iot_id, shift_id, down_start, down_end)"
            " SELECT d.day, %s, %s, 1, (d.day + %s::time) AT TIME ZONE 'UTC',"
            " (d.day + %s::time) AT TIME ZONE 'UTC'"
            " FROM (SELECT (now() AT TIME ZONE 'UTC')::date - %s AS day) AS d",
            self.company,
            self.machine,
            begin,
            end,
            days_ago,
        )

    def part(self, days_ago: int = 0) -> None:
        """A FOCAS row of now, or of some days ago."""
        run(
            self.connection,
            "INSERT INTO silver.machine_focas (logical_date, company_iot_id, machine_iot_id,"
            " shift_id, event_time, part_count, rej_count)"
            " SELECT (d.at AT TIME ZONE 'UTC')::date, %s, %s, 0, d.at, 1, 0"
            " FROM (SELECT now() - %s * INTERVAL '24 hours' AS at) AS d",
            self.company,
            self.machine,
            days_ago,
        )

    def has_rolled_up(self, plant: int, days_ago: int) -> None:
        """A plant has been rolled up to a date, of which its machines had no rows."""
        run(
            self.connection,
            "INSERT INTO gold.rolled_up_dates SELECT %s, d.day - 9, d.day"
            " FROM (SELECT (now() AT TIME ZONE 'UTC')::date - %s AS day) AS d",
            plant,
            days_ago,
        )

    def enter(self, plant: int) -> None:
        """The machine gets its first plant."""
        run(
            self.connection,
            "INSERT INTO master.plant_machine_mapping"
            " (company_iot_id, plant_iot_id, machine_iot_id) VALUES (%s, %s, %s)",
            self.company,
            plant,
            self.machine,
        )

    def move(self, plant: int) -> None:
        """The machine goes to a plant."""
        run(
            self.connection,
            "UPDATE master.plant_machine_mapping SET plant_iot_id = %s WHERE machine_iot_id = %s",
            plant,
            self.machine,
        )

    def roll_up(self, days_ago: int = 1) -> None:
        """Roll up a date of every plant."""
        run(
            self.connection,
            "SELECT gold.fn_roll_up_dates(p.iot_id, d.day, d.day) FROM master.plants AS p,"
            " (SELECT (now() AT TIME ZONE 'UTC')::date - %s AS day) AS d",
            days_ago,
        )

    def roll_up_without_plant(self) -> None:
        """Roll up yesterday of the machines without a plant."""
        run(
            self.connection,
            "SELECT gold.fn_roll_up_dates(0, d.day, d.day)"
            " FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 1 AS day) AS d",
        )

    def day(self, days_ago: int) -> list[tuple[int | None, Decimal | None]]:
        """Plant and availability of a date."""
        return query(
            self.connection,
            "SELECT o.plant_iot_id, round(o.availability, 3) FROM gold.v_oee_dashboard AS o"
            " WHERE o.machine_iot_id = %s AND o.day = (now() AT TIME ZONE 'UTC')::date - %s",
            self.machine,
            days_ago,
        )

    def plant_of(self, days_ago: int) -> list[int | None]:
        """The plants that a date counts for."""
        return [plant for plant, _ in self.day(days_ago)]


def shift_plants(plants: Plants) -> set[int | None]:
    """The plants that yesterday counts for by shift."""
    rows = query(
        plants.connection,
        "SELECT s.plant_iot_id FROM gold.v_machine_shifts AS s WHERE s.machine_iot_id = %s"
        " AND s.logical_date = (now() AT TIME ZONE 'UTC')::date - 1",
        plants.machine,
    )
    return {plant for (plant,) in rows}


@pytest.fixture
def plants(v2: psycopg2.extensions.connection) -> Plants:
    return Plants(v2)


@pytest.mark.parametrize("moved", ["before the date is rolled up", "after"])
def test_yesterday_stays_where_it_was(plants: Plants, moved: str) -> None:
    plants.stop(1)
    plants.part()
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    if moved == "after":
        plants.roll_up()
    plants.move(plants.b)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    assert plants.plant_of(0) == [plants.b]
    plants.roll_up()
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    assert plants.plant_of(0) == [plants.b]


def test_what_comes_late_counts_where_the_machine_stood(plants: Plants) -> None:
    plants.stop(1)
    plants.move(plants.b)
    plants.roll_up()
    plants.stop(1, "20:00", "22:00")
    assert plants.day(1) == [(plants.a, Decimal("0.625"))]
    run(plants.connection, "SELECT gold.fn_roll_up_stale(1000)")
    assert plants.day(1) == [(plants.a, Decimal("0.625"))]


@pytest.mark.parametrize(
    ("table", "instant", "amount"),
    [
        ("machine_cycles", "cycle_start", "cycles"),
        ("machine_downtime", "down_start", "stops"),
        ("machine_focas", "event_time", "parts"),
    ],
)
def test_a_night_shift_in_the_new_plant_counts_for_a_date_that_is_rolled_up(
    plants: Plants, table: str, instant: str, amount: str
) -> None:
    plants.move(plants.b)
    plants.roll_up(2)
    # As of a plant so far to the west that the night of that date is not over there.
    run(
        plants.connection,
        f"INSERT INTO silver.{table} (logical_date, company_iot_id, machine_iot_id, shift_id,"
        f" {instant}) SELECT (now() AT TIME ZONE 'UTC')::date - 2, %s, %s, 1, now()",
        plants.company,
        plants.machine,
    )
    if table == "machine_focas":
        run(plants.connection, "UPDATE silver.machine_focas SET part_count = 1, rej_count = 0")
    counted = f"SELECT plant_iot_id, {amount} FROM gold.v_machine_days WHERE logical_date < %s"
    today = value(plants.connection, "SELECT (now() AT TIME ZONE 'UTC')::date")
    assert query(plants.connection, counted, today) == [(plants.a, 1)]
    run(plants.connection, "SELECT gold.fn_roll_up_stale(1000)")
    assert query(plants.connection, counted, today) == [(plants.a, 1)]
    run(plants.connection, f"DELETE FROM silver.{table}")
    assert query(plants.connection, counted, today) == []


def test_a_date_without_rows_counts_where_the_machine_stood_too(plants: Plants) -> None:
    plants.move(plants.b)
    plants.roll_up()
    assert not plants.day(1)
    plants.stop(1)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    run(plants.connection, "SELECT gold.fn_roll_up_stale(1000)")
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]


def test_dates_that_wait_for_the_roll_up_count_where_the_machine_stood(plants: Plants) -> None:
    plants.stop(20)
    plants.move(plants.b)
    assert plants.day(20) == [(plants.a, IN_LONG_DAY)]
    plants.roll_up(20)
    assert plants.day(20) == [(plants.a, IN_LONG_DAY)]


def test_the_running_date_goes_with_the_machine(plants: Plants) -> None:
    plants.stop(1)
    plants.part()
    for plant in (plants.b, plants.c, plants.a, plants.c):
        plants.move(plant)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    assert plants.plant_of(0) == [plants.c]
    assert query(
        plants.connection,
        "SELECT plant_iot_id, first_date::text, (now() AT TIME ZONE 'UTC')::date - last_date"
        " FROM master.former_plants",
    ) == [(plants.a, "-infinity", 1)]


def test_a_later_move_begins_where_the_one_before_ended(plants: Plants) -> None:
    plants.move(plants.b)
    run(plants.connection, "UPDATE master.former_plants SET last_date = last_date - 2")
    plants.move(plants.c)
    for days_ago in (1, 2, 3):
        plants.stop(days_ago)
    in_short_day = Decimal("0.500")
    assert plants.day(3) == [(plants.a, IN_LONG_DAY)]
    assert plants.day(2) == [(plants.b, in_short_day)]
    assert plants.day(1) == [(plants.b, in_short_day)]


def test_a_machine_that_leaves_for_nowhere_keeps_its_past(plants: Plants) -> None:
    plants.stop(1)
    run(plants.connection, "DELETE FROM master.plant_machine_mapping")
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]


def test_a_first_plant_takes_the_dates_that_are_not_rolled_up(plants: Plants) -> None:
    plants.machine = add_machine(plants.connection, plants.company, "M2")
    plants.stop(1)
    assert not plants.day(1)  # nothing is planned, so a stop alone says nothing
    plants.enter(plants.a)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]


def test_a_first_plant_that_is_rolled_up_further_takes_them_too(plants: Plants) -> None:
    plants.machine = add_machine(plants.connection, plants.company, "M2")
    plants.has_rolled_up(0, 2)
    plants.has_rolled_up(plants.a, 1)
    plants.stop(1)
    run(plants.connection, "DELETE FROM gold.stale_machine_days")
    plants.enter(plants.a)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]
    run(plants.connection, "SELECT gold.fn_roll_up_stale(1000)")
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]


def test_a_machine_without_rows_leaves_no_note_on_them(plants: Plants) -> None:
    plants.has_rolled_up(0, 2)
    plants.has_rolled_up(plants.a, 1)
    plants.machine = add_machine(plants.connection, plants.company, "M2", plants.a)
    assert value(plants.connection, "SELECT count(*) FROM gold.stale_machine_days") == 0


def test_a_date_rolled_up_without_a_plant_stays_without_one(plants: Plants) -> None:
    plants.machine = add_machine(plants.connection, plants.company, "M2")
    plants.part(1)
    plants.roll_up_without_plant()
    plants.stop(1)
    run(plants.connection, "DELETE FROM gold.stale_machine_days")
    plants.enter(plants.a)
    assert plants.plant_of(1) == [None]
    assert shift_plants(plants) == {None}
    plants.roll_up()
    assert plants.plant_of(1) == [None]
    assert shift_plants(plants) == {None}


def test_what_comes_late_for_a_date_without_a_plant_brings_none(plants: Plants) -> None:
    plants.machine = add_machine(plants.connection, plants.company, "M2")
    plants.part(1)
    plants.roll_up_without_plant()
    plants.enter(plants.a)
    plants.roll_up()
    plants.stop(1)
    assert plants.day(1) == [(None, None)]
    run(plants.connection, "SELECT gold.fn_roll_up_stale(1000)")
    assert plants.day(1) == [(None, None)]


def test_a_date_that_the_new_plant_has_been_rolled_up_for_stays(plants: Plants) -> None:
    plants.part()
    plants.has_rolled_up(plants.b, 0)
    plants.move(plants.b)
    assert plants.plant_of(0) == [plants.a]
    plants.roll_up(0)
    assert plants.plant_of(0) == [plants.a]


def test_a_place_that_another_machine_takes_is_left_as_in_a_move(plants: Plants) -> None:
    plants.stop(1)
    other = add_machine(plants.connection, plants.company, "M2")
    run(plants.connection, "UPDATE master.plant_machine_mapping SET machine_iot_id = %s", other)
    assert plants.day(1) == [(plants.a, IN_LONG_DAY)]


def test_a_machine_deleted_with_its_mapping_leaves_nothing(plants: Plants) -> None:
    run(
        plants.connection,
        "WITH gone AS (DELETE FROM master.plant_machine_mapping)"
        " DELETE FROM master.machine_info WHERE iot_id = %s",
        plants.machine,
    )
    plants.machine = add_machine(plants.connection, plants.company, "M2", plants.a)
    plants.move(plants.b)
    run(plants.connection, "DELETE FROM master.plant_machine_mapping")
    run(plants.connection, "DELETE FROM master.machine_info WHERE iot_id = %s", plants.machine)
    assert value(plants.connection, "SELECT count(*) FROM master.former_plants") == 0


@pytest.mark.parametrize(
    ("zone", "shifts", "ends"),
    [
        ("Asia/Kolkata", (), "2026-03-02 18:30:00"),
        ("Asia/Kolkata", (("22:00", "06:00", 1),), "2026-03-03 00:30:00"),
        ("America/New_York", (("06:00", "14:00", 0),), "2026-03-03 05:00:00"),
        ("America/New_York", (("22:00", "06:00", 1),), "2026-03-03 11:00:00"),
        ("Pacific/Pago_Pago", (("23:30", "23:30", 1),), "2026-03-04 10:30:00"),
    ],
)  # fmt: skip
def test_a_date_ends_with_its_last_shift_and_its_local_day(
    plants: Plants, zone: str, shifts: tuple[tuple[str, str, int], ...], ends: str
) -> None:
    plant = add_plant(plants.connection, plants.company, "Z", zone, shifts)
    assert (
        value(
            plants.connection,
            "SELECT (master.fn_date_ends(%s, '2026-03-02') AT TIME ZONE 'UTC')::text",
            plant,
        )
        == ends
    )


def test_a_date_of_no_plant_ends_with_the_day_of_utc(plants: Plants) -> None:
    sql = "SELECT (master.fn_date_ends(0, '2026-03-02') AT TIME ZONE 'UTC')::text"
    assert value(plants.connection, sql) == "2026-03-03 00:00:00"


@pytest.mark.parametrize("report", ["v_oee_dashboard", "v_oee_by_shift", "v_daily_downtime"])
def test_planned_time_is_computed_once_a_plant_however_many_machines(
    plants: Plants, report: str
) -> None:
    def calls() -> int:
        """How often the report computes planned time."""
        counted = (
            "SELECT coalesce(sum(f.calls), 0)::integer FROM pg_stat_xact_user_functions AS f"
            " WHERE f.funcname = 'fn_planned_shifts'"
        )
        run(plants.connection, "ANALYZE master.plant_machine_mapping; ANALYZE master.machine_info")
        before = value(plants.connection, counted)
        assert query(plants.connection, f"SELECT * FROM gold.{report}")
        return int(value(plants.connection, counted) - before)

    def add_machines(first: int, last: int) -> None:
        for number in range(first, last + 1):
            plant = (plants.a, plants.b)[number % 2]
            add_machine(plants.connection, plants.company, f"M{number}", plant)

    run(plants.connection, "SET LOCAL track_functions = 'pl'")
    plants.stop(1)
    add_machines(2, 20)
    few = calls()
    add_machines(21, 80)
    assert calls() == few > 0
