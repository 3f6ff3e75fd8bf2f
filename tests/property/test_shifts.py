"""The shift of an instant: every minute of a year against the model, and shifts that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fresh_v2 import add_company, add_plant, apply_v2
from tests.loads import clock
from tests.model import Plant, Shift, shift_at
from tests.property.profile import PROFILE, cases
from tests.servers.at_hand import Server
from tests.v1 import connect, query, run

YEAR = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES = 366 * 1440
# Where the clock is changed in the oddest ways; elsewhere every tenth minute, but for the night.
EVERY_MINUTE = ("New York", "Lord Howe", "Santiago")
DAY = timedelta(days=1)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def shift(number: int, start: float, end: float, from_day: int = 0, to_day: int = 0) -> Shift:
    return Shift(number, f"S{number}", hours(start), hours(end), from_day, to_day)


ROUND_THE_CLOCK = (shift(1, 6, 14), shift(2, 14, 22), shift(3, 22, 6, 0, 1))
WITH_GAPS = (shift(1, 7.25, 11.5), shift(4, 20, 1.5, 0, 1))
AFTER_MIDNIGHT = (shift(2, 8, 24), shift(7, 0, 2.5, 1, 1))
ALL_DAY = (shift(5, 6, 6, 0, 1),)
PLANTS = {
    "Kolkata, three shifts": Plant("Asia/Kolkata", ROUND_THE_CLOCK),
    "Berlin, three shifts": Plant("Europe/Berlin", ROUND_THE_CLOCK),
    "New York, gaps in the changed hour": Plant("America/New_York", WITH_GAPS),
    "Lord Howe, half an hour of summer time": Plant("Australia/Lord_Howe", AFTER_MIDNIGHT),
    "Santiago, a change at midnight": Plant("America/Santiago", ROUND_THE_CLOCK),
    "Saint John's, one shift of a day": Plant("America/St_Johns", ALL_DAY),
    "Kiritimati, no shifts": Plant("Pacific/Kiritimati"),
}


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg2.extensions.connection]:
    url = server.create_database()
    try:
        opened = connect(url)
        try:
            apply_v2(opened, "community" if "community" in server.capabilities else "apache")
            opened.commit()
            opened.autocommit = True
            add_company(opened, "C")
            yield opened
        finally:
            opened.close()
    finally:
        server.drop_database(url)


def _add(connection: psycopg2.extensions.connection, plant: int, new: Shift) -> None:
    run(
        connection,
        "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, shift_name,"
        " start_time, end_time, from_day, to_day) VALUES (1, %s, %s, %s, %s, %s, %s, %s)",
        *(plant, new.shift_id, new.name, clock(new.start), clock(new.end)),
        *(new.from_day, new.to_day),
    )


def _made(connection: psycopg2.extensions.connection, name: str, plant: Plant) -> int:
    run(connection, "DELETE FROM master.shift_definitions")
    run(connection, "DELETE FROM master.plants")
    key = add_plant(connection, 1, name, plant.timezone)
    for each in plant.shifts:
        _add(connection, key, each)
    return key


@pytest.mark.parametrize("name", PLANTS)
def test_every_minute_of_a_year_has_the_shift_of_the_model(
    connection: psycopg2.extensions.connection, name: str
) -> None:
    plant = PLANTS[name]
    key = _made(connection, name, plant)
    every = 1 if PROFILE == "nightly" or name.startswith(EVERY_MINUTE) else 10
    # Runs of minutes with the same answer, so that half a million rows need not travel.
    found = query(
        connection,
        """
        WITH minutes AS (
            SELECT m.at, s.shift_id, s.shift_name, s.logical_date
            FROM generate_series(%s::timestamptz, %s, %s * INTERVAL '1 minute') AS m (at)
            CROSS JOIN LATERAL master.fn_get_shift(%s, m.at) AS s
        ),
        changes AS (
            SELECT m.*, (m.shift_id, m.shift_name, m.logical_date) IS DISTINCT FROM
                lag((m.shift_id, m.shift_name, m.logical_date)) OVER (ORDER BY m.at) AS is_new
            FROM minutes AS m
        )
        SELECT c.at, c.shift_id, c.shift_name, c.logical_date
        FROM changes AS c WHERE c.is_new ORDER BY c.at
        """,
        YEAR,
        YEAR + timedelta(minutes=MINUTES - 1),
        every,
        key,
    )
    wanted: list[tuple[datetime, int, str | None, date]] = []
    last: tuple[int, str | None, date] | None = None
    for minute in range(0, MINUTES, every):
        at = YEAR + timedelta(minutes=minute)
        now = shift_at(plant, at)
        if now != last:
            wanted.append((at, *now))
            last = now
    assert [(at.astimezone(UTC), *answer) for at, *answer in found] == wanted


def test_the_id_alone_is_that_of_the_whole_answer(
    connection: psycopg2.extensions.connection,
) -> None:
    key = _made(connection, "Berlin", PLANTS["Berlin, three shifts"])
    unlike = query(
        connection,
        "SELECT m.at FROM generate_series(%s::timestamptz, %s, INTERVAL '7 minutes') AS m (at)"
        " CROSS JOIN LATERAL master.fn_get_shift(%s, m.at) AS s"
        " WHERE master.fn_get_shift_id(%s, m.at) IS DISTINCT FROM s.shift_id",
        *(YEAR, YEAR + 7 * DAY, key, key),
    )
    assert unlike == []


def test_the_boundaries_are_half_open_to_the_microsecond(
    connection: psycopg2.extensions.connection,
) -> None:
    plant = Plant("Europe/Berlin", ROUND_THE_CLOCK)
    key = _made(connection, "Berlin", plant)
    instants = [
        datetime(2024, 6, 1, hour, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(microseconds=us)
        for hour in (0, 6, 14, 22)
        for us in (-1, 0, 1)
    ]
    for at in instants:
        [answer] = query(connection, "SELECT * FROM master.fn_get_shift(%s, %s)", key, at)
        assert answer == shift_at(plant, at)


def test_no_plant_or_an_unknown_one_has_no_shift(
    connection: psycopg2.extensions.connection,
) -> None:
    for key in (None, -1):
        [answer] = query(connection, "SELECT * FROM master.fn_get_shift(%s, %s)", key, YEAR)
        assert answer == shift_at(Plant(), YEAR)


# ------------------------------------------------------------------------------------- overlapping


def _length(one: Shift) -> timedelta:
    return one.end + one.to_day * DAY - one.start - one.from_day * DAY


def overlap(one: Shift, other: Shift) -> bool:
    """Whether two shifts share a minute of some day, with every day the same."""

    def minutes(each: Shift) -> set[int]:
        start = (each.from_day * DAY + each.start) // timedelta(minutes=1)
        return {(start + n) % 1440 for n in range(_length(each) // timedelta(minutes=1))}

    return bool(minutes(one) & minutes(other))


_QUARTERS = st.integers(0, 96).map(lambda n: n / 4)


@st.composite
def _shifts(draw: st.DrawFn, number: int) -> Shift:
    new = shift(number, draw(_QUARTERS), draw(_QUARTERS), draw(st.integers(0, 1)), 1)
    if not timedelta(0) < _length(new) <= DAY:
        new = shift(number, 8, 16)
    return new


@cases(40)
@given(one=_shifts(1), other=_shifts(2))
def test_two_shifts_are_refused_if_and_only_if_they_share_a_minute(
    connection: psycopg2.extensions.connection, one: Shift, other: Shift
) -> None:
    plant = _made(connection, "P", Plant("UTC", (one,)))
    if overlap(one, other):
        with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 1 \(S1\)"):
            _add(connection, plant, other)
    else:
        _add(connection, plant, other)


REFUSED = {
    "the same hours": shift(9, 6, 14),
    "inside another": shift(9, 7, 8),
    "around another": shift(9, 5, 15),
    "a minute at the end": shift(9, 5, 6 + 1 / 60),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_shift_that_overlaps_is_refused_and_the_other_is_named(
    connection: psycopg2.extensions.connection, name: str
) -> None:
    plant = _made(connection, "P", Plant("UTC", (shift(1, 6, 14),)))
    with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 1 \(S1\)"):
        _add(connection, plant, REFUSED[name])


@pytest.mark.parametrize("new", [shift(9, 5, 6), shift(9, 0, 7, 1, 1)], ids=["0 to 0", "1 to 1"])
def test_across_midnight_the_part_on_the_next_day_counts(
    connection: psycopg2.extensions.connection, new: Shift
) -> None:
    plant = _made(connection, "P", Plant("UTC", (shift(3, 22, 6, 0, 1),)))
    if new.from_day == 0:
        new = shift(9, 5.5, 6)
    with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 3 \(S3\)"):
        _add(connection, plant, new)


@pytest.mark.parametrize(
    "change",
    [
        "start_time = '13:59'",
        "start_time = '23:00', end_time = '07:00', to_day = 1",
        "from_day = 1, to_day = 1, start_time = '06:00', end_time = '07:00'",
    ],
)
def test_an_update_that_would_overlap_is_refused(
    connection: psycopg2.extensions.connection, change: str
) -> None:
    _made(connection, "P", Plant("UTC", (shift(1, 6, 14), shift(2, 14, 22))))
    with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 1 \(S1\)"):
        run(connection, f"UPDATE master.shift_definitions SET {change} WHERE shift_id = 2")


def test_a_shift_that_does_not_run_overlaps_nothing_until_it_runs_again(
    connection: psycopg2.extensions.connection,
) -> None:
    plant = _made(connection, "P", Plant("UTC", (shift(1, 6, 14),)))
    run(connection, "UPDATE master.shift_definitions SET is_running = false")
    _add(connection, plant, shift(2, 8, 10))
    with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 2 \(S2\)"):
        run(connection, "UPDATE master.shift_definitions SET is_running = true WHERE shift_id = 1")


@pytest.mark.parametrize("by", ["1 hour", "-1 hour"])
def test_shifts_can_be_moved_in_one_statement(
    connection: psycopg2.extensions.connection, by: str
) -> None:
    _made(connection, "P", Plant("UTC", (shift(1, 6, 14), shift(2, 14, 22))))
    run(
        connection,
        "UPDATE master.shift_definitions SET start_time = start_time + %s::interval,"
        " end_time = end_time + %s::interval",
        by,
        by,
    )


def test_a_shift_that_is_upserted_does_not_meet_itself(
    connection: psycopg2.extensions.connection,
) -> None:
    _made(connection, "P", Plant("UTC", (shift(1, 6, 14), shift(2, 14, 22))))
    upsert = (
        "INSERT INTO master.shift_definitions AS t (company_iot_id, plant_iot_id, shift_id,"
        " start_time, end_time) SELECT s.company_iot_id, s.plant_iot_id, 2, %s, '22:30'"
        " FROM master.shift_definitions AS s WHERE s.shift_id = 1"
        " ON CONFLICT (plant_iot_id, shift_id) DO UPDATE"
        " SET start_time = excluded.start_time, end_time = excluded.end_time"
    )
    run(connection, upsert, "15:00")
    with pytest.raises(psycopg2.errors.ExclusionViolation, match=r"overlaps shift 1 \(S1\)"):
        run(connection, upsert, "13:00")


def test_two_shifts_of_one_statement_may_not_overlap(
    connection: psycopg2.extensions.connection,
) -> None:
    plant = _made(connection, "P", Plant("UTC", (shift(1, 6, 14),)))
    with pytest.raises(psycopg2.errors.ExclusionViolation, match="overlaps shift"):
        run(
            connection,
            "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id,"
            " start_time, end_time) SELECT p.company_iot_id, p.iot_id, s.id, s.starts, s.ends"
            " FROM master.plants AS p CROSS JOIN (VALUES (2::smallint, TIME '15:00', TIME '20:00'),"
            " (3::smallint, TIME '19:00', TIME '21:00')) AS s (id, starts, ends)"
            " WHERE p.iot_id = %s",
            plant,
        )


def test_a_shift_in_a_transaction_with_one_snapshot_is_refused(
    connection: psycopg2.extensions.connection,
) -> None:
    plant = _made(connection, "P", Plant("UTC", (shift(1, 6, 14),)))
    run(connection, "SET default_transaction_isolation = 'repeatable read'")
    try:
        with pytest.raises(psycopg2.Error, match="in a repeatable read transaction"):
            _add(connection, plant, shift(2, 15, 16))
    finally:
        run(connection, "RESET default_transaction_isolation")


def test_shifts_of_two_plants_do_not_meet(connection: psycopg2.extensions.connection) -> None:
    _made(connection, "P", Plant("UTC", (shift(1, 6, 14),)))
    _add(connection, add_plant(connection, 1, "Q", "UTC"), shift(1, 6, 14))
