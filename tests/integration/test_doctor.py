"""``setu doctor``: each rule is broken once and found, with a reason and a fix that works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import NullPool, create_engine, make_url
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.commands.doctor import COMMUNITY, VERSIONS_FIT, versions
from setu.cli.main import load_commands
from setu.ops.doctor import Diagnosis, Finding, Limits, advice, diagnose, lines
from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on

pytestmark = pytest.mark.requires("community", "multi_session")

GB = 1 << 30
#: Such that a server of the tests, which is small, is right.
FITTING = Limits(ram=1 * GB)


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as made:
        made.send(*({"cycle_start": f"2024-03-05 08:{n:02}+00"} for n in range(60)))
        made.load()
        made.chain.run(
            "ANALYZE",
            "SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c",
        )
        yield made


def look(plant: Plant, limits: Limits, session: Sequence[str] = ()) -> Diagnosis:
    """The diagnosis in a new session, after some statements of its own."""
    address = make_url(plant.chain.url).set(drivername="postgresql+psycopg2")
    engine = create_engine(address, poolclass=NullPool)
    with engine.connect() as connection:
        for statement in session:
            connection.exec_driver_sql(statement)
        return diagnose(connection, limits)


def pretend(**settings: str) -> list[str]:
    """Another server: a view in front of the catalog's own that shows other settings."""
    cases = " ".join(
        f"WHEN '{name.replace('__', '.')}' THEN '{value}'" for name, value in settings.items()
    )
    return [
        "CREATE TEMPORARY VIEW pg_settings AS SELECT s.name, s.unit, s.boot_val, s.reset_val,"
        f" CASE s.name {cases} ELSE s.setting END AS setting FROM pg_catalog.pg_settings AS s",
        "SET search_path = pg_temp, pg_catalog, public",
    ]


@dataclass(frozen=True)
class Breach:
    """A rule broken: how, what must be said, and how it is undone."""

    rule: str
    says: str
    fix: str
    level: str
    plant: Sequence[str] = ()
    undo: Sequence[str] = ()
    session: Sequence[str] = ()
    limits: Limits = FITTING


CHUNK = (
    "(SELECT format('%I.%I', c.chunk_schema, c.chunk_name)"
    " FROM timescaledb_information.chunks AS c"
    " WHERE c.hypertable_name = 'machine_cycles' AND c.hypertable_schema = 'silver' LIMIT 1)"
)
ON_CHUNK = f"DO $$BEGIN EXECUTE format('{{}}', {CHUNK}); END$$"
TINY = replace(FITTING, rows=10, size=1)

