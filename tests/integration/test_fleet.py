"""The makers of v1 fleets and of edge-case rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setu.simulate.fleet import V1_TABLES, count_rows, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.edge_cases.rows import (
    LAST_MIDNIGHT,
    LONG_NAME,
    clock_changes,
    edge_case_rows,
    unconvertible_licences,
    unconvertible_numbers,
    unmappable_shifts,
)
from tests.v1 import query, run, v1_database, value

SMALL = FleetSize(machines=2, days=15, cycles_per_machine_day=4, events_per_machine_day=4)


@pytest.fixture
def v1(database_url: str, server: Any) -> Iterator[Any]:
    """A connection to a fresh v1 database."""
    with v1_database(database_url, server.capabilities) as connection:
        yield connection


def _fingerprint(connection: Any) -> list[str]:
    """What a seed determines: not the times that the procedures stamp."""
    cycles = (
        "(SELECT cycle_start, cycle_end, machine_id, program_no, actual_load_unload,"
        " actual_cycle_time, shift_id FROM silver.machine_cycles)"
    )
    return [
        value(connection, f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {rows} AS t")
        for rows in (
            "master.machine_info",
            "master.machine_assets",
            "master.shifts",
            "silver.customer_feedback",
            cycles,
        )
    ]


def test_a_fleet_has_the_size_that_was_asked_for(v1: Any) -> None:
    counts = make_fleet(v1, SMALL)
    assert list(counts) == list(V1_TABLES)
    assert min(counts.values()) > 0
    assert {
        "master.companies": 2,
        "master.plants": 4,
        "master.machine_info": 8,
        "master.shifts": 3 + 3 + 2 + 3,
        "silver.machine_cycles": SMALL.cycle_count + SMALL.processed_payloads,
        "silver.machine_status": 8 * 15 * 4 + SMALL.processed_payloads,
        "silver.machine_tool_usage": 8 * 15 * 2 + SMALL.processed_payloads,
        "bronze.raw_telemetry": 70,
        "bronze.dead_letter_queue": SMALL.dead_letters + SMALL.failed_payloads,
    }.items() <= counts.items()
    assert dict(
        query(
            v1, "SELECT processing_status, count(*) FROM bronze.raw_telemetry GROUP BY 1 ORDER BY 1"
        )
    ) == {"claimed": 5, "failed": 5, "pending": 20, "processed": 40}


def test_the_history_spans_several_chunks_and_no_cycle_overlaps(v1: Any) -> None:
    make_fleet(v1, SMALL)
    assert (
        value(
            v1,
            "SELECT count(*) FROM timescaledb_information.chunks"
            " WHERE hypertable_name = 'machine_cycles'",
        )
        >= 3
    )
    assert not value(
        v1,
        """
        SELECT count(*) FROM (
            SELECT cycle_start, cycle_end, lag(cycle_end) OVER (
                PARTITION BY company_id, machine_id ORDER BY cycle_start
            ) AS previous_end
            FROM silver.machine_cycles
        ) AS c
        WHERE cycle_end <= cycle_start OR cycle_start < previous_end
        """,
    )  # fmt: skip


def test_a_cycle_of_the_history_has_the_shift_that_v1_gives_it(v1: Any) -> None:
    make_fleet(v1, replace(SMALL, processed_payloads=0, failed_payloads=0))
    assert value(v1, "SELECT count(DISTINCT shift_id) FROM silver.machine_cycles") == 8
    assert not value(
        v1,
        """
        SELECT count(*)
        FROM silver.machine_cycles AS c
        INNER JOIN master.machine_info AS m USING (machine_id, company_id)
        WHERE c.shift_id <> master.get_shift_id(m.plant_id, c.cycle_start)
        """,
    )


def test_the_same_seed_makes_the_same_fleet_and_another_makes_another(v1: Any) -> None:
    until = LAST_MIDNIGHT
    prints = []
    for seed in (1, 1, 2):
        make_fleet(v1, SMALL, seed=seed, until=until)
        prints.append(_fingerprint(v1))
        v1.rollback()
    assert prints[0] == prints[1] != prints[2]


def test_an_empty_fleet_is_a_fleet(v1: Any) -> None:
    assert set(make_fleet(v1, FleetSize(companies=0, dead_letters=0)).values()) == {0}


def test_a_fleet_and_edge_case_rows_live_in_one_database(v1: Any) -> None:
    make_fleet(v1, SMALL)
    edge_case_rows(v1)
    unmappable_shifts(v1)
    unconvertible_licences(v1)
    unconvertible_numbers(v1, until=LAST_MIDNIGHT)
    assert count_rows(v1)["master.companies"] == 7


@pytest.mark.parametrize("table", [name for name in V1_TABLES if name.startswith("silver.")])
def test_a_row_of_the_history_is_made_by_its_shift_of_a_known_machine(v1: Any, table: str) -> None:
    make_fleet(v1, replace(SMALL, processed_payloads=0, failed_payloads=0))
    time = {"silver.machine_cycles": "cycle_start", "silver.machine_downtime": "down_start"}
    strays = (
        f"SELECT count(*) FROM {table} AS f LEFT JOIN master.machine_info AS m"
        " USING (machine_id, company_id) WHERE m.machine_id IS NULL"
    )
    if table != "silver.customer_feedback":
        column = time.get(table, "time")
        strays += f" OR f.shift_id <> master.get_shift_id(m.plant_id, f.{column})"
    assert value(v1, f"SELECT count(*) FROM {table}") > 0
    assert not value(v1, strays)


@pytest.mark.parametrize(
    "table", [n for n in V1_TABLES if n.startswith("silver.") and n != "silver.customer_feedback"]
)
def test_edge_case_facts_have_what_every_fact_table_lets_in(v1: Any, table: str) -> None:
    edge_case_rows(v1)
    time = {"silver.machine_cycles": "cycle_start", "silver.machine_downtime": "down_start"}
    column = time.get(table, "time")
    for what, condition in {
        "a row twice": f"EXISTS (SELECT FROM {table} AS f GROUP BY f.* HAVING count(*) > 1)",
        "a moment with other values": f"EXISTS (SELECT FROM (SELECT DISTINCT f.* FROM {table} AS f)"
        f" AS f GROUP BY company_id, machine_id, {column} HAVING count(*) > 2)",
        "an orphan": f"EXISTS (SELECT FROM {table} AS f WHERE NOT EXISTS (SELECT FROM"
        " master.machine_info AS m WHERE (m.machine_id, m.company_id) = (f.machine_id,"
        " f.company_id)))",
        "all shift ids": f"(SELECT count(DISTINCT shift_id) FROM {table}) >= 12",
        "midnight in India": f"EXISTS (SELECT FROM {table} WHERE"
        f" ({column} AT TIME ZONE 'Asia/Kolkata')::time = '00:00')",
        "an hour that came twice": f"EXISTS (SELECT FROM {table} AS f INNER JOIN {table} AS g ON"
        f" g.{column} - f.{column} = INTERVAL '1 hour' AND (g.{column} AT TIME ZONE"
        f" 'Europe/Berlin') = (f.{column} AT TIME ZONE 'Europe/Berlin'))",
    }.items():
        assert value(v1, f"SELECT {condition}") is True, what


def test_edge_case_rows_leave_a_table_empty(v1: Any) -> None:
    edge_case_rows(v1)
    empty = [table for table, rows in count_rows(v1).items() if not rows]
    assert empty == ["alerting.active_alerts"]


def test_edge_case_numbers_fit_v2_and_unconvertible_ones_do_not(v1: Any) -> None:
    """Rounded half away from zero, as numeric does; NaN has no place in v2 either."""
    columns = {
        "machine_energy": ("servo_energy", "spindle_energy", "total_energy"),
        "machine_focas": ("part_count", "rej_count", "pot", "ot", "ct"),
        "machine_tool_usage": ("target_count", "actual_count"),
    }
    unfit = 0
    for step in (edge_case_rows, lambda db: unconvertible_numbers(db, until=LAST_MIDNIGHT)):
        step(v1)
        counts = []
        for table, names in columns.items():
            digits, low, high = (
                (3, "-999999999.999", "999999999.999")
                if table == "machine_energy"
                else (0, "-2147483648", "2147483647")
            )
            for name in names:
                # A double that is NaN or infinite is so as numeric too, outside the bounds or NaN.
                number = f"round(CASE WHEN abs({name}) < 1e15 THEN {name}::numeric END, {digits})"
                counts.append(
                    value(
                        v1,
                        f"SELECT count(*) FROM silver.{table} WHERE {name} IS NOT NULL AND"
                        f" ({number} BETWEEN {low} AND {high}) IS NOT TRUE",
                    )
                )
        if step is edge_case_rows:
            assert not any(counts)
        unfit = min(counts)
    assert unfit == 6


def test_unconvertible_licences_are_six_values(v1: Any) -> None:
    edge_case_rows(v1)
    known = "license_type NOT IN ('Standard', 'Premium', 'Enterprise')"
    assert not value(v1, f"SELECT count(*) FROM master.machine_assets WHERE {known}")
    unconvertible_licences(v1)
    assert value(v1, f"SELECT count(*) FROM master.machine_assets WHERE {known}") == 6


@pytest.mark.parametrize(
    ("what", "condition"),
    [
        (
            "the same machine and start with another end",
            "EXISTS (SELECT FROM silver.machine_cycles GROUP BY company_id, machine_id,"
            " cycle_start HAVING count(DISTINCT coalesce(cycle_end, 'infinity')) > 2)",
        ),
        (
            "a row twice, to the last bit",
            "EXISTS (SELECT FROM silver.machine_cycles AS c GROUP BY c.* HAVING count(*) > 1)",
        ),
        (
            "orphans without a machine, and of another company's",
            "EXISTS (SELECT FROM silver.machine_cycles WHERE machine_id = 'M-404')"
            " AND EXISTS (SELECT FROM silver.machine_cycles AS c WHERE EXISTS (SELECT FROM"
            " master.machine_info AS m WHERE m.machine_id = c.machine_id) AND NOT EXISTS (SELECT"
            " FROM master.machine_info AS m WHERE m.machine_id = c.machine_id"
            " AND m.company_id = c.company_id))",
        ),
        (
            "an end before its start, at its start, and none",
            "(SELECT bool_or(cycle_end < cycle_start) AND bool_or(cycle_end = cycle_start)"
            " AND bool_or(cycle_end IS NULL) FROM silver.machine_cycles)",
        ),
        (
            "midnight in Greenwich and in India",
            "(SELECT bool_or((cycle_start AT TIME ZONE 'UTC')::time = '00:00') AND"
            " bool_or((cycle_start AT TIME ZONE 'Asia/Kolkata')::time = '00:00')"
            " FROM silver.machine_cycles)",
        ),
        (
            "the first instant of a chunk, and the last of the one before",
            "EXISTS (SELECT FROM silver.machine_cycles AS c INNER JOIN"
            " timescaledb_information.chunks AS k ON k.hypertable_name = 'machine_cycles'"
            " AND c.cycle_start = k.range_start) AND EXISTS (SELECT FROM silver.machine_cycles"
            " AS c INNER JOIN timescaledb_information.chunks AS k ON k.hypertable_name ="
            " 'machine_cycles' AND c.cycle_start = k.range_end - INTERVAL '1 microsecond')",
        ),
        (
            "a shift id that two plants use differently",
            "EXISTS (SELECT FROM master.shifts GROUP BY shift_id"
            " HAVING count(DISTINCT start_time) > 1)",
        ),
        (
            "a plant, a machine and a device in two companies",
            "EXISTS (SELECT FROM master.plants GROUP BY plant_id HAVING count(*) > 1)"
            " AND EXISTS (SELECT FROM master.machine_info GROUP BY machine_id HAVING count(*) > 1)"
            " AND EXISTS (SELECT FROM master.machine_info GROUP BY device_id HAVING count(*) > 1)",
        ),
        (
            "a downtime code that two companies define differently, and an id for two codes",
            "EXISTS (SELECT FROM master.downtime_codes GROUP BY down_code HAVING"
            " count(DISTINCT (down_id, description)) > 1 AND count(DISTINCT company_id) > 1)"
            " AND EXISTS (SELECT FROM master.downtime_codes GROUP BY down_id"
            " HAVING count(DISTINCT down_code) > 1)",
        ),
        (
            "downtimes of a code and id that no company has, or only one of the two",
            "(SELECT bool_or(down_code = 'GONE' AND down_id = 999) AND bool_or(down_code = 'NO-OP'"
            " AND down_id IS NULL) AND bool_or(down_code IS NULL AND down_id = 1)"
            " FROM silver.machine_downtime)",
        ),
        (
            "fractions, halves and a negative zero in counters",
            "(SELECT bool_or(part_count <> floor(part_count)) AND bool_or(part_count = 2.5)"
            " AND bool_or(part_count::text = '-0') FROM silver.machine_focas)",
        ),
        (
            "names of 63 bytes, with quotes, and not in Latin letters in each silver table",
            " AND ".join(
                f"(SELECT count(DISTINCT machine_id) FROM silver.{table} WHERE"
                " length(machine_id) = 63 OR strpos(machine_id, '\"') > 0"
                " OR length(machine_id) <> octet_length(machine_id)) = 3"
                for table in ("machine_energy", "machine_status", "customer_feedback")
            ),
        ),
        (
            "a company without a plant",
            "EXISTS (SELECT FROM master.companies AS c WHERE NOT EXISTS (SELECT FROM master.plants"
            " AS p WHERE p.company_id = c.company_id))",
        ),
        (
            "payloads that are null, JSON null and no object, in each state",
            "(SELECT count(DISTINCT (processing_status, coalesce(jsonb_typeof(payload), 'none')))"
            " FROM bronze.raw_telemetry WHERE processing_status IN ('pending', 'claimed',"
            " 'failed')) = 21",
        ),
    ],
)
def test_edge_case_rows_have(v1: Any, what: str, condition: str) -> None:
    edge_case_rows(v1)
    assert value(v1, f"SELECT {condition}") is True, what


@pytest.mark.parametrize("table", V1_TABLES)
def test_edge_case_rows_have_a_null_in_every_nullable_column(v1: Any, table: str) -> None:
    edge_case_rows(v1)
    unmappable_shifts(v1)
    nullable = query(
        v1,
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attnotnull AND NOT attisdropped",
        table,
    )
    for (column,) in nullable:
        assert value(v1, f'SELECT bool_or("{column}" IS NULL) FROM {table}'), column


def test_pending_edge_case_payloads_stop_no_batch(v1: Any) -> None:
    edge_case_rows(v1)
    run(v1, "CALL bronze.proc_process_bronze_batch(1000)")
    statuses = dict(
        query(
            v1,
            "SELECT processing_status, count(*) FROM bronze.raw_telemetry"
            " WHERE batch_id IS NOT NULL AND batch_id::text NOT LIKE '00000000%%' GROUP BY 1",
        )
    )
    assert statuses["processed"] > 5
    assert statuses["failed"] > 10


def test_clock_changes_are_the_last_four_before_a_day() -> None:
    assert clock_changes(datetime(2025, 11, 22, tzinfo=UTC)) == [
        datetime(2025, 3, 9, 7, tzinfo=UTC),
        datetime(2025, 3, 30, 1, tzinfo=UTC),
        datetime(2025, 10, 26, 1, tzinfo=UTC),
        datetime(2025, 11, 2, 6, tzinfo=UTC),
    ]
    assert min(clock_changes(LAST_MIDNIGHT)) > LAST_MIDNIGHT - timedelta(days=365)


def test_the_long_name_has_63_bytes() -> None:
    assert len(LONG_NAME.encode()) == 63
