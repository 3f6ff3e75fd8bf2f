"""v1 as the dictionary has it: tables by name, and what its routines do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from tests.v1 import connect, query, run, run_part, v1_database, value
from tests.v1_dictionary import CONSTRAINTS, INDEXES, TABLES

SILVER = sorted(name for name in TABLES if name.startswith("silver."))
TIME_COLUMNS = {
    "silver.machine_cycles": "cycle_start",
    "silver.machine_downtime": "down_start",
    "bronze.raw_telemetry": "ingest_time",
}


@pytest.fixture
def v1(database_url: str, server: Any) -> Iterator[Any]:
    """A connection to a fresh v1 database."""
    with v1_database(database_url, server.capabilities) as connection:
        yield connection


@pytest.fixture
def plant(v1: Any) -> Any:
    """v1 with one machine in a plant of three shifts; the second has no duration."""
    run(
        v1,
        """
        INSERT INTO master.companies (company_id, company_name) VALUES ('c', 'C');
        INSERT INTO master.plants (plant_id, company_id) VALUES ('p', 'c');
        INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
        VALUES ('m', 'c', 'p', 'd', 'i');
        INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs)
        VALUES ('A', 'c', 'p', '06:00', 8), ('B', 'c', 'p', '14:00', NULL),
            ('C', 'c', 'p', '22:00', 8)
        """,
    )
    v1.commit()
    return v1


def _ingest(connection: Any, payload: object, *, skip_bronze: bool = False) -> None:
    run(
        connection,
        "CALL bronze.proc_ingest_payload(%s::jsonb, %s)",
        json.dumps(payload),
        skip_bronze,
    )


def _payload(*cycles: object, **more: object) -> dict[str, object]:
    return {"DeviceID": "d", "IOTID": "i", "MachineWiseCycleDetails": list(cycles), **more}


# The catalog


@pytest.mark.parametrize("table", TABLES)
def test_table_has_the_columns_of_the_dictionary(v1: Any, table: str) -> None:
    columns = query(
        v1,
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
        """,
        table,
    )
    short = {"timestamp with time zone": "timestamptz", "time without time zone": "time"}
    written = [
        f"{name} {short.get(kind, kind)}"
        + (" not null" if not_null else "")
        + (f" = {_short_default(default)}" if default else "")
        for name, kind, not_null, default in columns
    ]
    assert ", ".join(written) == TABLES[table]


def _short_default(default: str) -> str:
    return "sequence" if default.startswith("nextval(") else default.removesuffix("::text")


def test_constraints_are_those_of_the_dictionary(v1: Any) -> None:
    found = query(
        v1,
        """
        SELECT conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE conrelid = ANY (%s::regclass[]) AND contype IN ('p', 'u', 'f', 'c', 'x')
        """,
        list(TABLES),
    )
    assert {name: definition.replace("::text", "") for name, definition in found} == CONSTRAINTS


def test_indexes_are_those_of_the_dictionary(v1: Any) -> None:
    found = query(
        v1,
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname || '.' || tablename = ANY (%s)",
        list(TABLES),
    )
    assert {
        name: definition.partition(" ON ")[2].replace("::text", "") for name, definition in found
    } == INDEXES


def test_sequences_belong_to_their_columns(v1: Any) -> None:
    assert query(
        v1,
        "SELECT d.refobjid::regclass::text, a.attname FROM pg_depend AS d"
        " INNER JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'"
        " INNER JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        " WHERE d.deptype = 'a' AND d.refobjid = ANY (%s::regclass[]) ORDER BY 1",
        list(TABLES),
    ) == [
        ("alerting.history", "alert_id"),
        ("bronze.migration_metadata", "id"),
        ("config.alert_rules", "rule_id"),
        ("config.alert_subscriptions", "subscription_id"),
        ("master.machine_health_settings", "setting_id"),
        ("master.production_targets", "target_id"),
    ]


