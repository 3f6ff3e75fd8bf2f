"""Values of v1 at the ends of their types: there and back, and everything between reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, product
from typing import Any

import pytest

from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

MASTERS = """
INSERT INTO master.companies (company_id, company_name) VALUES ('A', 'A');
INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'A');
INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs)
VALUES ('1', 'A', 'P', '06:00', 12), ('2', 'A', 'P', '18:00', 12);
INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
VALUES ('M', 'A', 'P', 'G', '1')
"""
INSTANTS = {
    "machine_cycles": "cycle_start",
    "machine_downtime": "down_start",
    "machine_status": "time",
    "machine_alarms": "time",
    "machine_energy": "time",
    "machine_focas": "time",
    "machine_tool_usage": "time",
    "machine_pm_status": "time",
}
FIRST, LAST = "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"
TIMES = (
    "-infinity", FIRST, "4713-01-01 00:00:00+00 BC", "0001-01-01 00:00:00+00 BC",
    "0001-01-01 00:00:00+00", "1970-01-01 00:00:00+00", "2024-03-05 08:00:00+00",
    "2126-01-01 00:00:00+00", LAST, "infinity",
)  # fmt: skip
#: What a hypertable's own time can hold.
KEYS = (*TIMES[1:-2], "294247-01-01 00:00:00+00", "infinity")
#: What v2's types hold: pre-flight names the others, test_refusals and test_unconvertible say how.
VALUES: dict[str, tuple[Any, ...]] = {
    "timestamp with time zone": (*TIMES, None),
    "integer": (-2147483648, -1, 0, 2147483647, None),
    "double precision": (-2147483648.4, -0.0, 5e-324, 0.5, 2147483647.4, None),
    "text": ("", "x" * 2000, "\x01\x7f\U0010ffff", "1", "UNKNOWN", None),
}
ENERGIES = (float("nan"), -999999999.9994, -0.0, 5e-324, 999999999.9994, None)


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade("0001")
        made.run(MASTERS)
        for table, instant in INSTANTS.items():
            _fill(made, table, instant)
        yield made


def _fill(chain: Chain, table: str, instant: str) -> None:
    """Each instant with each arrival, and each other value beside some of them."""
    columns = chain.query(
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull"
        " FROM pg_attribute AS a WHERE a.attrelid = %s::regclass AND a.attnum > 0"
        " AND a.attname NOT IN ('company_id', 'machine_id', 'created_at')",
        f"silver.{table}",
    )
    values = {
        name: cycle(ENERGIES if name.endswith("_energy") else VALUES[kind])
        for name, kind, _ in columns
        if name != instant
    }
    needed = {name for name, _, is_needed in columns if is_needed}
    with chain.session() as connection, connection.cursor() as cursor:
        for place, (time, arrival) in enumerate(product(KEYS, (*TIMES, None))):
            row: dict[str, Any] = {
                "company_id": "A", "machine_id": "M", instant: time, "created_at": arrival,
            }  # fmt: skip
            for name, several in values.items():
                row[name] = next(several)
                if row[name] is None and name in needed:
                    row[name] = next(several)
            names = ", ".join(f'"{name}"' for name in row)
            # Each at an instant of its own, or few of them would come through.
            places = ["%s::timestamptz + %s * INTERVAL '1 s'" if name == instant else "%s"
                      for name in row]  # fmt: skip
            given = [value for name, one in row.items()
                     for value in ((one, place) if name == instant else (one,))]  # fmt: skip
            cursor.execute(
                f"INSERT INTO silver.{table} ({names}) VALUES ({', '.join(places)})", given
            )


def _read_all(chain: Chain) -> list[str]:
    """The views that fail, each with its error."""
    failures = []
    views = chain.query(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c"
        " INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('v', 'm') AND n.nspname IN ('gold', 'alerting', '_etl') ORDER BY 1"
    )
    with chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '60s'")
        for (view,) in views:
            try:
                cursor.execute(f"SELECT v::text FROM {view} AS v")
            except Exception as error:
                failures.append(f"{view}: {error}")
    return failures


def test_values_at_the_ends_of_their_types_go_up_and_come_back_to_the_bit(chain: Chain) -> None:
    tables = [f"silver.{table}" for table in INSTANTS]
    before = chain.rows(*tables)
    chain.upgrade()
    assert _read_all(chain) == []
    chain.run(
        "CALL gold.sp_roll_up(0, NULL)",
        "CALL master.sp_extend_shift_calendar(0, NULL)",
        "CALL alerting.proc_run_engine()",
        *(f"CALL _etl.sp_load_{table}(0, NULL)" for table in INSTANTS),
        'CALL _etl.sp_retain_bronze(0, \'{"drop_after": "30 days"}\')',
    )
    if chain.community:
        for (name,) in chain.query(
            "SELECT view_name FROM timescaledb_information.continuous_aggregates"
            " WHERE view_schema = 'gold'"
        ):
            end = "now() - INTERVAL '1 day'"
            chain.run(f"CALL refresh_continuous_aggregate('gold.{name}', NULL, {end})")
    assert _read_all(chain) == []
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*tables) == before


def test_what_came_under_v2_with_extreme_ends_goes_down_too(chain: Chain) -> None:
    chain.upgrade()
    machine = "SELECT m.company_iot_id, m.iot_id FROM master.machine_info AS m"
    for place, end in enumerate(TIMES):
        chain.run(
            "INSERT INTO silver.machine_downtime (logical_date, company_iot_id, machine_iot_id,"
            f" shift_id, down_start, down_end) SELECT '2024-03-06', x.*, 1,"
            f" '2024-03-06 08:00+00'::timestamptz + INTERVAL '{place} minutes', '{end}'"
            f" FROM ({machine}) AS x",
            "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id,"
            " shift_id, cycle_start, cycle_end, std_cycle_time) SELECT '2024-03-06', x.*, 1,"
            f" '2024-03-06 08:00+00'::timestamptz + INTERVAL '{place} minutes', '{end}', 2147483647"
            f" FROM ({machine}) AS x",
        )
    assert _read_all(chain) == []
    chain.downgrade("0001")
    day = "'2024-03-06 00:00+00'"
    for table, start, column in (
        ("machine_downtime", "down_start", "down_end"),
        ("machine_cycles", "cycle_start", "cycle_end"),
    ):
        found = chain.query(
            f"SELECT {column}::text FROM silver.{table} WHERE {start} >= {day}"
            f" AND {start} < '2024-03-07' ORDER BY {start}"
        )
        assert [end for (end,) in found] == [
            chain.value(f"SELECT '{end}'::timestamptz::text") for end in TIMES
        ]
