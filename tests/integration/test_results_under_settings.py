"""Loads, jobs, alerts, gold and reports come to the same under settings of anybody's.

One fleet with rows that wait in bronze is copied for each set of settings. Then all jobs run once,
each in a session of its owner, and everything that came of it is held against a copy of which
nothing is set.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from setu.db.connection import connected
from setu.db.session_settings import JOB_SEARCH_PATH, role_settings
from setu.ops.reconciliation import read_reconciliation
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.engine_settings import HIDING, other_engine_settings
from tests.servers.at_hand import Native, Server

pytestmark = pytest.mark.requires("multi_session", "community")

OWNER, PERSON, SPACE = (f"{name}_{os.getpid()}" for name in ("an_owner", "a_person", "a_space"))
FLEET = FleetSize(companies=2, plants=1, machines=2, days=4, cycles_per_machine_day=6)
UNTIL = LAST_MIDNIGHT - timedelta(days=3)

READING = {
    "search_path": "own, silver, master, pg_catalog",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "Pacific/Chatham",
    "timezone_abbreviations": "India",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "xmlbinary": "hex",
    "xmloption": "document",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "lc_numeric": "C",
    "plpgsql.variable_conflict": "use_column",
    "plpgsql.extra_errors": "strict_multi_assignment",
    "check_function_bodies": "off",
    "client_min_messages": "error",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
}
PLANNING = {
    "default_transaction_isolation": "repeatable read",
    "work_mem": "64kB",
    "hash_mem_multiplier": "1",
    "constraint_exclusion": "off",
    "plan_cache_mode": "force_generic_plan",
    "join_collapse_limit": "1",
    "from_collapse_limit": "1",
    "geqo_threshold": "2",
    "cursor_tuple_fraction": "1",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "debug_parallel_query": "on",
    "force_parallel_mode": "on",
    "default_statistics_target": "1",
    "default_toast_compression": "pglz",
    "gin_fuzzy_search_limit": "1",
    "idle_in_transaction_session_timeout": "3s",
    "idle_session_timeout": "3s",
    "enable_hashagg": "off",
    "enable_incremental_sort": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "enable_mergejoin": "off",
    "enable_partition_pruning": "off",
    "enable_partitionwise_join": "on",
    "enable_partitionwise_aggregate": "on",
}
ENGINE = {
    "default_tablespace": SPACE,
    "temp_tablespaces": SPACE,
    "enable_hashjoin": "off",
    "timescaledb.enable_constraint_exclusion": "off",
    "timescaledb.max_tuples_decompressed_per_dml_transaction": "1",
    "timescaledb.max_open_chunks_per_insert": "1",
    # Last, since this test goes on with its own settings.
    "lock_timeout": "1ms",
    "statement_timeout": "1s",
}
#: Under this a person cannot change what is compressed.
CLOSING = {"timescaledb.enable_dml_decompression": "off"}
CASES = [
    *(
        (settings, whose)
        for settings in (READING, PLANNING, ENGINE)
        for whose in ("database", "every role")
    ),
    (CLOSING, "jobs"),
]
NAMES = [
    f"{what}-{whose}"
    for what in ("reading", "planning", "engine")
    for whose in ("database", "roles")
]

#: Bronze: the columns of a fact, and rows of them for each machine. {0} is a time in the history.
SENT = {
    "machine_cycles": (
        "cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time",
        "'{0} 08:00Z', '{0} 08:05Z', E'O\\\\1''\"', 30, 300",
        "'{0} 08:06:00.4Z', NULL, 'Ö', 30, 300",
        "'{0} 08:06:00.4Z', '{0} 08:09Z', NULL, NULL, 240",
        "'{0} 08:00Z', '{0} 08:05:01.5Z', 'O1', 30, 300",
        "NULL, NULL, NULL, NULL, NULL",
        "'infinity', NULL, NULL, NULL, NULL",
    ),
    "machine_downtime": (
        "down_start, down_end, down_code, down_id",
        "'{0} 09:00Z', '{0} 09:30Z', 'D1', NULL",
        "'{0} 10:00Z', NULL, NULL, 1",
        "'{0} 11:00Z', '{0} 10:59Z', 'no such', 99",
    ),
    "machine_status": (
        "event_time, status, operator_id, target",
        "'{0} 08:00Z', 'Running', '', 12",
        "'{0} 08:00Z', 'Idle', NULL, 99999999999",
        "'{0} 08:01Z', E'\\\\', '7', NULL",
    ),
    "machine_alarms": ("event_time, alarm_no, alarm_desc", "'{0} 08:00Z', '1', NULL"),
    "machine_energy": (
        "event_time, category, servo_energy, spindle_energy, total_energy",
        "'{0} 08:00Z', 'all', 0.1::float8 + 0.2::float8, 1e-7, 123456.7895",
        "'{0} 08:00Z', 'axis', 'NaN', 1e300, '-Infinity'",
        "'{0} 08:01Z', NULL, 0.0005, 2.0005, 1234.5675",
    ),
    "machine_focas": (
        "event_time, part_count, rej_count, pot",
        "'{0} 08:00Z', 1.5, 2.5, 1e9",
        "'{0} 08:01Z', 1e300, NULL, NULL",
    ),
    "machine_focas_program_production": (
        "event_time, program_no, actual_count, target_count",
        "'{0} 08:00Z', 'O1', 3, 4",
        "'{0} 08:00Z', 'O1', 5, NULL",
    ),
    "machine_tool_usage": (
        "event_time, tool_no, target_count, actual_count",
        "'{0} 08:00Z', 'T1', 2.5, 0.49999999999999994",
    ),
    "machine_pm_status": (
        "event_time, status, pm_corrected_count, pm_pending_count",
        "'{0} 08:00Z', 'Due', 1, 2",
    ),
    "machine_am_status": (
        "event_time, status, am_corrected_count, am_pending_count",
        "'{0} 08:00Z', 'Due', 3, NULL",
    ),
}
RULES = (
    "INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value,"
    " value_type, severity, company_iot_id)"
    " SELECT 'Long', 'downtime_duration', '>', '60.5', 'Numeric', 'Warning', c.iot_id"
    " FROM master.companies AS c"
)
#: What a person reads, and calls.
GOLD = {
    # Of the day that is running, each moment has its own numbers.
    **{
        view: f"SELECT * FROM gold.{view} WHERE {day} < '{UNTIL:%Y-%m-%d}'"
        for view, day in (
            ("v_daily_downtime", "day"),
            ("v_daily_production", "day"),
            ("v_machine_shifts", "logical_date"),
            ("v_oee_by_shift", "day"),
            ("v_oee_dashboard", "day"),
        )
    },
    **{
        view: f"SELECT * FROM gold.{view}"
        for view in ("v_downtime_dashboard", "v_live_machine_status", "v_production_dashboard")
    },
    **{
        f"get_{name}_summary": "SELECT f.* FROM master.machine_info AS m CROSS JOIN LATERAL"
        f" gold.get_{name}_summary(m.iot_id, m.company_iot_id, '2020-01-01Z', '2100-01-01Z') AS f"
        for name in ("cycle", "downtime", "energy")
    },
    "get_home_screen_stats": "SELECT f.* FROM master.companies AS c"
    " CROSS JOIN LATERAL gold.get_home_screen_stats(c.iot_id) AS f",
    "fn_get_shift": "SELECT f.* FROM master.plants AS p CROSS JOIN generate_series("
    "'2026-03-01 00:00Z'::timestamptz, '2026-04-01 00:00Z', '37 minutes') AS t (at)"
    " CROSS JOIN LATERAL master.fn_get_shift(p.iot_id, t.at) AS f",
}
TABLES = """
SELECT n.nspname || '.' || c.relname
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
    AND n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', '_etl')