def test_twelve_tables_are_hypertables_of_seven_days(v1: Any) -> None:
    names = [*SILVER, "alerting.history", "bronze.dead_letter_queue", "bronze.raw_telemetry"]
    found = query(
        v1,
        """
        SELECT hypertable_schema || '.' || hypertable_name, column_name,
            extract(epoch FROM time_interval)::integer / 86400
        FROM timescaledb_information.dimensions
        WHERE NOT starts_with(hypertable_schema, '_')
        """,
    )
    assert sorted(found) == [(name, TIME_COLUMNS.get(name, "time"), 7) for name in sorted(names)]


@pytest.mark.requires("community")
def test_silver_keeps_a_year_and_pm_status_two(v1: Any) -> None:
    found = query(
        v1,
        "SELECT hypertable_schema || '.' || hypertable_name, config ->> 'drop_after'"
        " FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'",
    )
    assert sorted(found) == [
        (name, "2 years" if name == "silver.machine_pm_status" else "1 year") for name in SILVER
    ]


@pytest.mark.requires("community")
def test_each_continuous_aggregate_has_a_refresh_policy(v1: Any) -> None:
    found = query(
        v1,
        """
        SELECT a.view_name, j.config ->> 'start_offset', j.schedule_interval::text
        FROM timescaledb_information.continuous_aggregates AS a
        LEFT JOIN timescaledb_information.jobs AS j
            ON j.proc_name = 'policy_refresh_continuous_aggregate'
            AND j.hypertable_schema || '.' || j.hypertable_name IN (
                a.view_schema || '.' || a.view_name,
                a.materialization_hypertable_schema || '.' || a.materialization_hypertable_name
            )
        """,
    )
    assert sorted(found) == [
        ("daily_downtime_stats", "90 days", "1 day"),
        ("daily_production_stats", "90 days", "1 day"),
        ("hourly_downtime_stats", "30 days", "01:00:00"),
        ("hourly_energy_stats", "30 days", "01:00:00"),
        ("hourly_production_stats", "30 days", "01:00:00"),
        ("machine_cycle_stats_hourly", "30 days", "01:00:00"),
        ("machine_downtime_hourly", "30 days", "01:00:00"),
        ("machine_energy_hourly", "30 days", "01:00:00"),
    ]


# The step


def test_verify_holds_after_up_and_fails_after_down(v1: Any, server: Any) -> None:
    run_part(v1, "verify", server.capabilities)
    run_part(v1, "down", server.capabilities)
    v1.commit()
    with pytest.raises(psycopg2.errors.UndefinedObject, match="revision 0001 does not hold"):
        run_part(v1, "verify", server.capabilities)


def test_down_leaves_nothing_and_up_can_run_again(v1: Any, server: Any) -> None:
    run_part(v1, "down", server.capabilities)
    assert not value(
        v1,
        "SELECT count(*) FROM pg_namespace WHERE nspname IN ('master', 'silver', 'bronze',"
        " 'config', 'alerting', 'gold')",
    )
    run_part(v1, "up", server.capabilities)
    run_part(v1, "verify", server.capabilities)


def test_down_refuses_and_names_the_tables_that_hold_rows(plant: Any, server: Any) -> None:
    with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState) as caught:
        run_part(plant, "down", server.capabilities)
    plant.rollback()

    assert caught.value.diag.message_detail == (
        "rows: master.shifts: 3, master.machine_info: 1, master.plants: 1, master.companies: 1"
    )
    assert caught.value.diag.message_hint
    run_part(plant, "verify", server.capabilities)


