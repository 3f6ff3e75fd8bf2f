"""No value that a type can hold breaks a view, a refresh, an alert or the way down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, product
from typing import Any

import pytest

from tests.fresh_v2 import add_company, add_machine, add_plant, v2_database
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

# Two hours of a day of the past, and clocks that went wild: ahead, to zero, and far before that.
PAST = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
STARTS = (
    f"{PAST} 10:00", f"{PAST} 11:00", "2200-01-01", "1970-01-01", "1900-01-02", "0001-01-01",
    "4713-01-01 BC",
)  # fmt: skip
ENDS = ("-infinity", "4713-01-01 BC", "1970-01-01", "2026-03-05 10:30", "294276-12-31", "infinity",
        None)  # fmt: skip
INTEGERS = (-2147483648, -1, 0, 1, 2147483647, None)
NUMBERS = ("NaN", "-999999999.999", "0", "999999999.999", None)
# A view that goes through centuries day by day breaks as surely as one that fails.
PATIENCE = "SET statement_timeout = '60s'"
INSTANTS = ("cycle_start", "down_start", "event_time")


@pytest.fixture
def database(server: Server, database_url: str) -> Iterator[Any]:
    """Silver with extreme values in every column, of two machines in a plant with shifts."""
    with v2_database(database_url, server.capabilities) as connection:
        company = add_company(connection, "C")
        plant = add_plant(
            connection, company, "P", shifts=[("06:00", "18:00", 0), ("18:00", "06:00", 1)]
        )
        machines = [add_machine(connection, company, name, plant) for name in ("M-1", "M-2")]
        run(connection, "INSERT INTO master.downtime_codes (down_code) VALUES ('X')")
        for (table,) in query(
            connection,
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
            " WHERE hypertable_schema = 'silver' ORDER BY 1",
        ):
            _fill(connection, table, company, machines)
        run(
            connection,
            "INSERT INTO config.alert_rules (rule_name, metric, condition_operator,"
            " threshold_value, value_type, company_iot_id)"
            " SELECT 'long ' || t, 'downtime_duration', '>', t, 'Numeric', %s"
            " FROM unnest(ARRAY['0', '60', repeat('9', 300)]) AS t",
            company,
        )
        if "community" in server.capabilities:
            run(connection, "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000")  # fmt: skip
        connection.commit()
        connection.autocommit = True
        run(connection, PATIENCE)
        yield connection


def _fill(connection: Any, table: str, company: int, machines: list[int]) -> None:
    columns = query(
        connection,
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull"
        " FROM pg_attribute AS a WHERE a.attrelid = %s::regclass AND a.attnum > 0"
        " AND NOT a.attisdropped",
        f"silver.{table}",
    )
    instant = next(name for name, *_ in columns if name in INSTANTS)
    integers, numbers = cycle(INTEGERS), cycle(NUMBERS)
    for place, (start, end) in enumerate(product(STARTS, ENDS)):
        row: dict[str, Any] = {
            "company_iot_id": company,
            # The last pair that has this key stays; each pair has its turn with some machine.
            "machine_iot_id": machines[place % 2],
            instant: start,
        }
        for name, kind, is_needed in columns:
            if name in row or name == "created_at":
                continue
            if name == "logical_date":
                row[name] = start.replace(" 10:00", "").replace(" 11:00", "")
            elif name in ("shift_id", "down_id"):
                row[name] = 1
            elif kind == "timestamp with time zone":
                row[name] = end
            elif kind == "integer":
                row[name] = next(integers)
            elif kind.startswith("numeric"):
                row[name] = next(numbers)
            elif kind == "text":
                row[name] = f"x{place}"
            if is_needed and row.get(name) is None:
                row[name] = 0
        # Each pair at an instant of its own.
        row[instant] = value(
            connection, f"SELECT (%s::timestamptz + INTERVAL '{place} minutes')::text", row[instant]
        )
        run(
            connection,
            f"INSERT INTO silver.{table} ({', '.join(row)})"
            f" VALUES ({', '.join(['%s'] * len(row))})",
            *row.values(),
        )


def _readable(connection: Any) -> list[str]:
    """Views and aggregates that people and programs read."""
    return [
        name
        for (name,) in query(
            connection,
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c"
            " INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('v', 'm')"
            " AND n.nspname IN ('gold', 'alerting', '_etl') ORDER BY 1",
        )
    ]


def _read_all(connection: Any) -> list[str]:
    """What fails of reading every column of every view, each with its error."""
    failures = []
    for view in _readable(connection):
        try:
            query(connection, f"SELECT v::text FROM {view} AS v")
        except Exception as error:
            failures.append(f"{view}: {error}")
    return failures


def test_no_view_fails_whatever_silver_holds(database: Any) -> None:
    assert _read_all(database) == []


def test_reports_read_the_dates_that_there_are_and_not_the_centuries_between(database: Any) -> None:
    dates = (
        "SELECT extract(YEAR FROM d.day)::integer, count(*)"
        " FROM gold.fn_unread_dates(NULL, NULL) AS d (day) GROUP BY 1 ORDER BY 1"
    )
    years = dict(query(database, dates))
    # A chunk is a month at most, and a report looks a few days around it.
    assert set(years) - {1899, 1969} == {1900, 1970, int(PAST[:4])}
    assert all(days <= 45 for days in years.values())
    assert value(
        database, f"SELECT count(*) FROM gold.v_machine_shifts WHERE logical_date = '{PAST}'"
    )


def test_a_gap_of_months_is_read_and_one_of_years_is_not(server: Server, database_url: str) -> None:
    """In months a plant may be at rest; a longer gap is a clock."""
    with v2_database(database_url, server.capabilities) as connection:
        company = add_company(connection, "C")
        machine = add_machine(connection, company, "M", add_plant(connection, company, "P"))
        for days in (20, 320, 2000):
            run(
                connection,
                "INSERT INTO silver.machine_downtime (logical_date, company_iot_id,"
                " machine_iot_id, shift_id, down_start) SELECT (t.at AT TIME ZONE 'UTC')::date,"
                " %s, %s, 1, t.at FROM (SELECT now() - %s * INTERVAL '1 day') AS t (at)",
                company,
                machine,
                days,
            )
        last = "SELECT (now() AT TIME ZONE 'UTC')::date - 4"
        dates = [day for (day,) in query(connection, "SELECT d.day"
                 " FROM gold.fn_unread_dates(NULL, NULL) AS d (day) ORDER BY 1")]  # fmt: skip
        recent = [day for day in dates if day > value(connection, f"{last} - 1000")]
        assert recent[-1] == value(connection, last)
        # Without a gap from before the row of 320 days ago.
        assert recent == [recent[0] + timedelta(n) for n in range(len(recent))]
        assert 316 <= len(recent) <= 330
        assert 1 <= len(dates) - len(recent) <= 14


def test_the_roll_up_ends_whatever_silver_holds(database: Any) -> None:
    """It goes back over the dates that there are; reports are the same before and after it."""
    report = (
        "SELECT w.machine_iot_id, w.logical_date, w.shift_id, w.downtime_sec, w.stops, w.cycles,"
        " w.parts FROM gold.v_machine_shifts AS w"
        " WHERE w.logical_date < (now() AT TIME ZONE 'UTC')::date - 4 ORDER BY 1, 2, 3"
    )
    # What the triggers noted as late is another way to the same.
    run(database, "DELETE FROM gold.stale_machine_days")
    before = query(database, report)
    assert before
    run(database, 'CALL gold.sp_roll_up(0, \'{"max_runtime": "1 minute"}\')')
    assert query(database, "SELECT DISTINCT r.first_date::text FROM gold.rolled_up_dates AS r") == [
        ("-infinity",)
    ]
    assert query(database, report) == before
    # A date that is none, by an insert past the loads, is let go.
    for date in ("infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"):
        run(database, "INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)"
            " SELECT m.iot_id, %s FROM master.machine_info AS m", date)  # fmt: skip
    assert query(database, report) == before
    run(database, "CALL gold.sp_roll_up(0, NULL)")
    assert query(database, report) == before
    assert value(database, "SELECT count(*) FROM gold.stale_machine_days") == 0


@pytest.mark.requires("community")
def test_no_refresh_fails_and_views_are_as_well_after_it(database: Any) -> None:
    failures = []
    for (name,) in query(
        database,
        "SELECT view_name FROM timescaledb_information.continuous_aggregates"
        " WHERE view_schema = 'gold'",
    ):
        try:
            run(database, f"CALL refresh_continuous_aggregate('gold.{name}', NULL,"
                " now() - INTERVAL '1 day')")  # fmt: skip
        except Exception as error:
            failures.append(f"{name}: {error}")
    assert failures == []
    assert _read_all(database) == []


@pytest.mark.requires("community")
def test_what_cannot_be_known_does_not_blank_what_is_known(database: Any) -> None:
    """An endless stop or a number that is none leaves the others of its hour as they are."""
    for name in ("hourly_energy_stats", "daily_downtime_stats"):
        run(
            database,
            f"CALL refresh_continuous_aggregate('gold.{name}', NULL, now() - INTERVAL '1 day')",
        )
    assert value(
        database,
        "SELECT bool_and(energy_consumed_kwh <> 'NaN') FROM gold.hourly_energy_stats",
    )
    assert value(
        database,
        "SELECT bool_and(total_downtime_sec NOT IN ('NaN', 'Infinity', '-Infinity'))"
        " FROM gold.daily_downtime_stats",
    )


def test_no_alert_fails_whatever_silver_holds(database: Any) -> None:
    for _ in range(2):
        run(database, "CALL alerting.proc_run_engine()")
    assert query(database, "SELECT h::text FROM alerting.history AS h")
    # A stop of which only the end is wild.
    run(
        database,
        "DELETE FROM silver.machine_downtime WHERE down_end <> 'infinity' OR down_end IS NULL",
    )
    run(database, "CALL alerting.proc_run_engine()")


@pytest.mark.requires("community")
def test_summaries_take_any_bounds(database: Any) -> None:
    for name, (start, end) in product(
        ("get_cycle_summary", "get_downtime_summary", "get_energy_summary"),
        product(("-infinity", "2026-03-05", "infinity"), repeat=2),
    ):
        query(
            database,
            f"SELECT s::text FROM gold.{name}(1, 1, %s::timestamptz, %s::timestamptz) AS s",
            start,
            end,
        )
