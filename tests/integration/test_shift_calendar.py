"""The shifts that a plant really had: written ahead, fixed once begun, and what follows from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg2.errors
import psycopg2.extensions
import pytest

from tests.chain import chain_on
from tests.fresh_v2 import add_company, add_machine, add_plant, v2_database
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

DAY = timedelta(days=1)
ROUND_THE_CLOCK = (("06:00", "14:00", 0), ("14:00", "22:00", 0), ("22:00", "06:00", 1))
ENTRIES = (
    "SELECT c.logical_date, c.shift_id, c.starts_at, c.ends_at, c.is_working"
    " FROM master.shift_calendar AS c WHERE c.plant_iot_id = %s ORDER BY c.starts_at"
)


@pytest.fixture
def v2(v2: psycopg2.extensions.connection) -> psycopg2.extensions.connection:
    """Sessions of UTC."""
    run(v2, "SET timezone = 'UTC'")
    return v2


def new_plant(connection: psycopg2.extensions.connection, timezone: str = "UTC") -> int:
    """A plant with three shifts, and silver with a row of it ten days ago."""
    company = add_company(connection, "C")
    plant = add_plant(connection, company, "P", timezone, ROUND_THE_CLOCK)
    add_fact(connection, company, add_machine(connection, company, "M", plant))
    return plant


def add_fact(connection: psycopg2.extensions.connection, company: int, machine: int) -> None:
    run(
        connection,
        "INSERT INTO silver.machine_status (logical_date, company_iot_id, machine_iot_id,"
        " shift_id, event_time) SELECT t.at::date, %s, %s, 1, t.at"
        " FROM (SELECT now() - INTERVAL '10 days' AS at) AS t",
        company,
        machine,
    )


def entries(connection: psycopg2.extensions.connection, plant: int) -> list[tuple[Any, ...]]:
    return query(connection, ENTRIES, plant)


def now(connection: psycopg2.extensions.connection) -> datetime:
    at: datetime = value(connection, "SELECT now()")
    return at.astimezone(UTC)


def test_shifts_are_written_sixty_days_ahead_as_soon_as_they_are_defined(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = add_plant(v2, add_company(v2, "C"), "P", "Europe/Berlin", ROUND_THE_CLOCK)
    found = entries(v2, plant)
    today = now(v2).date()
    assert found[-1][0] == today + 60 * DAY
    dates = {row[0] for row in found}
    assert {today + n * DAY for n in range(-1, 61)} == dates
    assert len(found) == 3 * 62
    # Without a gap, also where the clocks are changed.
    assert all(row[3] == after[2] for row, after in pairwise(found))


def test_an_entry_that_has_begun_is_never_changed_and_the_next_ones_are(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = new_plant(v2)
    before = entries(v2, plant)
    run(v2, "UPDATE master.shift_definitions SET start_time = '23:00' WHERE shift_id = 3")
    run(v2, "UPDATE master.shift_definitions SET end_time = '05:00' WHERE shift_id = 3")
    after = entries(v2, plant)
    at = now(v2)
    begun = [row for row in before if row[2] <= at]
    # The row ten days old lies in a chunk that may begin a month before.
    assert [row for row in after if row in begun] == begun
    ahead = [row for row in after if row[1] == 3 and row[0] > at.date() + DAY]
    assert len(ahead) == 59
    assert {(row[2].hour, row[3].hour) for row in ahead} == {(23, 5)}


def test_the_past_is_written_down_before_shifts_change_and_stays(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = new_plant(v2)
    at = now(v2) - 3 * DAY
    known = "SELECT s.shift_id, s.logical_date FROM master.fn_get_shift(%s, %s) AS s"
    answers = [query(v2, known, plant, at + n * timedelta(hours=1)) for n in range(24)]
    run(v2, "UPDATE master.shift_definitions SET is_running = false WHERE shift_id = 1")
    run(v2, "DELETE FROM master.shift_definitions WHERE shift_id = 2")
    run(v2, "UPDATE master.plants SET timezone = 'America/New_York'")
    run(
        v2,
        "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, start_time,"
        " end_time) SELECT s.company_iot_id, s.plant_iot_id, 9, '07:00', '20:00'"
        " FROM master.shift_definitions AS s WHERE s.shift_id = 3",
    )
    assert [query(v2, known, plant, at + n * timedelta(hours=1)) for n in range(24)] == answers
    ahead = {row[1] for row in entries(v2, plant) if row[0] > now(v2).date() + DAY}
    assert ahead == {3, 9}


@pytest.mark.parametrize("machine_has", ["stayed", "left"])
def test_a_shift_that_is_added_to_a_plant_with_history_is_not_added_to_the_past(
    v2: psycopg2.extensions.connection, machine_has: str
) -> None:
    company = add_company(v2, "C")
    plant = add_plant(v2, company, "P", "UTC", ROUND_THE_CLOCK[:1])
    machine = add_machine(v2, company, "M", plant)
    add_fact(v2, company, machine)
    if machine_has == "left":
        run(
            v2,
            "UPDATE master.plant_machine_mapping SET plant_iot_id = %s",
            add_plant(v2, company, "Q", "UTC"),
        )
    run(
        v2,
        "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, start_time,"
        " end_time) VALUES (%s, %s, 2, '14:00', '22:00')",
        company,
        plant,
    )
    yesterday = now(v2).date() - DAY
    assert [row[1] for row in entries(v2, plant) if row[0] == yesterday] == [1]


def test_a_plant_whose_machine_left_before_it_sent_a_row_has_no_past(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C")
    plant = add_plant(v2, company, "P", "UTC", ROUND_THE_CLOCK)
    machine = add_machine(v2, company, "M", plant)
    run(
        v2,
        "UPDATE master.plant_machine_mapping SET plant_iot_id = %s",
        add_plant(v2, company, "Q", "UTC"),
    )
    run(v2, "UPDATE master.former_plants SET last_date = last_date - 13")
    add_fact(v2, company, machine)
    assert value(v2, "SELECT master.fn_plant_history_from(%s)", plant) is None


def test_a_hand_cannot_change_what_has_begun(v2: psycopg2.extensions.connection) -> None:
    plant = new_plant(v2)
    for statement in (
        "UPDATE master.shift_calendar SET is_working = false WHERE logical_date = %s",
        "DELETE FROM master.shift_calendar WHERE logical_date = %s",
    ):
        run(v2, "SAVEPOINT refused")
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="has begun"):
            run(v2, statement, now(v2).date() - DAY)
        run(v2, "ROLLBACK TO SAVEPOINT refused")
    run(v2, "DELETE FROM master.plant_machine_mapping")
    run(v2, "DELETE FROM master.shift_definitions")
    run(v2, "DELETE FROM master.plants WHERE iot_id = %s", plant)
    assert entries(v2, plant) == []


def test_an_instant_has_one_shift(v2: psycopg2.extensions.connection) -> None:
    plant = new_plant(v2)
    with pytest.raises(psycopg2.errors.ExclusionViolation):
        run(
            v2,
            "INSERT INTO master.shift_calendar (plant_iot_id, logical_date, shift_id, starts_at,"
            " ends_at) SELECT c.plant_iot_id, c.logical_date, 8, c.starts_at, c.ends_at"
            " FROM master.shift_calendar AS c WHERE c.plant_iot_id = %s"
            " ORDER BY c.starts_at DESC LIMIT 1",
            plant,
        )


def test_days_off_and_breaks_are_planned_ahead(v2: psycopg2.extensions.connection) -> None:
    plant = new_plant(v2)
    day = now(v2).date() + 3 * DAY
    run(v2, "INSERT INTO master.plant_days_off (plant_iot_id, logical_date) VALUES (%s, %s)",
        plant, day)  # fmt: skip
    run(
        v2,
        "INSERT INTO master.shift_breaks (plant_iot_id, shift_id, start_time, end_time, from_day,"
        " to_day) VALUES (%s, 3, '01:30', '02:00', 1, 1), (%s, 3, '05:50', '07:00', 1, 1)",
        plant,
        plant,
    )
    found = entries(v2, plant)
    assert {row[0] for row in found if not row[4]} == {day}
    [seconds] = query(
        v2,
        "SELECT sum(extract(EPOCH FROM upper(b.piece) - lower(b.piece)))::integer"
        " FROM master.shift_calendar AS c CROSS JOIN LATERAL unnest(c.planned_breaks) AS b (piece)"
        " WHERE c.logical_date = %s",
        day,
    )
    # Half an hour, and of the second break the ten minutes that lie in the shift.
    assert seconds == (2400,)


def test_a_plant_whose_zone_is_gone_has_no_shifts_and_the_others_have(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = new_plant(v2)
    run(v2, "ALTER TABLE master.plants DISABLE TRIGGER ALL")
    run(v2, "ALTER TABLE master.plants DROP CONSTRAINT plants_timezone_check")
    gone = value(
        v2,
        "INSERT INTO master.plants (company_iot_id, plant_id, timezone)"
        " SELECT p.company_iot_id, 'Q', 'Europe/Atlantis' FROM master.plants AS p"
        " RETURNING iot_id",
    )
    run(
        v2,
        "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, start_time,"
        " end_time) SELECT p.company_iot_id, p.iot_id, 1, '06:00', '14:00'"
        " FROM master.plants AS p WHERE p.iot_id = %s",
        gone,
    )
    windows = query(
        v2,
        "SELECT DISTINCT w.plant_iot_id"
        " FROM master.fn_shift_windows(ARRAY[current_date, current_date - 300]) AS w",
    )
    assert windows == [(plant,)]
    run(v2, "ALTER TABLE master.plants ENABLE TRIGGER ALL")


def test_the_windows_of_the_loads_agree_with_the_function(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = new_plant(v2, "America/New_York")
    run(v2, "UPDATE master.shift_definitions SET start_time = '23:15' WHERE shift_id = 3")
    unlike = query(
        v2,
        "SELECT m.at FROM generate_series(now() - INTERVAL '400 days', now() + INTERVAL '90 days',"
        " INTERVAL '53 minutes') AS m (at)"
        " LEFT JOIN master.fn_shift_windows((SELECT array_agg(current_date + n.n)"
        " FROM generate_series(-402, 92) AS n (n))) AS w"
        " ON w.plant_iot_id = %s AND w.utc_date = (m.at AT TIME ZONE 'UTC')::date"
        " AND w.starts_at <= m.at AND m.at < w.ends_before"
        " CROSS JOIN LATERAL master.fn_get_shift(%s, m.at) AS s"
        " WHERE coalesce(w.shift_id, 0) <> s.shift_id OR w.logical_date <> s.logical_date",
        plant,
        plant,
    )
    assert unlike == []


def test_a_shift_before_the_calendar_begins_gives_way_to_it(
    v2: psycopg2.extensions.connection,
) -> None:
    plant = add_plant(v2, add_company(v2, "C"), "P", "UTC", (("06:00", "14:00", 0),))
    run(
        v2,
        "UPDATE master.shift_definitions SET start_time = '22:00', end_time = '08:00', to_day = 1",
    )
    yesterday = now(v2).date() - DAY
    at = datetime(yesterday.year, yesterday.month, yesterday.day, 7, tzinfo=UTC)
    found = query(
        v2,
        "SELECT e.starts_at, e.ends_at FROM master.fn_shift_entries(%s, %s, %s) AS e"
        " ORDER BY e.starts_at",
        plant,
        yesterday - 5 * DAY,
        yesterday + 5 * DAY,
    )
    assert all(row[1] <= after[0] for row, after in pairwise(found))
    # A load that found two shifts for one row would fail.
    assert query(
        v2,
        "SELECT s.shift_id, s.logical_date FROM master.fn_get_shift(%s, %s) AS s",
        plant,
        at,
    ) == [(1, yesterday)]
    assert query(
        v2,
        "SELECT w.shift_id, w.logical_date FROM master.fn_shift_windows(ARRAY[%s]) AS w"
        " WHERE w.plant_iot_id = %s AND w.starts_at <= %s AND %s < w.ends_before",
        yesterday,
        plant,
        at,
        at,
    ) == [(1, yesterday)]


def test_the_action_writes_the_past_of_a_plant_that_got_rows_and_goes_on_after_an_outage(
    server: Server,
) -> None:
    url = server.create_database()
    with v2_database(url, server.capabilities) as connection:
        run(connection, "SET timezone = 'UTC'")
        company = add_company(connection, "C")
        plant = add_plant(connection, company, "P", "UTC", ROUND_THE_CLOCK)
        machine = add_machine(connection, company, "M", plant)
        add_fact(connection, company, machine)
        # As if the action had not run for weeks.
        run(connection, "ALTER TABLE master.shift_calendar DISABLE TRIGGER ALL")
        run(connection, "DELETE FROM master.shift_calendar")
        run(connection, "ALTER TABLE master.shift_calendar ENABLE TRIGGER ALL")
        run(connection, "DELETE FROM master.shift_calendar_extents")
        settle = "SELECT master.fn_settle_shifts(%s, current_date - 6, current_date - 5)"
        assert value(connection, settle, plant) == 6
        connection.commit()
        connection.autocommit = True
        run(connection, "SET ROLE setu_etl")
        today = now(connection).date()
        run(connection, "CALL master.sp_extend_shift_calendar(0, NULL)")
        found = entries(connection, plant)
        dates = {row[0] for row in found}
        assert {today + n * DAY for n in range(-10, 61)} <= dates
        assert all(row[3] == after[2] for row, after in pairwise(found))
        assert query(
            connection, "SELECT min(first_date), max(last_date) FROM master.shift_calendar_extents"
        ) == [(min(dates), max(dates))]
    server.drop_database(url)


def test_the_calendar_is_filled_for_history_and_survives_down_and_up(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'C')",
            "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'C')",
            "INSERT INTO master.machine_info VALUES ('M', 'C', 'P', 'D', '1')",
            "INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time)"
            " VALUES ('A', 'C', 'P', '06:00'), ('B', 'C', 'P', '14:00')",
            "INSERT INTO silver.machine_status (time, company_id, machine_id, status)"
            " VALUES (now() - INTERVAL '100 days', 'C', 'M', 'Running')",
        )
        today: date = chain.value("SELECT (now() AT TIME ZONE 'UTC')::date")
        chain.upgrade()
        written = "SELECT min(logical_date), max(logical_date) FROM master.shift_calendar"
        [(first, last)] = chain.query(written)
        assert first <= today - 100 * DAY
        # Midnight may have passed meanwhile.
        assert today + 60 * DAY <= last <= today + 61 * DAY
        chain.run("UPDATE master.shift_definitions SET start_time = '07:00' WHERE shift_id = 1")
        every = (
            "SELECT c.* FROM master.shift_calendar AS c"
            f" WHERE c.logical_date <= '{today + 60 * DAY}' ORDER BY 1, 2, 3"
        )
        before = chain.query(every)
        assert len({row[4].minute for row in before if row[2] == 1}) == 1
        assert {row[4].astimezone(UTC).time().isoformat() for row in before if row[2] == 1} == {
            "00:30:00",
            "01:30:00",
        }
        chain.downgrade("0001")
        chain.upgrade()
        assert chain.query(every) == before