@pytest.mark.parametrize(
    "break_it",
    [
        "DROP TABLE master.shifts",
        "DROP INDEX silver.machine_cycles_cycle_start_idx",
        "DROP FUNCTION master.get_shift_id(text, timestamptz)",
        "ALTER PROCEDURE bronze.proc_process_bronze_batch(integer) RENAME TO gone",
        "ALTER TABLE bronze.raw_telemetry RENAME TO gone",
        "DROP TABLE config.alert_subscriptions",
        "DROP PROCEDURE alerting.proc_run_engine()",
        "DROP VIEW gold.v_live_machine_status",
        "DROP FUNCTION gold.get_home_screen_stats(text)",
        "ALTER TABLE silver.machine_energy RENAME TO gone",
    ],
)
def test_verify_names_what_was_taken_away(v1: Any, server: Any, break_it: str) -> None:
    run(v1, break_it)
    with pytest.raises(psycopg2.errors.UndefinedObject) as caught:
        run_part(v1, "verify", server.capabilities)
    assert str(caught.value.diag.message_detail).startswith("missing: ")


# Shifts


@pytest.mark.parametrize(
    ("wall_time", "shift"),
    [
        ("2026-01-05 05:59:59.999999", "C"),
        ("2026-01-05 06:00", "A"),
        ("2026-01-05 13:59:59.999999", "A"),
        ("2026-01-05 14:00", "B"),
        ("2026-01-05 21:59:59.999999", "B"),
        ("2026-01-05 22:00", "C"),
        ("2026-01-06 00:00", "C"),
    ],
)
def test_a_shift_is_half_open_and_wraps_past_midnight(
    plant: Any, wall_time: str, shift: str
) -> None:
    found = value(plant, "SELECT master.get_shift_id('p', %s)", f"{wall_time}+05:30")
    assert found == shift


def test_the_lowest_of_several_shifts_wins(plant: Any) -> None:
    run(
        plant,
        "INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs)"
        " VALUES ('1', 'c', 'p', '05:00', 24), ('0', 'c', 'p', NULL, 8)",
    )
    assert value(plant, "SELECT master.get_shift_id('p', '2026-01-05 06:00+05:30')") == "1"


@pytest.mark.parametrize("arguments", ["'elsewhere', now()", "NULL, now()", "'p', NULL"])
def test_where_no_shift_matches_it_is_unknown_and_never_null(plant: Any, arguments: str) -> None:
    assert value(plant, f"SELECT master.get_shift_id({arguments})") == "UNKNOWN"


def test_the_company_of_a_plant_is_not_looked_at(plant: Any) -> None:
    run(
        plant,
        """
        INSERT INTO master.companies (company_id, company_name) VALUES ('other', 'Other');
        INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time)
        VALUES ('0', 'other', 'p', '06:00')
        """,
    )
    assert value(plant, "SELECT master.get_shift_id('p', '2026-01-05 06:00+05:30')") == "0"


# Ingest


def test_a_payload_of_a_known_machine_becomes_cycles_and_a_processed_row(plant: Any) -> None:
    _ingest(
        plant,
        _payload(
            {
                "CycleStart": "2026-01-05T04:30:00Z",
                "CycleEnd": "2026-01-05T04:40:00Z",
                "ProgramNo": "O1",
                "StdLoadUnload": 60,
                "StdCycleTime": "500",
                "ActualLoadUnload": 55,
                "DownThreshold": 120,
            },
            {"CycleStart": "2026-01-05 10:30:00"},
        ),
    )
    assert query(
        plant,
        "SELECT cycle_start AT TIME ZONE 'UTC' = '2026-01-05 04:30', company_id, machine_id,"
        " program_no, std_load_unload, std_cycle_time, actual_load_unload, actual_cycle_time,"
        " down_threshold FROM silver.machine_cycles ORDER BY cycle_start",
    ) == [
        (True, "c", "m", "O1", 60, 500, 55, None, 120),
        # Without a zone: India's wall clock. No threshold: 0.
        (False, "c", "m", None, None, None, None, None, 0),
    ]
    assert value(
        plant,
        "SELECT max(cycle_start) = '2026-01-05 05:00Z' FROM silver.machine_cycles",
    )
    assert query(
        plant,
        "SELECT device_id, iot_id, processed, company_id, processing_status, batch_id"
        " FROM bronze.raw_telemetry",
    ) == [("d", "i", True, "c", "processed", None)]