UNION ALL
SELECT 'gold.' || c.relname
FROM pg_class AS c
WHERE c.relkind IN ('r', 'v') AND c.relnamespace = 'gold'::regnamespace
    AND c.relname !~ '^v_'
ORDER BY 1
"""
JOBS = (
    "SELECT j.job_id, j.owner::text, concat_ws(' ', j.proc_name, j.hypertable_name)"
    " FROM timescaledb_information.jobs AS j WHERE j.job_id >= 1000"
    " ORDER BY j.proc_name !~ '^sp_load', j.proc_name !~ '^sp_', j.proc_name, j.hypertable_name"
)
#: Numbers that are given as rows come, and how long ago something was.
LEFT_OUT = frozenset({
    "backend_pid", "job_id", "run_id", "alert_id", "reject_id", "value_at_alert", "message",
})  # fmt: skip


@dataclass
class Made:
    """The copied database, and the role under test in it."""

    chain: Chain
    begun: datetime

    def as_role(self, role: str) -> Any:
        url = make_url(self.chain.url).set(username=role)
        # TimescaleDB's workers have no statement timeout, and a person's own is a person's own.
        options = "" if role == "setu_etl" else "-c statement_timeout=0"
        connection = psycopg2.connect(url.render_as_string(hide_password=False), options=options)
        connection.autocommit = True
        return connection

    def without_clock(self, value: Any) -> Any:
        """A value of JSON, in which the times of this test are all one."""
        if isinstance(value, dict):
            return {k: self.without_clock(v) for k, v in value.items() if k not in LEFT_OUT}
        if isinstance(value, list):
            return [self.without_clock(one) for one in value]
        if isinstance(value, str) and value.startswith("20"):
            try:
                return "now" if datetime.fromisoformat(value) >= self.begun else value
            except (ValueError, TypeError):
                return value
        return value

    def rows(self, cursor: Any, query: str) -> list[str]:
        cursor.execute(f"SELECT to_jsonb(r) FROM ({query}) AS r")
        return sorted(repr(self.without_clock(row[0])) for row in cursor.fetchall())


def work(made: Made) -> dict[str, Any]:
    """Run everything once; what came of it, by name."""
    found: dict[str, Any] = {}
    with connected(made.chain.url, "test") as connection:
        jobs = connection.exec_driver_sql(JOBS).all()
    for number, owner, name in jobs:
        connection_of_job = made.as_role(owner)
        try:
            with connection_of_job.cursor() as cursor:
                cursor.execute(f"CALL public.run_job({number})")
            found[f"job {name}"] = "done"
        except psycopg2.Error as error:
            found[f"job {name}"] = str(error)
        finally:
            connection_of_job.close()
    engine = made.as_role("setu_etl")
    with engine.cursor() as cursor:
        cursor.execute("CALL alerting.proc_run_engine()")
    engine.close()
    person = made.as_role(PERSON)
    with person.cursor() as cursor:
        for name, query in GOLD.items():
            cursor.execute(f"CREATE TEMPORARY TABLE {name} AS {query}")
        for name in GOLD:
            cursor.execute(
                "SET timezone = 'UTC'; SET datestyle = ISO; SET extra_float_digits = 1;"
                " SET intervalstyle = postgres"
            )
            found[f"gold.{name}"] = made.rows(cursor, f"TABLE pg_temp.{name}")
    person.close()
    with connected(made.chain.url, "test") as reading:
        found["report"] = asdict(read_reconciliation(reading))
        reading.rollback()
        driver: Any = reading.connection.dbapi_connection
        with driver.cursor() as cursor:
            cursor.execute(TABLES)
            for (table,) in cursor.fetchall():
                found[table] = made.rows(cursor, f"SELECT * FROM {table}")
    return found


def let_in(server: Native, database: str | None, whether: bool) -> None:
    """Let sessions into a database, or end those that are there and let none in."""
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database}" WITH ALLOW_CONNECTIONS {whether}')
        cursor.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.datname = %s",
            (database,),
        )
    connection.close()


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Chain]:
    """v2 with history, and rows of each fact that wait in bronze; of an owner of its own."""
    assert isinstance(server, Native)
    with chain_on(server) as chain:
        name = make_url(chain.url).database
        try:
            chain.run(
                f"CREATE ROLE {OWNER} LOGIN",
                f"CREATE ROLE {PERSON} LOGIN",
                f'GRANT CREATE ON DATABASE "{name}" TO {OWNER}',
            )
            with chain.session() as connection, connection.cursor() as cursor:
                cursor.execute("SET allow_in_place_tablespaces = on")
                cursor.execute(f"CREATE TABLESPACE {SPACE} LOCATION ''")
                cursor.execute(f"GRANT CREATE ON TABLESPACE {SPACE} TO PUBLIC")
            v1 = Chain(
                make_url(chain.url).set(username=OWNER).render_as_string(hide_password=False),
                server.capabilities,
            )
            v1.upgrade("0001")
            with chain.session() as connection:
                connection.autocommit = False
                make_fleet(connection, FLEET, until=UNTIL)
                edge_case_rows(connection, until=UNTIL)
                connection.commit()
            chain.upgrade()
            chain.run(
                "SELECT compress_chunk(c, true) FROM timescaledb_information.hypertables AS h"
                " CROSS JOIN LATERAL show_chunks("
                "format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) AS s (c)"
                " WHERE h.hypertable_schema = 'silver' AND h.compression_enabled"
            )
            # This test runs them, and nobody else.
            chain.run(
                "SELECT alter_job(j.job_id, scheduled => false)"
                " FROM timescaledb_information.jobs AS j WHERE j.job_id >= 1000"
            )
            day = f"{UNTIL - timedelta(days=1):%Y-%m-%d}"
            for fact, (columns, *rows) in SENT.items():
                for row in rows:
                    chain.run(
                        f"INSERT INTO bronze.raw_{fact} (device_id, machine_iot_id, {columns})"
                        f" SELECT coalesce(d.device_id, 'any'), m.iot_id, {row.format(day)}"
                        " FROM master.machine_info AS m LEFT JOIN master.device_info AS d"
                        " ON d.device_iot_id = m.device_iot_id ORDER BY m.iot_id"
                    )
                # No such machine, and a sender that is not the machine's.
                chain.run(
                    f"INSERT INTO bronze.raw_{fact} (device_id, machine_iot_id, {columns})"
                    f" SELECT 'stranger', i, {rows[0].format(day)}"
                    " FROM (VALUES (1), (999999)) AS v (i)"
                )
            # Chunks that retention and compression are to find.
            chain.run(
                "INSERT INTO bronze.raw_machine_cycles"
                " (time, device_id, machine_iot_id, cycle_start)"
                " SELECT now() - age, 'stranger', 999999, now() - age"
                " FROM unnest('{10 days,50 days}'::interval[]) AS a (age)",
                RULES,
                "CREATE SCHEMA own",
                # Somebody's own objects of names that ours call.
                "CREATE FUNCTION own.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'own' $$",
                "CREATE FUNCTION own.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql"
                " AS $$ SELECT 'own' $$",
                "CREATE FUNCTION own.eq(text, text) RETURNS boolean LANGUAGE sql"
                " AS $$ SELECT false $$",
                "CREATE OPERATOR own.= (LEFTARG = text, RIGHTARG = text, FUNCTION = own.eq)",
                "GRANT USAGE ON SCHEMA own TO PUBLIC",
                f"GRANT setu_reader TO {PERSON}",
            )
            # A copy is made of a database in which nobody is, not even the engine's workers.
            let_in(server, name, False)
            yield chain
        finally:
            let_in(server, name, True)
            for role in (OWNER, PERSON):
                if chain.value("SELECT to_regrole(%s) IS NOT NULL", role):
                    chain.run(
                        f"REASSIGN OWNED BY {role} TO CURRENT_USER",
                        f"DROP OWNED BY {role} CASCADE",
                        f"DROP ROLE {role}",
                    )
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLESPACE IF EXISTS {SPACE}")
    connection.close()


@contextmanager
def copy_of(
    template: Chain, server: Server, settings: Mapping[str, str], whose: str | None
) -> Iterator[Made]:
    """A copy in which these settings are made of the database, or of one role or all roles."""
    assert isinstance(server, Native)
    url = server.copy_database(template.url)
    try:
        chain = Chain(url, server.capabilities)
        name = make_url(url).database
        begun = chain.value("SELECT clock_timestamp()")
        known = {row[0] for row in chain.query("SELECT lower(name) FROM pg_settings")}
        for role, setting, value in role_settings():
            if setting in known:
                chain.run(f"ALTER ROLE {role} IN DATABASE \"{name}\" SET {setting} = '{value}'")
        chain.run(
            f'ALTER ROLE setu_etl IN DATABASE "{name}" SET search_path = {JOB_SEARCH_PATH}',
            f'GRANT CREATE ON DATABASE "{name}" TO {OWNER}',
        )
        roles = ("setu_etl",) if whose == "jobs" else (OWNER, PERSON, "setu_etl")
        for setting, value in settings.items():
            if setting not in known:
                continue
            text = value if setting in ("search_path", "temp_tablespaces") else f"'{value}'"
            if whose == "database":
                chain.run(f'ALTER DATABASE "{name}" SET {setting} = {text}')
            else:
                chain.run(*(f"ALTER ROLE {role} SET {setting} = {text}" for role in roles))
        try:
            yield Made(chain, begun)
        finally:
            if whose in ("every role", "jobs"):
                with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
                    for role in roles:
                        cursor.execute(f"ALTER ROLE {role} RESET ALL")
    finally:
        server.drop_database(url)


@pytest.fixture(scope="module")
def plain(template: Chain, server: Server) -> dict[str, Any]:
    """What comes of it where nothing is set."""
    with copy_of(template, server, {}, None) as made:
        found = work(made)
    assert {name: said for name, said in found.items() if name.startswith("job ")} == {
        name: "done" for name in found if name.startswith("job ")
    }
    return found


def test_the_plain_run_has_something_to_show(plain: dict[str, Any]) -> None:
    for name in ("_etl.rejected_rows", "alerting.history", "gold.v_oee_by_shift"):
        assert plain[name], name
    for name in (*GOLD, "machine_shifts", "daily_production_stats"):
        if name not in ("v_live_machine_status",):
            assert plain[f"gold.{name}"], name
    assert any("chunks_dropped': 1" in row for row in plain["_etl.retention_runs"])


@pytest.mark.parametrize(("settings", "whose"), CASES, ids=[*NAMES, "closing-jobs"])
def test_no_setting_changes_what_comes_of_the_rows(
    template: Chain,
    server: Server,
    plain: dict[str, Any],
    settings: Mapping[str, str],
    whose: str,
) -> None:
    with copy_of(template, server, settings, whose) as made:
        found = work(made)
    said = "\n".join(
        f"{name}: {only(plain[name], found[name])} became {only(found[name], plain[name])}"
        for name in plain
        if found[name] != plain[name]
    )
    if said:
        pytest.fail(said)


def test_no_setting_of_the_engine_changes_what_jobs_make_of_the_rows(
    template: Chain, server: Server, plain: dict[str, Any]
) -> None:
    with copy_of(template, server, {}, None) as made:
        settings = other_engine_settings(made.chain)
    assert HIDING & settings.keys()
    test_no_setting_changes_what_comes_of_the_rows(template, server, plain, settings, "jobs")


def only(these: Any, others: Any) -> Any:
    """What one of two results has and the other has not, as far as it can be shown."""
    if not isinstance(these, list):
        return these
    left = Counter(these)
    left.subtract(others)
    return [one for one, number in left.items() if number > 0][:1]
