"""``setu status``: each condition is broken once, and is found, with its subject and a command.

The list of breaches is held against the list of conditions: one that nobody breaks fails a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import NullPool, create_engine, make_url
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.main import load_commands
from setu.ops.health import BrokenCondition, Health, Thresholds, checks, lines, read_health
from tests.servers.at_hand import Server
from tests.v1 import ROOT
from tests.v2 import Plant, plant_on

pytestmark = pytest.mark.requires("community", "multi_session", "scheduler")

PIPELINES = tuple(
    path.stem.removeprefix("raw_") for path in sorted((ROOT / "schema_new/bronze/Tables").iterdir())
)


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    """v2 whose loads a worker runs, so that no job comes between a breach and the look at it."""
    with plant_on(server, scheduler=True) as plant:
        plant.chain.run(
            "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs"
            " WHERE proc_schema <> '_etl' AND job_id >= 1000",
            *(f"CALL _etl.sp_load_{pipeline}(NULL, '{{}}')" for pipeline in PIPELINES),
            "CALL _etl.sp_retain_bronze(NULL, '{}')",
        )
        yield plant


def look(plant: Plant, limits: Thresholds | None = None, session: Sequence[str] = ()) -> Health:
    """The health as a new session sees it, after some statements of its own."""
    address = make_url(plant.chain.url).set(drivername="postgresql+psycopg2")
    engine = create_engine(address, poolclass=NullPool)
    with engine.connect() as connection:
        for statement in session:
            connection.exec_driver_sql(statement)
        return read_health(connection, limits)


def job(proc: str, table: str = "") -> str:
    """SQL for the number of one job."""
    named = f" AND hypertable_name = '{table}' AND hypertable_schema <> '_archive'" if table else ""
    return f"(SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = '{proc}'{named})"


RETAIN = job("sp_retain_bronze")
REFRESH = job("policy_refresh_continuous_aggregate", "daily_production_stats")
COMPRESS = job("policy_compression", "raw_machine_cycles")
CYCLES = job("sp_load_machine_cycles")
ROLL_UP = job("sp_roll_up")
CALENDAR = job("sp_extend_shift_calendar")
TODAY = "(now() AT TIME ZONE 'UTC')::date"
RULE = (
    "INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value)"
    " VALUES ('a', 'downtime_duration', '>', '60')"
)
SEQUENCE = "bronze.raw_machine_cycles_id_seq"
COLUMN = "attrelid = 'bronze.raw_machine_cycles'::regclass AND attname"
ETL = "ALTER ROLE setu_etl IN DATABASE {db}"
OFF = "SELECT alter_job({}, scheduled => false)"
ON = "SELECT alter_job({}, scheduled => true)"
STAT = "UPDATE _timescaledb_internal.bgw_job_stat SET {} WHERE job_id = {}"


def log_run(pipeline: str, **more: str) -> str:
    """SQL that adds a run to the log, the newest of its pipeline."""
    values = {"started_at": "clock_timestamp()", "finished_at": "clock_timestamp()",
              "status": "'succeeded'", **more}  # fmt: skip
    return (
        f"INSERT INTO _etl.job_runs (pipeline, from_id, to_id, {', '.join(values)})"
        f" VALUES ('{pipeline}', 0, 0, {', '.join(values.values())})"
    )


def forget_runs(pipeline: str) -> str:
    return f"DELETE FROM _etl.job_runs WHERE pipeline = '{pipeline}'"


@dataclass(frozen=True)
class Breach:
    """A condition broken: how, what must be said of what, and how it is undone."""

    condition: str
    says: str
    plant: Sequence[str] = ()
    undo: Sequence[str] = ()
    command: str = ""
    limits: Thresholds | None = None
    session: Sequence[str] = ()


def reload(pipeline: str) -> str:
    return f"CALL _etl.sp_load_{pipeline}(NULL, '{{}}')"


BREACHES = (
    Breach(
        "server_takes_writes", "role setu_etl in database .* has default_transaction_read_only on",
        ["ALTER ROLE setu_etl IN DATABASE {db} SET default_transaction_read_only = on"],
        ["ALTER ROLE setu_etl IN DATABASE {db} RESET default_transaction_read_only"],
        "ALTER ROLE setu_etl IN DATABASE .* RESET default_transaction_read_only",
    ),
    Breach(
        "hypertables_are_at_work", "database .* has timescaledb.restoring on",
        ["ALTER DATABASE {db} SET timescaledb.restoring = on"],
        ["ALTER DATABASE {db} RESET timescaledb.restoring"],
        "timescaledb_post_restore",
    ),
    Breach("edition_fits", "server runs the Apache edition", command="timescaledb.license",
           session=["CREATE TEMPORARY VIEW pg_settings AS SELECT name, CASE name WHEN"
                    " 'timescaledb.license' THEN 'apache' ELSE reset_val END AS reset_val,"
                    " source FROM pg_catalog.pg_settings",
                    "SET search_path = pg_temp, pg_catalog"]),
    Breach("transaction_ids_left", "is .* million transactions from the stop",
           limits=Thresholds(transaction_ids=-1), command="VACUUM"),
    Breach(
        "autovacuum_works", "has track_counts off",
        ["ALTER DATABASE {db} SET track_counts = off"], ["ALTER DATABASE {db} RESET track_counts"],
        "ALTER DATABASE .* RESET track_counts;",
    ),
    Breach(
        "log_is_recycled", "replication slot setu_test_slot nobody reads it",
        ["SELECT pg_create_physical_replication_slot('setu_test_slot', true)"],
        ["SELECT pg_drop_replication_slot('setu_test_slot')"],
        "pg_drop_replication_slot", Thresholds(slot_bytes=-1),
    ),
    Breach("room_on_disk", "disk of .* has .* of its space left", limits=Thresholds(free_disk=2),
           command="v_chunk_sizes"),
    Breach(
        "roles_can_connect", "setu_etl has no right to connect to this database, .* no load runs",
        ["REVOKE CONNECT ON DATABASE {db} FROM PUBLIC"],
        ["GRANT CONNECT ON DATABASE {db} TO PUBLIC"],
        "GRANT CONNECT ON DATABASE .* TO setu_etl;",
    ),
    Breach("roles_can_connect", "setu_ingest may not log in",
           ["ALTER ROLE setu_ingest NOLOGIN"], ["ALTER ROLE setu_ingest LOGIN"],
           "ALTER ROLE setu_ingest LOGIN;"),
    Breach("roles_can_connect", "setu_ingest has a connection limit of 0",
           ["ALTER ROLE setu_ingest CONNECTION LIMIT 0"],
           ["ALTER ROLE setu_ingest CONNECTION LIMIT -1"]),
    Breach("roles_can_connect", "setu_ingest has a password that was valid until",
           ["ALTER ROLE setu_ingest VALID UNTIL '2020-01-01'"],
           ["ALTER ROLE setu_ingest VALID UNTIL 'infinity'"]),
    Breach("roles_have_rights", "setu_etl has no SELECT on table bronze.raw_machine_cycles",
           ["REVOKE SELECT ON bronze.raw_machine_cycles FROM setu_etl"],
           ["GRANT SELECT ON bronze.raw_machine_cycles TO setu_etl"],
           "GRANT SELECT ON TABLE bronze.raw_machine_cycles TO setu_etl;"),
    Breach("roles_have_rights", "setu_ingest has no INSERT on columns of table bronze.raw_machine",
           # Not by REVOKE, which fails on a column of a hypertable with a column store.
           [f"UPDATE pg_attribute SET attacl = NULL WHERE {COLUMN} = 'cycle_start'"],
           [f"UPDATE pg_attribute SET attacl = (SELECT attacl FROM pg_attribute WHERE {COLUMN} ="
            f" 'cycle_end') WHERE {COLUMN} = 'cycle_start'"]),
    Breach("roles_have_rights", "setu_etl has no EXECUTE on procedure _etl.sp_load_machine_focas",
           ["REVOKE EXECUTE ON PROCEDURE _etl.sp_load_machine_focas FROM setu_etl"],
           ["GRANT EXECUTE ON PROCEDURE _etl.sp_load_machine_focas TO setu_etl"],
           r"ON PROCEDURE _etl.sp_load_machine_focas\(integer, jsonb\) TO setu_etl"),
    Breach("roles_have_rights", "setu_etl has no INSERT on table gold.machine_days",
           ["REVOKE INSERT ON gold.machine_days FROM setu_etl"],
           ["GRANT INSERT ON gold.machine_days TO setu_etl"],
           "GRANT INSERT ON TABLE gold.machine_days TO setu_etl;"),
    Breach("roles_have_rights", "setu_etl has no EXECUTE on procedure gold.sp_roll_up",
           ["REVOKE EXECUTE ON PROCEDURE gold.sp_roll_up FROM setu_etl"],
           ["GRANT EXECUTE ON PROCEDURE gold.sp_roll_up TO setu_etl"],
           r"ON PROCEDURE gold.sp_roll_up\(integer, jsonb\) TO setu_etl"),
    Breach("roles_have_rights", "setu_etl has no USAGE on schema silver",
           ["REVOKE USAGE ON SCHEMA silver FROM setu_etl"],
           ["GRANT USAGE ON SCHEMA silver TO setu_etl"],
           "GRANT USAGE ON SCHEMA silver TO setu_etl;"),
    Breach("role_settings_fit", "default_transaction_isolation = serializable",
           [f"{ETL} SET default_transaction_isolation = serializable"],
           [f"{ETL} RESET default_transaction_isolation"]),
    Breach("role_settings_fit", "statement_timeout = 10s, which ends a load before it is done",
           ["ALTER ROLE setu_etl IN DATABASE {db} SET statement_timeout = '10s'"],
           ["ALTER ROLE setu_etl IN DATABASE {db} RESET statement_timeout"]),
    Breach("role_settings_fit", "session_replication_role = replica",
           ["ALTER ROLE setu_etl IN DATABASE {db} SET session_replication_role = replica"],
           ["ALTER ROLE setu_etl IN DATABASE {db} RESET session_replication_role"]),
    Breach("role_settings_fit", "timescaledb.enable_dml_decompression = off",
           ["ALTER ROLE setu_etl IN DATABASE {db}"
            " SET timescaledb.enable_dml_decompression = off"],
           ["ALTER ROLE setu_etl IN DATABASE {db}"
            " SET timescaledb.enable_dml_decompression = on"]),
    *(
        Breach("stored_rows_are_seen", f"{whose} has timescaledb.{name} = {value}: .* not ",
               [f"ALTER {what} SET timescaledb.{name} = {value}"],
               [f"ALTER {what} RESET timescaledb.{name}"],
               f"ALTER .* RESET timescaledb.{name};")
        for whose, what in (
            ("database .*", "DATABASE {db}"),
            ("role .* in database .*", "ROLE CURRENT_USER IN DATABASE {db}"),
        )
        for name, value in (
            ("enable_tiered_reads", "off"), ("disable_load", "on"),
        )
    ),
    Breach("sequences_give_each_id_once", f"{SEQUENCE} keeps 50 ids ahead for each session",
           [f"ALTER SEQUENCE {SEQUENCE} CACHE 50"], [f"ALTER SEQUENCE {SEQUENCE} CACHE 1"],
           f"ALTER SEQUENCE {SEQUENCE} CACHE 1"),
    Breach("sequences_give_each_id_once", f"{SEQUENCE} steps by 2",
           [f"ALTER SEQUENCE {SEQUENCE} INCREMENT 2"], [f"ALTER SEQUENCE {SEQUENCE} INCREMENT 1"]),
    Breach("sequences_give_each_id_once", f"{SEQUENCE} starts over at its end",
           [f"ALTER SEQUENCE {SEQUENCE} CYCLE"], [f"ALTER SEQUENCE {SEQUENCE} NO CYCLE"]),
    Breach("sequences_give_each_id_once", f"{SEQUENCE} ends at 5000",
           [f"ALTER SEQUENCE {SEQUENCE} MAXVALUE 5000"],
           [f"ALTER SEQUENCE {SEQUENCE} NO MAXVALUE"]),
    Breach("sequences_give_each_id_once", "machine_cycles is 900 ids ahead of its sequence",
           ["UPDATE _etl.watermarks SET last_processed_id = last_processed_id + 900"
            " WHERE pipeline = 'machine_cycles'"],
           ["UPDATE _etl.watermarks SET last_processed_id = last_processed_id - 900"
            " WHERE pipeline = 'machine_cycles'"],
           "A sequence that went back"),
    Breach("sequences_have_room", "master.companies_iot_id_seq has used 98 % of its range",
           ["SELECT setval('master.companies_iot_id_seq', 2100000000)"],
           ["SELECT setval('master.companies_iot_id_seq', 2)"], "bigint"),
    Breach("tables_are_hypertables", "machine_am_status has no table silver.machine_am_status",
           ["ALTER TABLE silver.machine_am_status RENAME TO away"],
           ["ALTER TABLE silver.away RENAME TO machine_am_status"], "setu drift"),
    Breach("rows_are_not_hidden", "bronze.raw_machine_focas has 8192 bytes of rows outside its",
           ["SET timescaledb.restoring = on",
            "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id) VALUES ('D-1', 1)"],
           # As the documentation has it.
           ["BEGIN", "SET LOCAL timescaledb.restoring = on",
            "CREATE TEMPORARY TABLE hidden AS SELECT * FROM ONLY bronze.raw_machine_focas",
            "TRUNCATE ONLY bronze.raw_machine_focas", "COMMIT",
            "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id)"
            " SELECT device_id, machine_iot_id FROM hidden",
            reload("machine_focas"), "DELETE FROM _etl.rejected_rows"],
           "Rows that hide"),
    Breach("rows_are_not_hidden", "silver.machine_focas has row security on",
           # Not by ALTER TABLE, which refuses it with a column store.
           ["UPDATE pg_class SET relrowsecurity = true"
            " WHERE oid = 'silver.machine_focas'::regclass"],
           ["UPDATE pg_class SET relrowsecurity = false WHERE relname = 'machine_focas'"],
           "DISABLE ROW LEVEL SECURITY"),
    Breach("triggers_are_on", "master.shift_definitions has its trigger .* switched off",
           ["ALTER TABLE master.shift_definitions DISABLE TRIGGER ALL"],
           ["ALTER TABLE master.shift_definitions ENABLE TRIGGER ALL"],
           "ALTER TABLE master.shift_definitions ENABLE TRIGGER"),
    Breach("triggers_are_on", "gold.machine_shifts has its trigger .* switched off",
           ["ALTER TABLE gold.machine_shifts DISABLE TRIGGER machine_shifts_inserted"],
           ["ALTER TABLE gold.machine_shifts ENABLE TRIGGER machine_shifts_inserted"],
           "ALTER TABLE gold.machine_shifts ENABLE TRIGGER machine_shifts_inserted"),
    Breach("pipelines_are_enabled", "machine_cycles is disabled",
           ["UPDATE _etl.watermarks SET enabled = false WHERE pipeline = 'machine_cycles'"],
           ["UPDATE _etl.watermarks SET enabled = true WHERE pipeline = 'machine_cycles'"],
           "UPDATE _etl.watermarks SET enabled = true WHERE pipeline = 'machine_cycles';"),
    Breach("pipelines_run", "machine_focas has never run", [forget_runs("machine_focas")],
           [reload("machine_focas")], "setu worker"),
    Breach("pipelines_run", "machine_focas ran last at a time that is yet to come: the clock",
           [forget_runs("machine_focas"),
            log_run("machine_focas", started_at="clock_timestamp() + INTERVAL '1 day'")],
           [forget_runs("machine_focas"), reload("machine_focas")]),
    Breach("pipelines_run", "machine_focas last ran 26 days ago",
           [forget_runs("machine_focas"),
            log_run("machine_focas", started_at="now() - INTERVAL '37043 minutes'")],
           [reload("machine_focas")]),
    Breach("runs_succeed", "machine_focas failed at its last run: 22P02: broken$",
           [log_run("machine_focas", status="'failed'", error=r"E'22P02: broken\nmore'")],
           [forget_runs("machine_focas"), reload("machine_focas")]),
    Breach("runs_succeed", "machine_focas failed at its last run: 22P02: hidden",
           [log_run("machine_focas", started_at="clock_timestamp() + INTERVAL '1 day'"),
            log_run("machine_focas", status="'failed'", error="'22P02: hidden'")],
           [forget_runs("machine_focas"), reload("machine_focas")]),
    Breach("runs_succeed", r"machine_focas failed \d+ of \d+ runs in a day",
           [log_run("machine_focas", status="'failed'", error="'x'"), reload("machine_focas")],
           [forget_runs("machine_focas"), reload("machine_focas")],
           "SELECT started_at, error FROM _etl.job_runs"),
    Breach("runs_succeed", "machine_focas has been running for 20 min",
           [log_run("machine_focas", status="'running'", finished_at="NULL",
                    started_at="now() - INTERVAL '20 minutes'"),
            "DELETE FROM _etl.job_runs WHERE pipeline = 'machine_focas' AND status <> 'running'"],
           [forget_runs("machine_focas"), reload("machine_focas")]),
    Breach("pipelines_keep_up", "machine_focas is 1 rows and 20 min behind",
           ["INSERT INTO bronze.raw_machine_focas (time, device_id, machine_iot_id, event_time)"
            " VALUES (now() - INTERVAL '20 minutes', 'D-1', 1, now())"],
           [reload("machine_focas")], "batch_size"),
    Breach("scheduler_runs", "server has no TimescaleDB scheduler for this database",
           ["SELECT _timescaledb_functions.stop_background_workers()"],
           ["SELECT _timescaledb_functions.start_background_workers()", "SELECT pg_sleep(1)"],
           "start_background_workers"),
    Breach("jobs_exist", "column store of bronze.raw_machine_cycles has no job",
           ["SELECT remove_compression_policy('bronze.raw_machine_cycles')"],
           ["SELECT add_compression_policy('bronze.raw_machine_cycles', INTERVAL '7 days')"],
           "setu drift"),
    Breach("jobs_exist", "refresh of gold.daily_production_stats has no job",
           ["SELECT remove_continuous_aggregate_policy('gold.daily_production_stats')"],
           ["SELECT add_continuous_aggregate_policy('gold.daily_production_stats', NULL,"
            " INTERVAL '1 day', INTERVAL '1 hour')"]),
    Breach("jobs_exist", "load of machine_cycles has 2 jobs, which run against each other",
           ["SELECT add_job('_etl.sp_load_machine_cycles', INTERVAL '1 minute',"
            " scheduled => false)"],
           ["SELECT delete_job(max(job_id)) FROM timescaledb_information.jobs"
            " WHERE proc_name = 'sp_load_machine_cycles'"], "delete_job"),
    Breach("jobs_are_scheduled", "refresh of gold.daily_production_stats is off the schedule",
           [OFF.format(REFRESH)], [ON.format(REFRESH)], r"alter_job\(\d+, scheduled => true\)"),
    Breach("jobs_are_scheduled", "column store of bronze.raw_machine_cycles is off the schedule",
           [OFF.format(COMPRESS)], [ON.format(COMPRESS)]),
    Breach("jobs_are_scheduled", "retention of bronze is off the schedule",
           ["DELETE FROM _etl.retention_runs"], ["CALL _etl.sp_retain_bronze(NULL, '{}')"]),
    Breach("jobs_are_scheduled", "load of machine_focas is off the schedule",
           ["UPDATE _etl.job_runs SET job_id = 1 WHERE pipeline = 'machine_focas'"],
           [reload("machine_focas")]),
    Breach("jobs_are_scheduled", "refresh of gold.daily_production_stats starts next at .* only",
           [f"SELECT alter_job({REFRESH}, next_start => now() + INTERVAL '1 year')"],
           [f"SELECT alter_job({REFRESH}, next_start => now() + INTERVAL '1 hour')"],
           r"alter_job\(\d+, next_start => now\(\)\)"),
    Breach("jobs_are_scheduled", "refresh of gold.daily_production_stats never starts again",
           [f"SELECT alter_job({REFRESH}, next_start => 'infinity')"],
           [f"SELECT alter_job({REFRESH}, next_start => now() + INTERVAL '1 hour')"]),
    Breach("jobs_can_start", "retention of bronze belongs to setu_test_nologin, which may not log",
           ["DROP ROLE IF EXISTS setu_test_nologin", "CREATE ROLE setu_test_nologin",
            f"UPDATE _timescaledb_catalog.bgw_job SET owner = 'setu_test_nologin'::regrole"
            f" WHERE id = {RETAIN}"],
           ["UPDATE _timescaledb_catalog.bgw_job SET owner = current_user::regrole"
            f" WHERE id = {RETAIN}",
            "DROP ROLE setu_test_nologin"], "ALTER ROLE setu_test_nologin LOGIN"),
    Breach("jobs_can_start", r"load of machine_cycles belongs to setu_etl, which may not connect",
           ["REVOKE CONNECT ON DATABASE {db} FROM PUBLIC"],
           ["GRANT CONNECT ON DATABASE {db} TO PUBLIC"]),
    Breach("jobs_succeed", "refresh of gold.daily_production_stats failed at its last run, 200",
           [STAT.format("last_run_success = false, total_failures = 200, last_start = now(),"
                        " last_finish = now()", REFRESH)],
           [STAT.format("last_run_success = true, total_failures = 0", REFRESH)], "job_errors"),
    Breach("jobs_succeed", "column store of bronze.raw_machine_cycles may fail 3 times",
           [f"SELECT alter_job({COMPRESS}, max_retries => 3)"],
           [f"SELECT alter_job({COMPRESS}, max_retries => -1)"], "max_retries => -1"),
    Breach("old_chunks_go", "machine_cycles keeps a chunk of before .*: 2BP01: cannot drop",
           ["INSERT INTO _etl.kept_chunks (pipeline, chunk, range_end, reason) VALUES"
            " ('machine_cycles', '_timescaledb_internal.x', '2020-01-01', '2BP01: cannot drop')"],
           ["DELETE FROM _etl.kept_chunks"], "Remove what is in the way"),
    Breach("old_chunks_go", "bronze.raw_machine_cycles has 1 chunks older than 30 days",
           ["INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id, cycle_start)"
            " VALUES (now() - INTERVAL '40 days', 'D-1', 1, now())"],
           [reload("machine_cycles"), "CALL _etl.sp_retain_bronze(NULL, '{}')"],
           "sp_retain_bronze"),
    Breach("logs_are_trimmed", "retention of bronze came to its end last at",
           ["UPDATE _etl.retention_runs SET finished_at = now() - INTERVAL '3 days'"],
           ["CALL _etl.sp_retain_bronze(NULL, '{}')"], "sp_retain_bronze"),
    Breach("logs_are_trimmed", "retention of bronze has never run",
           ["DELETE FROM _etl.retention_runs"], ["CALL _etl.sp_retain_bronze(NULL, '{}')"]),
    Breach("jobs_are_scheduled", "roll-up of reports is off the schedule",
           [f"UPDATE gold.rolled_up_dates SET first_date = {TODAY} - 9, last_date = {TODAY} - 5",
            OFF.format(ROLL_UP)],
           [ON.format(ROLL_UP), "CALL gold.sp_roll_up(NULL, NULL)"], "scheduled => true"),
    Breach("jobs_are_scheduled", "shift calendar is off the schedule",
           [f"UPDATE master.shift_calendar_extents SET last_date = {TODAY} + 55",
            OFF.format(CALENDAR)],
           [ON.format(CALENDAR), "CALL master.sp_extend_shift_calendar(NULL, NULL)"],
           "scheduled => true"),
    Breach("shift_calendar_goes_on", "plant .* has its shift calendar up to .* only",
           [f"UPDATE master.shift_calendar_extents SET last_date = {TODAY} + 49"],
           ["CALL master.sp_extend_shift_calendar(NULL, NULL)"], "sp_extend_shift_calendar"),
    Breach("reports_are_rolled_up", "machines without a plant are rolled up to 2020-01-02 only",
           ["DELETE FROM gold.rolled_up_dates",
            "INSERT INTO gold.rolled_up_dates VALUES (0, '2020-01-01', '2020-01-02')"],
           ["DELETE FROM gold.rolled_up_dates"], "sp_roll_up"),
    Breach("alerts_are_checked", "alert engine last checked the rules at",
           [RULE, "INSERT INTO alerting.engine_runs"
            " VALUES ('downtime', now() - INTERVAL '2 hours')"],
           ["DELETE FROM alerting.engine_runs", "DELETE FROM config.alert_rules"],
           "proc_run_engine"),
    Breach("alerts_are_checked", "alert engine cannot evaluate rule .*: no number",
           [RULE, "INSERT INTO alerting.rule_faults (rule_id, reason)"
            " SELECT r.rule_id, 'no number' FROM config.alert_rules AS r"],
           ["DELETE FROM config.alert_rules"], "config.alert_rules"),
)  # fmt: skip


def _text(finding: BrokenCondition) -> str:
    return f"{finding.subject} {finding.reason}"


@pytest.mark.parametrize(
    "breach",
    BREACHES,
    ids=[f"{b.condition}-{re.sub(r'[^a-z]+', '-', b.says)[:40]}" for b in BREACHES],
)
def test_a_breach_is_found_and_only_for_as_long_as_it_lasts(plant: Plant, breach: Breach) -> None:
    database = make_url(plant.chain.url).database
    limits = breach.limits

    def run(statements: Sequence[str]) -> None:
        with plant.chain.session() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{db}", f'"{database}"'))

    run(breach.plant)
    try:
        found = [f for f in look(plant, limits, breach.session).findings
                 if f.condition == breach.condition]  # fmt: skip
    finally:
        run(breach.undo)
    said = [f for f in found if re.search(breach.says, _text(f))]
    assert said, found
    finding = said[0]
    assert finding.command
    assert re.search(breach.command, finding.command)
    after = look(plant)
    assert not [f for f in after.findings if f.condition == breach.condition], after.findings
    assert {c.name: c.holds for c in after.conditions}[breach.condition] is True


def test_every_condition_has_its_breach() -> None:
    conditions = {name for check in checks() for name in check.conditions}
    elsewhere = {
        "no_transaction_is_forgotten",
        "fence_moves",
        "rows_are_accepted",
        "chunks_are_compressed",
    }
    assert conditions == {breach.condition for breach in BREACHES} | elsewhere


def test_the_documentation_lists_every_condition() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for check in checks():
        for name, must in check.conditions.items():
            assert f"| `{name}` | {must} |" in text


def found(health: Health, condition: str) -> list[str]:
    """What is said of a condition, and the command."""
    return [f"{_text(f)} -> {f.command}" for f in health.findings if f.condition == condition]


def test_rows_that_are_all_refused_are_no_health(plant: Plant) -> None:
    plant.chain.run(
        "INSERT INTO bronze.raw_machine_energy (device_id, machine_iot_id, event_time)"
        " SELECT 'D-1', 404, now() FROM generate_series(1, 5000)",
        reload("machine_energy"),
    )
    try:
        [said] = found(look(plant), "rows_are_accepted")
        assert said == (
            "machine_energy rejected 5,000 of 5,000 rows in a day, and 5,000 wait, most as "
            "unknown_machine -> setu rejects list machine_energy"
        )
        # Corrected and sent again, or let go: nothing waits, and all is well.
        plant.chain.run("UPDATE _etl.rejected_rows SET resent_at = now()")
        assert found(look(plant), "rows_are_accepted") == []
    finally:
        plant.chain.run("DELETE FROM _etl.rejected_rows", forget_runs("machine_energy"),
                        reload("machine_energy"))  # fmt: skip


def test_a_transaction_that_holds_the_fence_is_named_with_the_command_that_ends_it(
    plant: Plant,
) -> None:
    insert = "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id) VALUES ('D-1', 1)"
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(insert)
        plant.chain.run(insert, "CALL _etl.sp_load_machine_focas(NULL, '{}')")
        [said] = found(look(plant, Thresholds(lag=0)), "fence_moves")
        assert said.startswith("machine_focas is held up by pid ")
        assert f"pg_terminate_backend({connection.info.backend_pid})" in said
        cursor.execute("ROLLBACK")
    plant.chain.run(reload("machine_focas"), "DELETE FROM _etl.rejected_rows")
    assert found(look(plant, Thresholds(lag=0)), "fence_moves") == []


def test_a_prepared_transaction_is_named_with_the_command_that_ends_it(plant: Plant) -> None:
    if plant.chain.value("SELECT current_setting('max_prepared_transactions')") == "0":
        pytest.skip("the server prepares no transactions")
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id) VALUES ('D-1', 1)"
        )
        cursor.execute("PREPARE TRANSACTION 'setu_test_forgotten'")
    try:
        health = look(plant, Thresholds(lag=0, prepared_age=0))
        [said] = found(health, "no_transaction_is_forgotten")
        assert "ROLLBACK PREPARED 'setu_test_forgotten'" in said
        plant.chain.run(reload("machine_focas"))
        [said] = found(look(plant, Thresholds(lag=0)), "fence_moves")
        assert said.endswith("COMMIT PREPARED or ROLLBACK PREPARED 'setu_test_forgotten'")
    finally:
        plant.chain.run("ROLLBACK PREPARED 'setu_test_forgotten'", reload("machine_focas"))


def test_chunks_that_are_not_compressed_in_time_are_named(plant: Plant) -> None:
    plant.chain.run(
        "INSERT INTO bronze.raw_machine_alarms (time, device_id, machine_iot_id, event_time)"
        " VALUES (now() - INTERVAL '20 days', 'D-1', 1, now())",
        reload("machine_alarms"),
    )
    # Its job has not had its turn since the chunk is there.
    assert found(look(plant), "chunks_are_compressed") == []
    plant.chain.run(
        "UPDATE _timescaledb_catalog.chunk SET creation_time = now() - INTERVAL '3 days'",
        STAT.format("last_successful_finish = now()",
                    job("policy_compression", "raw_machine_alarms")),
    )  # fmt: skip
    [said] = found(look(plant), "chunks_are_compressed")
    assert said.startswith("bronze.raw_machine_alarms has 1 chunks that should be compressed")
    plant.chain.run(said.split(" -> ")[1].split(";")[0])
    assert found(look(plant), "chunks_are_compressed") == []


def test_a_job_that_hangs_without_a_worker_is_named(plant: Plant) -> None:
    """The scheduler sets the next start to minus infinity when a job begins."""
    refresh = job("policy_refresh_continuous_aggregate", "daily_downtime_stats")
    plant.chain.run(
        STAT.format("next_start = '-infinity', last_start = now() - INTERVAL '1 hour'", refresh)
    )
    try:
        [said] = found(look(plant), "jobs_are_scheduled")
        assert said.startswith("refresh of gold.daily_downtime_stats hangs: it began at")
    finally:
        plant.chain.run(STAT.format("next_start = now() + INTERVAL '1 hour'", refresh))


def test_a_job_that_does_not_start_is_named(plant: Plant) -> None:
    refresh = job("policy_refresh_continuous_aggregate", "daily_downtime_stats")
    plant.chain.run(STAT.format("next_start = now() - INTERVAL '10 minutes'", refresh))
    try:
        said = found(look(plant), "jobs_are_scheduled")
        # Unless the scheduler is quicker than this test, which is as good.
        assert not said or "should have started at" in said[0]
    finally:
        plant.chain.run(STAT.format("next_start = now() + INTERVAL '1 hour'", refresh))


# What is shown


def setu(plant: Plant, *arguments: str, url: str = "") -> Result:
    app = Typer()
    load_commands(app)
    given = {"DATABASE_URL": url or plant.chain.url}
    return CliRunner(env=given).invoke(app, ["status", "--free-disk", "0", *arguments])


def test_the_verdict_is_the_first_line_and_all_of_it_when_all_is_well(plant: Plant) -> None:
    result = setu(plant)
    assert result.exit_code == 0, result.output
    [line] = result.output.splitlines()
    assert re.fullmatch(r"healthy: \d+ conditions hold(, \d+ could not be checked .*)?", line)


def test_what_is_wrong_comes_with_its_reason_and_a_command_and_exit_code_4(plant: Plant) -> None:
    plant.chain.run("UPDATE _etl.watermarks SET enabled = false WHERE pipeline = 'machine_focas'")
    try:
        result = setu(plant)
        said = json.loads(setu(plant, "--json").stdout)
    finally:
        plant.chain.run("UPDATE _etl.watermarks SET enabled = true")
    assert result.exit_code == 4
    assert re.fullmatch(
        r"unhealthy: 1 of \d+ conditions do not hold\n\npipelines_are_enabled\n"
        r"  machine_focas is disabled\n"
        r"    -> UPDATE _etl.watermarks SET enabled = true WHERE pipeline = 'machine_focas';\n",
        result.output,
    )
    assert (said["format"], said["healthy"]) == (1, False)
    [finding] = said["findings"]
    assert set(finding) == {"condition", "subject", "reason", "command"}
    assert set(said) == {
        "format", "command", "healthy", "findings", "conditions", "pipelines", "rejects", "jobs",
        "offsets",
    }  # fmt: skip


def test_all_of_it_fits_80_columns_and_cuts_no_name(plant: Plant) -> None:
    result = setu(plant, "--all")
    shown = result.output.splitlines()
    assert max(map(len, shown)) <= 80
    for pipeline in PIPELINES:
        assert [line for line in shown if line.startswith(f"  {pipeline} ")]
    assert [line for line in shown if "bronze.raw_machine_focas_program_production" in line]


def test_a_reader_gets_the_same_verdict(plant: Plant) -> None:
    plant.chain.run("CREATE ROLE setu_test_reader LOGIN IN ROLE setu_reader")
    try:
        url = make_url(plant.chain.url).set(username="setu_test_reader", password="setu")
        result = setu(plant, url=url.render_as_string(hide_password=False))
        assert result.exit_code == 0, result.output
        assert "could not be checked" in result.output or "healthy" in result.output
    finally:
        plant.chain.run("DROP ROLE setu_test_reader")


@pytest.mark.parametrize("options", ["", "-cdefault_transaction_read_only=on"])
def test_a_reader_who_may_not_write_does_not_blame_the_server(plant: Plant, options: str) -> None:
    plant.chain.run("CREATE ROLE setu_test_reader LOGIN IN ROLE setu_reader")
    try:
        if not options:
            plant.chain.run("ALTER ROLE setu_test_reader SET default_transaction_read_only = on")
        url = make_url(plant.chain.url).set(username="setu_test_reader", password="setu")
        if options:
            url = url.update_query_dict({"options": options})
        result = setu(plant, url=url.render_as_string(hide_password=False))
        assert "server_takes_writes" not in result.output
        assert result.exit_code == 0, result.output
    finally:
        plant.chain.run("DROP ROLE setu_test_reader")


def test_a_read_only_database_is_named_alone_and_as_sql_writes_it(plant: Plant) -> None:
    name = make_url(plant.chain.url).database
    plant.chain.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        found = [f for f in look(plant).findings if f.condition == "server_takes_writes"]
    finally:
        with plant.chain.session() as connection, connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert [f.subject for f in found] == [f"database {name}"]


def test_what_could_not_be_said_ends_with_another_code(plant: Plant) -> None:
    result = setu(plant, url="postgresql://nobody@127.0.0.1:1/nothing")
    assert result.exit_code == 1


def test_a_good_upgrade_is_healthy_before_a_job_has_run(server: Server) -> None:
    with plant_on(server, scheduler=True) as fresh:
        fresh.chain.run(
            "SELECT alter_job(job_id, scheduled => true, next_start => initial_start"
            " + INTERVAL '1 minute') FROM timescaledb_information.jobs WHERE job_id >= 1000"
            " AND initial_start IS NOT NULL",
            "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs"
            " WHERE job_id >= 1000",
            # A payload that waited in v1 for days.
            "INSERT INTO bronze.raw_machine_focas (time, device_id, machine_iot_id, event_time)"
            " VALUES (now() - INTERVAL '3 days', 'D-1', 1, now() - INTERVAL '3 days')",
        )
        health = look(fresh, Thresholds(free_disk=0))
        assert health.findings == ()
        assert next(iter(lines(health))).startswith("healthy: ")
