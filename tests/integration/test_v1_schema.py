"""v1 as the dictionary has it: tables by name, and what its routines do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from tests.v1 import connect, query, run, run_part, v1_database, value

TABLES = {
    "master.companies": "company_id text not null, company_name text not null,"
    " effective_from_date timestamptz, created_at timestamptz = now()",
    "master.plants": "plant_id text not null, company_id text not null, plant_name text,"
    " plant_city text, created_at timestamptz = now()",
    "master.machine_info": "machine_id text not null, company_id text not null,"
    " plant_id text not null, device_id text not null, iot_id text not null,"
    " created_at timestamptz = now()",
    "master.shifts": "shift_id text not null, company_id text not null, plant_id text not null,"
    " shift_name text, start_time time, duration_hrs numeric, created_at timestamptz = now()",
    "silver.machine_cycles": "cycle_start timestamptz not null, cycle_end timestamptz,"
    " company_id text not null, machine_id text not null, program_no text,"
    " std_load_unload integer, std_cycle_time integer, actual_load_unload integer,"
    " actual_cycle_time integer, created_at timestamptz = now(), shift_id text,"
    " down_threshold integer",
    "bronze.dead_letter_queue": "time timestamptz not null = now(), payload jsonb,"
    " error_reason text, company_id text",
    "bronze.raw_telemetry": "ingest_time timestamptz not null = now(), device_id text,"
    " iot_id text, payload jsonb, processed boolean = false, company_id text, batch_id uuid,"
    " processing_status text = 'pending'",
}
CONSTRAINTS = {
    "companies_pkey": "PRIMARY KEY (company_id)",
    "plants_pkey": "PRIMARY KEY (plant_id, company_id)",
    "plants_company_id_fkey": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "machine_info_pkey": "PRIMARY KEY (machine_id, company_id)",
    "uq_device_per_company": "UNIQUE (device_id, company_id)",
    "fk_machine_plant": "FOREIGN KEY (plant_id, company_id)"
    " REFERENCES master.plants(plant_id, company_id)",
    "machine_info_company_id_fkey": "FOREIGN KEY (company_id)"
    " REFERENCES master.companies(company_id)",
    "shifts_pkey": "PRIMARY KEY (shift_id, company_id, plant_id)",
    "shifts_company_id_fkey": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_mc_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "dead_letter_queue_company_id_fkey": "FOREIGN KEY (company_id)"
    " REFERENCES master.companies(company_id)",
    "raw_telemetry_company_id_fkey": "FOREIGN KEY (company_id)"
    " REFERENCES master.companies(company_id)",
}
INDEXES = {
    "companies_pkey": "master.companies USING btree (company_id)",
    "plants_pkey": "master.plants USING btree (plant_id, company_id)",
    "machine_info_pkey": "master.machine_info USING btree (machine_id, company_id)",
    "uq_device_per_company": "master.machine_info USING btree (device_id, company_id)",
    "idx_machine_info_device_iot": "master.machine_info USING btree (device_id, iot_id)",
    "shifts_pkey": "master.shifts USING btree (shift_id, company_id, plant_id)",
    "machine_cycles_cycle_start_idx": "silver.machine_cycles USING btree (cycle_start DESC)",
    "dead_letter_queue_time_idx": 'bronze.dead_letter_queue USING btree ("time" DESC)',
    "raw_telemetry_ingest_time_idx": "bronze.raw_telemetry USING btree (ingest_time DESC)",
    "idx_raw_telemetry_batch": "bronze.raw_telemetry USING btree (batch_id)"
    " WHERE (batch_id IS NOT NULL)",
    "idx_raw_telemetry_pending": "bronze.raw_telemetry USING btree (ingest_time)"
    " WHERE (processing_status = 'pending'::text)",
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
        + (f" = {default.removesuffix('::text')}" if default else "")
        for name, kind, not_null, default in columns
    ]
    assert ", ".join(written) == TABLES[table]


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
    assert dict(found) == CONSTRAINTS


def test_indexes_are_those_of_the_dictionary(v1: Any) -> None:
    found = query(
        v1,
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname || '.' || tablename = ANY (%s)",
        list(TABLES),
    )
    assert {name: definition.partition(" ON ")[2] for name, definition in found} == INDEXES


def test_three_tables_are_hypertables_of_seven_days(v1: Any) -> None:
    assert query(
        v1,
        """
        SELECT hypertable_schema || '.' || hypertable_name, column_name,
            extract(epoch FROM time_interval)::integer / 86400
        FROM timescaledb_information.dimensions ORDER BY 1
        """,
    ) == [
        ("bronze.dead_letter_queue", "time", 7),
        ("bronze.raw_telemetry", "ingest_time", 7),
        ("silver.machine_cycles", "cycle_start", 7),
    ]


@pytest.mark.requires("community")
def test_silver_keeps_a_year(v1: Any) -> None:
    assert query(
        v1,
        "SELECT hypertable_schema, hypertable_name, config ->> 'drop_after'"
        " FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'",
    ) == [("silver", "machine_cycles", "1 year")]


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
        v1, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('master', 'silver', 'bronze')"
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
    _make_other_facts(plant)
    _ingest(plant, _payload({"CycleStart": "2026-01-05 22:30:00"}, **more))
    assert query(plant, "SELECT shift_id FROM silver.machine_cycles") == [(shift,)]


def test_arrays_of_all_eight_kinds_are_shredded(plant: Any) -> None:
    _make_other_facts(plant)
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


def _make_other_facts(connection: Any) -> None:
    """The silver tables outside the slice, with the columns that a payload fills."""
    own = {
        "machine_status": "time, program_no, status, operator_id, target integer",
        "machine_downtime": "down_start, down_end, down_code, down_id integer,"
        " down_threshold integer",
        "machine_alarms": "time, alarm_no, alarm_desc",
        "machine_energy": "time, category, servo_energy double precision,"
        " spindle_energy double precision, total_energy double precision",
        "machine_focas": "time, part_count double precision, rej_count double precision,"
        " pot double precision, ot double precision, ct double precision",
        "machine_tool_usage": "time, tool_no, target_count double precision,"
        " actual_count double precision",
        "machine_pm_status": "time, pm_corrected_count integer",
    }
    times = {"time", "down_start", "down_end"}
    for table, columns in own.items():
        typed = [
            name + (" timestamptz" if name in times else "" if " " in name else " text")
            for name in columns.split(", ")
        ]
        run(
            connection,
            f"CREATE TABLE silver.{table} ({', '.join(typed)}, company_id text,"
            " machine_id text, shift_id text)",
        )


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
