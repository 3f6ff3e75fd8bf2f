"""What SETU says is so: each message is brought about, and held against the database."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psycopg2
import pytest
from psycopg2 import sql
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.catalog.fingerprint import UnknownTableError, fingerprint
from setu.cli.main import app, load_commands
from setu.db.connection import connected
from setu.errors import PreflightError, RevisionStateError, SetuError
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from tests.chain import HEAD, Chain, chain_on
from tests.integration.test_alembic_manners import alembic
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")

if not app.registered_commands:
    load_commands(app)


@pytest.fixture(scope="module")
def fresh(server: Server) -> Iterator[Chain]:
    """A database that `setu fresh` made."""
    with chain_on(server) as chain:
        code, said = command(chain, "fresh", "-x", "accept_known_bad_pair=yes")
        assert code == 0, said
        yield chain


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        yield chain


def command(
    chain: Chain, *arguments: str, role: str | None = None, answer: str = ""
) -> tuple[int, str]:
    """Exit code of a command of ``setu`` as a role, and all that it said."""
    url = make_url(chain.url)
    if role is not None:
        url = url.update_query_dict({"options": f"-crole={role}"})
    # libpq takes no + for a blank.
    address = url.render_as_string(hide_password=False).replace("+", "%20")
    environment = {"DATABASE_URL": address, "COLUMNS": "250"}
    result = CliRunner().invoke(app, list(arguments), env=environment, input=answer)
    said = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, SetuError), result.exception
        said += str(result.exception)
    return result.exit_code, said


def test_fresh_a_second_time_says_that_the_database_stands_at_the_head(fresh: Chain) -> None:
    code, said = command(fresh, "fresh")
    assert code == 1
    assert f"revision {HEAD}" in said
    assert "adopt" not in said


def test_a_downgrade_after_fresh_says_that_there_never_was_a_v1(fresh: Chain) -> None:
    with pytest.raises(PreflightError, match="never was v1") as caught:
        fresh.downgrade("0001")
    assert "archive drop" not in str(caught.value)


def test_archive_drop_asks_nothing_about_rows_that_never_were(fresh: Chain) -> None:
    code, said = command(fresh, "archive", "drop", answer="y\n")
    assert code == 1
    assert "it never was v1" in said
    assert "Drop v1's rows" not in said


def test_archive_drop_asks_nothing_at_v1(v1: Chain) -> None:
    code, said = command(v1, "archive", "drop", answer="y\n")
    assert (code, "at 0001" in said, "Drop v1's rows" in said) == (1, True, False)


def test_verify_on_v1_does_not_send_past_the_check_of_adopt(v1: Chain) -> None:
    code, said = command(v1, "verify")
    assert code == 1
    assert "stamp" not in said


def test_a_kind_that_does_not_exist_cannot_be_left_out(tmp_path: Path, v1: Chain) -> None:
    file = tmp_path / "v1.json"
    code, said = command(v1, "catalog", "snapshot", "--out", str(file))
    assert code == 0, said
    code, said = command(v1, "diff", str(file), str(file), "--ignore", "nope")
    assert code == 1
    assert "no kind of object named 'nope'" in said
    assert command(v1, "diff", str(file), str(file), "--ignore", "job")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (("report",), "_archive"),
        (("adopt",), "GRANT"),
        (("archive", "drop", "--yes"), "who owns what SETU has made here"),
        (("verify",), "who owns what SETU has made here"),
        (("fresh",), "GRANT"),
    ],
)
def test_a_reader_is_told_in_a_line_what_is_missing(
    fresh: Chain, arguments: tuple[str, ...], right: str
) -> None:
    code, said = command(fresh, *arguments, role="setu_reader")
    assert code == 1
    assert len(said.splitlines()) <= 12, said
    assert "Traceback" not in said
    assert right in said or f"at {HEAD}" in said or f"revision {HEAD}" in said, said


@pytest.mark.parametrize("role", ["setu_reader", "setu_admin", "setu_etl", "setu_ingest"])
def test_a_check_that_a_role_may_not_make_is_not_said_to_fail(fresh: Chain, role: str) -> None:
    code, said = command(fresh, "verify", role=role)
    assert (code, " lacks a right: permission denied for schema _" in said) == (1, True), said
    assert "does not hold" not in said
    # A sink or a load that was given more would differ from the revision.
    assert f"GRANT setu_reader TO {role}" not in said


@pytest.mark.parametrize(
    ("arguments", "helps"),
    [
        (("status",), "GRANT setu_reader TO person_of_setu"),
        (("rejects", "list"), "GRANT setu_reader TO person_of_setu"),
        (("register", "list"), "GRANT setu_reader TO person_of_setu"),
        (("register", "company", "ACME", "--dry-run"), "GRANT setu_admin TO person_of_setu"),
        (("register", "retire", "company", "ACME"), "GRANT setu_admin TO person_of_setu"),
        (("rejects", "resend", "tool_life"), "GRANT setu_admin TO person_of_setu"),
        (("rejects", "resend", "tool_life", "--dry-run"), "GRANT setu_reader TO person_of_setu"),
        (("rejects", "discard", "tool_life", "--yes"), "GRANT setu_etl TO person_of_setu"),
        (("report",), "GRANT USAGE ON SCHEMA _archive TO person_of_setu"),
    ],
)
def test_a_person_is_told_at_once_of_the_role_that_may_do_all_of_it(
    fresh: Chain, arguments: tuple[str, ...], helps: str
) -> None:
    fresh.run("CREATE ROLE person_of_setu NOLOGIN")
    try:
        code, said = command(fresh, *arguments, role="person_of_setu")
        assert code == 1
        assert helps in said, said
        *_, hint = said.splitlines()
        fresh.run(hint.removeprefix("What to do: "))
        assert "lacks a right" not in command(fresh, *arguments, role="person_of_setu")[1]
    finally:
        fresh.run("DROP OWNED BY person_of_setu; DROP ROLE person_of_setu")


def test_a_reader_who_writes_is_not_told_of_another_table_of_that_name(fresh: Chain) -> None:
    code, said = command(fresh, "simulate", "--bronze", role="setu_reader")
    assert code == 1
    assert "permission denied for table companies" in said
    assert ", who owns master.companies" in said
    assert "_archive" not in said


def test_a_reader_sees_the_revision_and_the_state_of_the_loads(fresh: Chain) -> None:
    code, said = command(fresh, "status", role="setu_reader")
    assert "Traceback" not in said
    assert code in (0, 4)
    assert "condition" in said


def test_a_stranger_is_told_in_a_line_what_is_missing(fresh: Chain) -> None:
    role = sql.Identifier("stranger_to_setu")
    fresh.run(f"CREATE ROLE {role.string} NOLOGIN")
    try:
        for arguments in (("status",), ("report",), ("verify",), ("drift",)):
            code, said = command(fresh, *arguments, role=role.string)
            assert code != 0, arguments
            assert "GRANT" in said or "Connect as " in said, (arguments, said)
            assert " lacks a right: permission denied for " in said
            assert len(said.splitlines()) <= 8, said
    finally:
        fresh.run(f"DROP ROLE {role.string}")


def test_no_upgrade_shows_messages_that_the_server_only_means_for_itself(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="setu.chain.runner")
    with chain_on(server) as chain:
        for revision in ("head", "0001", "head"):
            chain.move(HEAD if revision == "head" else revision)
    shown = [record.getMessage() for record in caplog.records]
    assert any("NOTICE:" in line for line in shown)  # SETU's own
    server_words = ("skipping", "cascades to", "segmenting")
    assert [line for line in shown if any(words in line for words in server_words)] == []


# What is said at v1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "This database has no loads."),
        (("rejects", "list"), "This database has no list of rejected rows."),
        (("rejects", "codes"), "This database has no list of unknown codes."),
        (("simulate", "--bronze"), "This database has no bronze for a fleet."),
        (("report",), "The rows of v1 have not been accounted for in this database."),
        (("archive", "drop", "--yes"), "The archive cannot be dropped at this revision."),
        (("fresh",), "The database is not empty, so v2 is not made in it."),
        (("adopt",), "The database is in the chain already, at 0001."),
        (("register", "company", "ACME"), "This database has no registration."),
        (("catch-up",), "There is nothing to catch up with at revision 0001."),
    ],
)
def test_a_command_of_v2_says_that_the_database_is_at_v1(
    v1: Chain, arguments: tuple[str, ...], said: str
) -> None:
    before = v1.catalog()
    code, output = command(v1, *arguments)
    assert (code, said in output) == (1, True), output
    assert v1.catalog() == before


def test_where_v2_is_live_there_is_no_v1_to_catch_up_with(fresh: Chain) -> None:
    code, said = command(fresh, "catch-up")
    assert code == 1
    assert "v2 is live since 0107: nobody writes to v1's tables any more." in said
    assert "0106" not in said


def test_rows_in_v1_keep_it_from_being_dropped_and_are_counted(v1: Chain) -> None:
    v1.run("INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')")
    try:
        with pytest.raises(PreflightError) as caught:
            v1.downgrade("base")
        assert "0001 drops v1 only while its tables are empty, and 1 are not." in str(caught.value)
        assert "master.companies" in str(caught.value)
        assert v1.value("SELECT count(*) FROM master.companies") == 1
    finally:
        v1.run("DELETE FROM master.companies")


def test_what_differs_from_v1_is_counted_and_named(
    v1: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    v1.run(
        "ALTER TABLE master.plants ADD COLUMN own text",
        "GRANT SELECT ON master.users TO PUBLIC",
    )
    try:
        with caplog.at_level(logging.WARNING), pytest.raises(PreflightError) as caught:
            v1.upgrade()
        # The column, and its table, of which PUBLIC's right is part.
        said = str(caught.value)
        assert any(
            f"The database is not v1 as schema/ has it: {count} object(s) differ." in said
            for count in (1, 2)
        ), said
        assert "master.plants.own" in str(caught.value)
        assert " grant(s) on v1's objects are not v1's, and will not hold" in caplog.text
    finally:
        v1.run(
            "ALTER TABLE master.plants DROP COLUMN own", "REVOKE SELECT ON master.users FROM PUBLIC"
        )


def test_a_schema_that_the_run_would_make_is_named(v1: Chain) -> None:
    v1.run("CREATE SCHEMA _stage")
    try:
        with pytest.raises(PreflightError) as caught:
            v1.upgrade()
        said = "There is a schema _stage already, which the run would make."
        assert said in str(caught.value)
    finally:
        v1.run("DROP SCHEMA _stage")


def test_a_revision_that_nobody_knows_is_named(v1: Chain) -> None:
    v1.run("UPDATE _setu.version SET version_num = '9999'")
    try:
        with pytest.raises(RevisionStateError, match="A revision is not known here") as caught:
            v1.upgrade()
        assert "9999" in str(caught.value)
    finally:
        v1.run("UPDATE _setu.version SET version_num = '0001'")


def test_a_table_that_is_not_there_has_no_fingerprint(v1: Chain) -> None:
    with pytest.raises(UnknownTableError, match="No fingerprint of tables that are not there"):
        v1._with(lambda c: fingerprint(c, tables=["silver.nothing"]))


#: A statement of a session, and what is said of it.
REFUSED = {
    "The server takes no changes: it is read-only.": "SET TRANSACTION READ ONLY;"
    " DELETE FROM master.users",
    'This database has not what the command needs: relation "silver.nothing" does not exist': (
        "SELECT FROM silver.nothing"
    ),
    "Another session holds a lock that the command needs.": "SET LOCAL lock_timeout = '10ms';"
    " LOCK TABLE master.plants",
    "The server cancelled the command.": "SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(9)",
    "The connection was lost.": "SELECT pg_terminate_backend(pg_backend_pid())",
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_the_server_refuses_is_said_in_a_line(v1: Chain, said: str) -> None:
    with v1.session() as other, other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE master.plants IN SHARE MODE")
        with pytest.raises(SetuError) as caught, connected(v1.url, "test") as connection:
            connection.exec_driver_sql(
                REFUSED[said], execution_options={"no_parameters": True}
            ).close()
        cursor.execute("ROLLBACK")
    assert caught.value.title == said
    assert caught.value.hint


# What is said at v2


def test_v1_is_frozen_from_v1_alone(fresh: Chain) -> None:
    code, said = command(fresh, "catalog", "freeze-v1")
    assert (code, f"The database is not at 0001, but at {HEAD}." in said) == (1, True), said


def test_a_report_on_what_never_was_v1_says_so(fresh: Chain) -> None:
    code, said = command(fresh, "report")
    assert code == 1
    assert "There is nothing to report: `setu fresh` made this database" in said


def test_alembic_check_counts_what_differs(fresh: Chain) -> None:
    fresh.run("ALTER TABLE master.plants ADD COLUMN own text")
    try:
        code, said = command(fresh, "drift")
        assert (code, "master.plants.own" in said) == (2, True), said
        x = [part for setting in fresh.x for part in ("-x", setting)]
        code, said = alembic(fresh.url, *x, "check")
        assert (code, f"The database is not as {HEAD} should be: 2" in said) == (1, True), said
    finally:
        fresh.run("ALTER TABLE master.plants DROP COLUMN own")


#: A call that the database refuses, and what it says.
CALLS: dict[str, str | tuple[str, ...]] = {
    "cannot run pipeline machine_focas because its config has no setting nope": (
        "CALL _etl.sp_load_machine_focas(NULL, '{\"nope\": 1}')"
    ),
    "cannot check heartbeats because the threshold is -1 minutes": (
        "CALL alerting.proc_check_device_heartbeat(-1)"
    ),
    "cannot resend rows of reason nope because no load rejects for it": (
        "CALL _etl.sp_resend_rejected('machine_focas', 'nope')"
    ),
    "cannot keep plant P in the time zone EST because it is not the name of a region": (
        "WITH c AS (INSERT INTO master.companies (company_id, company_name) VALUES ('Z', 'z')"
        " RETURNING iot_id) INSERT INTO master.plants (company_iot_id, plant_id, timezone)"
        " SELECT c.iot_id, 'P', 'EST' FROM c"
    ),
    "company NP has no plant P-none": (
        "INSERT INTO master.companies (company_id, company_name) VALUES ('NP', 'no plant')",
        "SELECT master.fn_known_plant('NP', 'P-none')",
    ),
    "cannot register a number of code X because it is not said whose, or which": (
        "SELECT master.fn_register_code('X', p_company_id => 'C')"
    ),
    "cannot load pipeline machine_status because": (  # in several transactions
        "INSERT INTO bronze.raw_machine_status (device_id, machine_iot_id)"
        " SELECT 'd', 1 FROM generate_series(1, 5);"
        " UPDATE _etl.watermarks SET last_processed_id = 5 WHERE pipeline = 'machine_status';"
        " SELECT setval('bronze.raw_machine_status_id_seq', 1, false)",
        "CALL _etl.sp_load_machine_status(NULL, NULL)",
    ),
}


@pytest.mark.parametrize("said", CALLS)
def test_the_database_says_what_it_refuses_and_why(fresh: Chain, said: str) -> None:
    given = CALLS[said]
    *before, statement = [given] if isinstance(given, str) else given
    fresh.run(*before)
    with pytest.raises(psycopg2.Error) as caught:
        fresh.run(statement)
    assert said in str(caught.value)


def test_a_pipeline_that_is_disabled_says_so(fresh: Chain) -> None:
    fresh.run("UPDATE _etl.watermarks SET enabled = false WHERE pipeline = 'machine_alarms'")
    with fresh.session() as session, session.cursor() as cursor:
        cursor.execute("CALL _etl.sp_load_machine_alarms(NULL, NULL)")
        assert "pipeline machine_alarms is disabled in _etl.watermarks" in session.notices[-1]
    fresh.run("UPDATE _etl.watermarks SET enabled = true")


def test_chunks_that_retention_keeps_are_counted(fresh: Chain) -> None:
    fresh.run(
        "ALTER TABLE bronze.raw_machine_energy ALTER COLUMN time DROP DEFAULT;"
        "INSERT INTO bronze.raw_machine_energy (time, device_id, machine_iot_id)"
        " SELECT now() - make_interval(days => 40 + i), 'd', 1 FROM generate_series(1, 23) AS i"
    )
    with fresh.session() as session, session.cursor() as cursor:
        cursor.execute("CALL _etl.sp_retain_bronze(NULL, NULL)")
        said = "".join(session.notices)
        assert "23 bronze chunks in all are kept" in said, said
        cursor.execute("SELECT count(*) FROM bronze.raw_machine_energy")
        assert cursor.fetchone() == (23,)


def test_a_plant_whose_calendar_cannot_be_written_is_named(fresh: Chain) -> None:
    fresh.run(
        "WITH c AS (INSERT INTO master.companies (company_id, company_name) VALUES ('K', 'k')"
        " RETURNING iot_id), p AS (INSERT INTO master.plants (company_iot_id, plant_id, timezone)"
        " SELECT c.iot_id, 'P', 'UTC' FROM c RETURNING iot_id, company_iot_id)"
        " INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, shift_name,"
        " start_time, end_time, to_day)"
        " SELECT p.company_iot_id, p.iot_id, 1, 'Day', '06:00', '14:00', 0 FROM p",
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE 'not today'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON master.shift_calendar"
        " FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    )
    try:
        with fresh.session() as session, session.cursor() as cursor:
            cursor.execute("CALL master.sp_extend_shift_calendar(NULL, '{\"days_ahead\": 90}')")
            said = "".join(session.notices)
            assert "the shift calendar of plant" in said, said
            assert "(P) was not extended: not today" in said, said
    finally:
        fresh.run("DROP FUNCTION public.refuse() CASCADE")


def test_a_file_of_which_one_entry_is_wrong_registers_nothing(fresh: Chain, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "company:\n  - {company: OWN, name: own}\n"
        "plant:\n  - {company: NONE, plant: P, name: p, timezone: UTC}\n",
        encoding="utf-8",
    )
    code, said = command(fresh, "register", "file", str(file))
    assert code == 1
    assert "1 of 2 entries cannot be registered; nothing was changed." in said, said
    assert fresh.value("SELECT count(*) FROM master.companies WHERE company_id = 'OWN'") == 0


def test_a_worker_that_may_not_call_the_loads_says_so_before_it_begins(fresh: Chain) -> None:
    fresh.run("CREATE ROLE idler_of_setu LOGIN")
    try:
        url = make_url(fresh.url).set(username="idler_of_setu")
        with pytest.raises(SetuError, match="Role idler_of_setu may not call _etl"):
            Worker(url, Schedule(), print, Event()).check()
    finally:
        fresh.run("DROP ROLE idler_of_setu")


def test_a_batch_of_a_gateway_that_bronze_does_not_take_is_named(
    fresh: Chain, tmp_path: Path
) -> None:
    assert command(fresh, "simulate", "--files", str(tmp_path), "--machines", "1")[0] == 0
    [file] = tmp_path.iterdir()
    fresh.run(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE 'not today' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON bronze.raw_machine_cycles"
        " FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    )
    try:
        code, said = command(fresh, "feed", str(file))
        assert code != 0
        assert "bronze.raw_machine_cycles did not take a batch of" in said, said
        assert "not today" in said
        fresh.run("ALTER TABLE bronze.raw_machine_cycles RENAME TO away")
        code, said = command(fresh, "feed", str(file))
        assert "the database has no table bronze.raw_machine_cycles" in said, said
        fresh.run("ALTER TABLE bronze.away RENAME TO raw_machine_cycles")
        assert fresh.value("SELECT count(*) FROM bronze.raw_machine_cycles") == 0
    finally:
        fresh.run("DROP FUNCTION public.refuse() CASCADE")


def test_a_gateway_file_with_other_columns_is_refused(fresh: Chain, tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE raw_machine_cycles (row_no INTEGER PRIMARY KEY, nose TEXT)")
        file.execute("INSERT INTO raw_machine_cycles (nose) VALUES ('long')")
        file.commit()
    code, said = command(fresh, "feed", str(path))
    assert code != 0
    assert "raw_machine_cycles is not as its source template has it" in said, said
    assert "nose" in said