BREACHES = (
    Breach("writes_survive", "has fsync off", "ALTER SYSTEM SET fsync = on", "error",
           session=pretend(fsync="off")),
    Breach("memory_is_used", "has shared_buffers = 8192 kB, of 1024 MB", "shared_buffers = '256MB'",
           "advice", session=pretend(shared_buffers="1024")),
    Breach("memory_is_used", "has effective_cache_size = 8192 kB", "effective_cache_size = '768MB'",
           "advice", session=pretend(effective_cache_size="1024")),
    Breach("memory_is_bounded", "sessions take work_mem = 1024 MB each", "work_mem", "warning",
           session=pretend(work_mem="1048576")),
    Breach("workers_suffice", "has max_worker_processes = 4, for", "max_worker_processes",
           "warning", session=pretend(max_worker_processes="4")),
    Breach("workers_suffice", "max_background_workers = 1, for 1 jobs",
           "timescaledb.max_background_workers = 4", "warning",
           ["SELECT alter_job(job_id, scheduled => true, next_start => 'infinity')"
            " FROM timescaledb_information.jobs WHERE proc_name = 'sp_load_machine_cycles'"],
           ["SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs"
            " WHERE proc_name = 'sp_load_machine_cycles'"],
           pretend(timescaledb__max_background_workers="1")),
    Breach("log_is_roomy", "has max_wal_size = 256 MB", "max_wal_size = '4GB'", "advice",
           session=pretend(max_wal_size="256")),
    Breach("log_is_roomy", "has checkpoint_timeout = 60 s", "checkpoint_timeout = '15min'",
           "advice", session=pretend(checkpoint_timeout="60")),
    Breach("log_is_roomy", "has wal_compression off", "wal_compression = on", "advice",
           session=pretend(wal_compression="off")),
    Breach("transactions_end", "role setu_ingest may leave a transaction open for ever",
           "ALTER DATABASE .* SET idle_in_transaction_session_timeout = '5min'", "warning",
           ["ALTER DATABASE {db} RESET idle_in_transaction_session_timeout"],
           ["ALTER DATABASE {db} SET idle_in_transaction_session_timeout = '5min'"]),
    Breach("plans_are_not_compiled", "has jit on", "SET jit = off", "advice",
           ["ALTER DATABASE {db} RESET jit"], ["ALTER DATABASE {db} SET jit = off"]),
    Breach("locks_suffice", "has room for .* locks, and a query over", "max_locks_per_transaction",
           "warning",
           session=pretend(max_locks_per_transaction="0")),
    Breach("connections_suffice", "of 1 connections in use", "max_connections", "warning",
           session=pretend(max_connections="1")),
    Breach("pages_are_checked", "has data_checksums off", "pg_checksums", "advice",
           session=pretend(data_checksums="off")),
    Breach("text_holds_all", "is encoded in LATIN1", "ENCODING 'UTF8'", "warning",
           session=["CREATE TEMPORARY VIEW pg_database AS SELECT d.oid, d.datname, 8 AS encoding,"
                    " d.datcollversion FROM pg_catalog.pg_database AS d",
                    "SET search_path = pg_temp, pg_catalog, public"]),
    Breach("collation_is_the_same", "was made under version 0 of its collation, and the system has"
           " 1", "REINDEX DATABASE", "error",
           ["CREATE SCHEMA fake",
            "CREATE VIEW fake.pg_database AS SELECT d.oid, d.datname, d.encoding,"
            " '0'::text AS datcollversion FROM pg_catalog.pg_database AS d",
            "CREATE FUNCTION fake.pg_database_collation_actual_version(oid) RETURNS text"
            " LANGUAGE sql AS 'SELECT ''1''::text'"],
           ["DROP SCHEMA fake CASCADE"], ["SET search_path = fake, pg_catalog, public"]),
    Breach("timescaledb_plans", "has timescaledb.enable_chunk_append off", "ALTER SYSTEM RESET",
           "warning", session=["SET timescaledb.enable_chunk_append = off"]),
    Breach("extension_is_current", "and 99.0 is installed", "ALTER EXTENSION timescaledb UPDATE",
           "advice",
           session=["CREATE TEMPORARY VIEW pg_available_extensions AS SELECT 'timescaledb'::name AS"
                    " name, '99.0' AS default_version",
                    "SET search_path = pg_temp, pg_catalog, public"]),
    # Not every build has this setting.
    Breach("nothing_is_reported", "telemetry_level = basic", "telemetry_level = off", "advice",
           session=["CREATE TEMPORARY VIEW pg_settings AS SELECT 'timescaledb.telemetry_level' AS"
                    " name, 'basic' AS setting, NULL AS unit, 'basic' AS boot_val,"
                    " 'basic' AS reset_val",
                    "SET search_path = pg_temp, pg_catalog, public"]),
    Breach("roles_are_narrow", "role setu_ingest has BYPASSRLS", "ALTER ROLE setu_ingest NOBYPASS",
           "error", ["ALTER ROLE setu_ingest BYPASSRLS"], ["ALTER ROLE setu_ingest NOBYPASSRLS"]),
    Breach("roles_are_narrow", "role setu_reader is a member of pg_write_all_data",
           "REVOKE pg_write_all_data FROM setu_reader", "error",
           ["GRANT pg_write_all_data TO setu_reader"],
           ["REVOKE pg_write_all_data FROM setu_reader"]),
    Breach("public_may_not_create", "schema public lets everybody create",
           "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "warning",
           ["GRANT CREATE ON SCHEMA public TO PUBLIC"],
           ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"]),
    Breach("chunk_permissions", "silver.machine_cycles has 1 chunks with other rights", "GRANT",
           "error", [ON_CHUNK.format("REVOKE SELECT ON %s FROM setu_reader")],
           [ON_CHUNK.format("GRANT SELECT ON %s TO setu_reader")]),
    Breach("chunk_permissions", "silver.machine_cycles has 1 chunks with another owner",
           "ALTER TABLE silver.machine_cycles OWNER TO", "error",
           ["DROP ROLE IF EXISTS setu_test_other", "CREATE ROLE setu_test_other",
            f"UPDATE pg_class SET relowner = 'setu_test_other'::regrole WHERE oid = {CHUNK}"
            "::regclass"],
           [f"UPDATE pg_class SET relowner = (SELECT c.relowner FROM pg_class AS c WHERE c.oid ="
            f" 'silver.machine_cycles'::regclass) WHERE oid = {CHUNK}::regclass",
            "DROP ROLE setu_test_other"]),
    Breach("segments_are_few", "bronze.raw_machine_cycles is segmented by machine_iot_id",
           "segmentby", "warning",
           session=["CREATE TEMPORARY VIEW pg_stats AS SELECT s.schemaname, s.tablename, s.attname,"
                    " '-1'::real AS n_distinct FROM pg_catalog.pg_stats AS s",
                    "SET search_path = pg_temp, pg_catalog, public"], limits=TINY),
    Breach("column_store_pays", "is .* times smaller in the column store", "segmentby and orderby",
           "advice", limits=TINY),
    Breach("indexes_are_valid", "has index .*, which is not valid", "DROP INDEX", "error",
           ["UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
            " 'master.plants_pkey'::regclass"],
           ["UPDATE pg_index SET indisvalid = true WHERE indexrelid ="
            " 'master.plants_pkey'::regclass"]),
    Breach("indexes_are_used", "has index spare_idx of .* that no query has used", "drop it in",
           "advice", ["CREATE INDEX spare_idx ON silver.machine_cycles (program_no)"],
           ["DROP INDEX silver.spare_idx"], limits=TINY),
    Breach("indexes_are_distinct", "has indexes .* and twin_idx, which are the same",
           "DROP INDEX silver.twin_idx", "advice",
           ["CREATE INDEX twin_idx ON silver.machine_cycles (cycle_start DESC)"],
           ["DROP INDEX silver.twin_idx"]),
    Breach("tables_are_analysed", "has .* pages and was never analysed", "ANALYZE", "warning",
           ["CREATE TABLE public.x (i integer)", "ALTER TABLE public.x SET SCHEMA master",
            "INSERT INTO master.x SELECT generate_series(1, 10)"],
           ["DROP TABLE master.x"], limits=TINY),
    Breach("hypertable_candidates", "public.readings has .* rows, an index on time column at",
           "create_hypertable", "advice",
           ["CREATE TABLE public.readings (at timestamptz PRIMARY KEY)",
            "INSERT INTO public.readings SELECT now() + n * interval '1 s'"
            " FROM generate_series(1, 2000) AS n",
            "ANALYZE public.readings",
            "SET enable_seqscan = off; SELECT 1 FROM public.readings WHERE at = now()",
            "SELECT pg_sleep(1)"],
           ["DROP TABLE public.readings"], limits=TINY),
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(plant: Plant) -> Plant:
    """The database under what the doctor advises, as far as a test may set it."""
    name = make_url(plant.chain.url).database
    plant.chain.run(
        f"ALTER DATABASE \"{name}\" SET idle_in_transaction_session_timeout = '5min'",
        f'ALTER DATABASE "{name}" SET jit = off',
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    return plant


@pytest.mark.parametrize(
    "breach", BREACHES, ids=[f"{b.rule}-{re.sub(r'[^a-z]+', '-', b.says)[:30]}" for b in BREACHES]
)
def test_a_broken_rule_is_found_with_its_reason_and_a_fix(sound: Plant, breach: Breach) -> None:
    database = make_url(sound.chain.url).database

    def run(statements: Sequence[str]) -> None:
        with sound.chain.session() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{db}", f'"{database}"'))

    run(breach.plant)
    try:
        found = [f for f in look(sound, breach.limits, breach.session).findings
                 if f.rule == breach.rule]  # fmt: skip
    finally:
        run(breach.undo)
    said = [f for f in found if re.search(breach.says, f"{f.subject} {f.finding}")]
    assert said, found
    assert re.search(breach.fix, said[0].fix)
    assert said[0].level == breach.level
    assert said[0].reason
    if breach.plant:
        assert said[0] not in look(sound, breach.limits).findings


def test_every_rule_has_its_breach_and_its_reason() -> None:
    rules = {rule.name for file in advice() for rule in file.rules}
    assert rules == {breach.rule for breach in BREACHES}


@pytest.mark.parametrize(
    ("pair", "level", "says"),
    [
        ((140_018, "14.18", "2.29.2", "timescale"), "error", "is too old"),
        ((150_018, "15.18", None, "timescale"), "error", "has no extension timescaledb"),
        ((150_018, "15.18", "2.17.2", "timescale"), "error", "is too old"),
        ((150_020, "15.20", "2.28.3", "timescale"), "warning", "counts jobs that did their work"),
        ((150_018, "15.18", "2.18.0", "timescale"), "error", "#7673"),
        ((170_011, "17.11", "2.19.3", "apache"), "warning", "runs as the Apache edition"),
    ],
)
def test_versions_that_do_not_go_together_are_named(
    pair: tuple[int, str, str | None, str], level: str, says: str
) -> None:
    found = [f for f in versions(*pair) if says in f.finding]
    assert [f.level for f in found] == [level]
    assert found[0].rule in (VERSIONS_FIT.name, COMMUNITY.name)


def test_good_versions_are_not_named() -> None:
    assert list(versions(150_018, "15.18", "2.29.2", "timescale")) == []


def doctor(plant: Plant, *arguments: str) -> Result:
    app = Typer()
    load_commands(app)
    return CliRunner(env={"DATABASE_URL": plant.chain.url, "COLUMNS": "80"}).invoke(
        app, ["doctor", *arguments]
    )


def test_the_command_says_the_verdict_first_and_all_of_it_as_json(sound: Plant) -> None:
    plain = doctor(sound, "--ram", "1GB")
    found = json.loads(doctor(sound, "--ram", "1GB", "--json").stdout)
    bad = [f for f in found["findings"] if f["level"] != "advice"]
    assert found["format"] == 1
    assert found["sound"] == (not bad)
    assert plain.exit_code == (4 if bad else 0)
    assert re.match(r"(nothing found|\d+ \w+(, \d+ \w+)*): \d+ rules asked", plain.stdout)
    said = " ".join(plain.stdout.split())
    for finding in found["findings"]:
        assert f"{finding['subject']} {finding['finding']}" in said
        # To be copied whole.
        assert f"    -> {finding['fix']}" in plain.stdout.splitlines()
    prose = [line for line in plain.stdout.splitlines() if not line.startswith("    -> ")]
    assert [line for line in prose if len(line) > 80] == []
    assert all(rule["asks"].endswith("?") and rule["why"] for rule in found["rules"])


def test_a_fix_of_the_doctor_is_no_drift(sound: Plant) -> None:
    """What one command advises, another one does not complain about."""
    app = Typer()
    load_commands(app)
    said = CliRunner(env={"DATABASE_URL": sound.chain.url}).invoke(app, ["drift"]).output
    assert "held against schema_new/" in said
    assert not re.search("idle_in_transaction|jit|setting|schema public", said)


def test_what_a_role_may_not_see_is_named_as_not_asked() -> None:
    rules = advice()[0].rules
    known = Diagnosis(rules, (), {rules[1].name: "the server is on another machine: give --ram"})
    said = list(lines(known))
    assert said[0] == f"nothing found: {len(rules) - 1} rules asked, 1 not asked"
    assert said[-1] == "  memory_is_used: the server is on another machine: give --ram"


def test_a_reader_gets_a_diagnosis(sound: Plant) -> None:
    found = look(sound, FITTING, ["SET ROLE setu_reader"])
    assert set(found.not_asked) <= {"memory_is_used", "memory_is_bounded"}


def test_advice_alone_is_sound() -> None:
    only = Finding("jit", "advice", "a", "b", "c", "d")
    assert Diagnosis(findings=(only,)).sound
    assert not Diagnosis(findings=(only, replace(only, level="warning"))).sound