@pytest.mark.parametrize(
    ("more", "shift"),
    [
        (
            {
                "MachineWiseFocasDetails": [
                    {"Date": "2026-01-05 07:00", "UpdatedTS": "2026-01-05 15:00"}
                ]
            },
            "B",
        ),
        ({"MachineWiseFocasDetails": [{"Date": "2026-01-05 23:00"}]}, "C"),
        (
            {
                "MachineRunningStatus": [{"UpdatedTS": "2026-01-05 07:00"}],
                "MachineWiseFocasDetails": [{"UpdatedTS": "2026-01-05 15:00"}],
            },
            "A",
        ),
    ],
)
def test_one_time_of_the_payload_gives_the_shift_of_every_row(
    plant: Any, more: dict[str, object], shift: str
) -> None:
    _ingest(plant, _payload({"CycleStart": "2026-01-05 22:30:00"}, **more))
    assert query(plant, "SELECT shift_id FROM silver.machine_cycles") == [(shift,)]


def test_arrays_of_all_eight_kinds_are_shredded(plant: Any) -> None:
    at = "2026-01-05T04:30:00Z"
    _ingest(
        plant,
        _payload(
            {"CycleStart": at},
            MachineRunningStatus=[
                {"UpdatedTS": at, "RunningProgramNo": "O1", "Status": "Run", "OperatorID": "7",
                 "Target": 9}
            ],
            MachineWiseDownDetails=[
                {"DownStart": at, "DownEnd": at, "DownCode": "X", "DownID": 3, "DownThreshold": 5}
            ],
            MachineWiseAlarmDetails=[{"AlarmTS": at, "AlarmNo": 1, "AlarmDesc": "hot"}],
            MachineWiseEnergyDetails=[
                {"UpdatedTS": at, "Category": "all", "ServoEnergy": 1.5, "SpindleEnergy": 2,
                 "TotalEnergy": 3.5}
            ],
            MachineWiseFocasDetails=[
                {"Date": at, "ShiftID": "B", "POT": 9, "OT": 8, "CT": 7, "PartCount": 1.5,
                 "RejCount": 0}
            ],
            MachineWiseToolDetails=[{"UpdatedTS": at, "ToolNo": "T1", "Target": 9, "Actual": 2}],
            MachineWisePMDetails=[{"UpdatedTS": at, "PMCorrectedCount": 4}],
        ),
    )  # fmt: skip
    expected = {
        "machine_status": "program_no, status, operator_id, target = O1 Run 7 9 A",
        "machine_downtime": "down_code, down_id, down_threshold = X 3 5 A",
        "machine_alarms": "alarm_no, alarm_desc = 1 hot A",
        "machine_energy": "category, servo_energy, spindle_energy, total_energy = all 1.5 2 3.5 A",
        "machine_focas": "part_count, rej_count, pot, ot, ct = 1.5 0 9 8 7 B",
        "machine_tool_usage": "tool_no, target_count, actual_count = T1 9 2 A",
        "machine_pm_status": "pm_corrected_count = 4 A",
    }
    for table, line in expected.items():
        columns, _, found = line.partition(" = ")
        assert (
            value(plant, f"SELECT concat_ws(' ', {columns}, shift_id) FROM silver.{table}") == found
        )


@pytest.mark.parametrize(
    "payload",
    [
        {"DeviceID": "d", "IOTID": "other", "MachineWiseCycleDetails": []},
        {"DeviceID": "other", "IOTID": "i"},
        {"IOTID": "i"},
        {},
        [],
        "text",
        42,
        None,
    ],
)
def test_an_unknown_machine_goes_to_the_dead_letter_queue_and_nowhere_else(
    plant: Any, payload: object
) -> None:
    _ingest(plant, payload)
    letters = query(plant, "SELECT payload, error_reason, company_id FROM bronze.dead_letter_queue")
    assert [(body, company) for body, _, company in letters] == [(payload, None)]
    assert letters[0][1].startswith("Unknown machine: DeviceID=")
    assert not value(plant, "SELECT count(*) FROM silver.machine_cycles")
    assert not value(plant, "SELECT count(*) FROM bronze.raw_telemetry")


def test_bronze_is_skipped_on_request_and_the_session_time_zone_stays(plant: Any) -> None:
    run(plant, "SET TIME ZONE 'America/New_York'")
    _ingest(plant, _payload({"CycleStart": "2026-01-05 10:30"}), skip_bronze=True)
    assert not value(plant, "SELECT count(*) FROM bronze.raw_telemetry")
    assert value(plant, "SHOW timezone") == "America/New_York"


def test_an_array_that_is_null_is_skipped_and_one_that_is_no_array_fails(plant: Any) -> None:
    _ingest(plant, {**_payload(), "MachineWiseCycleDetails": None})
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        _ingest(plant, {**_payload(), "MachineWiseCycleDetails": "none"})


# The batch


def _pend(connection: Any, *payloads: object) -> None:
    for number, payload in enumerate(payloads):
        run(
            connection,
            "INSERT INTO bronze.raw_telemetry (ingest_time, payload, company_id)"
            " VALUES (now() - INTERVAL '40 days' + %s * INTERVAL '3 days', %s::jsonb, 'c')",
            number,
            json.dumps(payload),
        )
    connection.commit()


def _statuses(connection: Any) -> list[tuple[str, bool, bool]]:
    return query(
        connection,
        "SELECT processing_status, processed, batch_id IS NOT NULL"
        " FROM bronze.raw_telemetry ORDER BY ingest_time",
    )


def test_a_batch_takes_the_oldest_and_a_failing_row_stops_no_other(plant: Any) -> None:
    good = _payload({"CycleStart": "2026-01-05 10:30"})
    broken = _payload({"CycleStart": "2026-01-05 11:30"}, {"CycleStart": "no time"})
    _pend(plant, good, broken, {"DeviceID": "unknown"}, good, good)

    run(plant, "CALL bronze.proc_process_bronze_batch(4)")

    assert _statuses(plant) == [
        ("processed", True, True),
        ("failed", False, True),
        ("processed", True, True),
        ("processed", True, True),
        ("pending", False, False),
    ]
    assert value(plant, "SELECT count(*) FROM silver.machine_cycles") == 2
    letters = query(
        plant,
        "SELECT payload, error_reason, company_id FROM bronze.dead_letter_queue"
        " ORDER BY company_id",
    )
    assert letters[0][0] == broken
    assert "no time" in letters[0][1]
    assert letters[0][2] == "c"
    assert letters[1][0] == {"DeviceID": "unknown"}
    assert value(plant, "SELECT count(DISTINCT batch_id) FROM bronze.raw_telemetry") == 1

    run(plant, "CALL bronze.proc_process_bronze_batch(4)")
    assert _statuses(plant)[4] == ("processed", True, True)


def test_a_batch_of_nothing_does_nothing(plant: Any) -> None:
    run(plant, "CALL bronze.proc_process_bronze_batch(10)")
    assert _statuses(plant) == []


@pytest.mark.requires("multi_session")
def test_a_second_batch_skips_what_the_first_has_locked(plant: Any, database_url: str) -> None:
    good = _payload({"CycleStart": "2026-01-05 10:30"})
    # A new chunk takes its foreign key's lock on companies to the end: make it beforehand.
    _ingest(plant, good, skip_bronze=True)
    _pend(plant, good, good, good)
    run(plant, "CALL bronze.proc_process_bronze_batch(2)")

    second = connect(database_url)
    try:
        run(second, "SET lock_timeout = '2s'")
        run(second, "CALL bronze.proc_process_bronze_batch(10)")
        second.commit()
    finally:
        second.close()
    plant.commit()

    assert _statuses(plant) == [("processed", True, True)] * 3
    assert value(plant, "SELECT count(*) FROM silver.machine_cycles") == 1 + 3
    assert value(plant, "SELECT count(DISTINCT batch_id) FROM bronze.raw_telemetry") == 2
