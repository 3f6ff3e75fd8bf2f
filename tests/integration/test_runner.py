"""The runner against a server: errors, retries, progress, and what is left after a failure."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

import psycopg2
import pytest

from alembic import command
from setu.errors import (
    DeployInterruptedError,
    LockTimeoutError,
    StatementError,
    StepError,
    VerifyError,
)
from tests.mini_repository import MiniRepository

FLAKY = """\
DO $flaky$
BEGIN
    IF nextval('public.attempts') < {succeeds_at} THEN
        RAISE EXCEPTION 'planted' USING ERRCODE = '{state}';
    END IF;
END
$flaky$;
"""


def query(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall()
        connection.rollback()
        return rows
    finally:
        connection.close()


def revision_of(database_url: str) -> str | None:
    if query(database_url, "SELECT to_regclass('_setu.version')") == [(None,)]:
        return None
    rows = query(database_url, "SELECT version_num FROM _setu.version")
    return str(rows[0][0]) if rows else None


def exists(database_url: str, name: str) -> bool:
    return query(database_url, f"SELECT to_regclass('{name}') IS NOT NULL") == [(True,)]


def test_percent_signs_colons_and_braces_reach_the_server_unchanged(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add(
        "0001_text",
        up="CREATE TABLE public.t AS SELECT '%s %(a)s %% :name {x} \\:y'::text AS a, 7 % 4 AS b,\n"
        "    format('%I', 'Ab') AS c, (ARRAY[1, 2, 3])[1:2] AS d, 'a:b' LIKE '%:b' AS e;",
    )
    command.upgrade(repository.config(), "head")
    assert query(database_url, "SELECT * FROM public.t") == [
        ("%s %(a)s %% :name {x} \\:y", 3, '"Ab"', [1, 2], True)
    ]


def test_settings_reach_sql(repository: MiniRepository, database_url: str) -> None:
    repository.add(
        "0001_settings",
        up="CREATE TABLE public.t AS SELECT current_setting('setu.batch_size')::int AS a,\n"
        "    current_setting('setu.late_window')::interval::text AS b,\n"
        "    current_setting('lock_timeout') AS c;",
    )
    command.upgrade(repository.config("batch_size=17", "lock_timeout=700ms"), "head")
    assert query(database_url, "SELECT * FROM public.t") == [(17, "01:00:00", "700ms")]


def test_a_failing_statement_is_named_with_file_and_line_in_the_included_file(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.one (a int);")
    repository.write(
        "schema/a/bad.sql",
        "-- a comment\nCREATE TABLE public.two (a int);\n\nSELECT\n    1,\n    no_such_column\n"
        "FROM public.two;\n",
    )
    repository.add("0002_second", up="SELECT 1;\n-- @include schema/a/bad.sql\nSELECT 2;")
    with pytest.raises(StatementError) as caught:
        command.upgrade(repository.config(), "head")
    message = str(caught.value)
    assert "Revision 0002 failed." in message
    assert "upgrade of p0_baseline/0002_second" in message
    assert "at schema/a/bad.sql:6" in message
    assert "begins at schema/a/bad.sql:4" in message
    assert 'SQLSTATE 42703: column "no_such_column" does not exist' in message
    assert "nothing of it was kept, the database stands at revision 0001" in message
    assert "What to do: " in message
    assert revision_of(database_url) == "0001"
    assert not exists(database_url, "public.two")


def test_an_error_in_a_block_is_named_with_the_line_in_the_block(
    repository: MiniRepository,
) -> None:
    repository.add(
        "0001_block",
        up="SELECT 1;\n\nDO $x$\nBEGIN\n    PERFORM 1;\n"
        "    RAISE EXCEPTION 'cannot go on because x'\n"
        "        USING ERRCODE = 'P0123', DETAIL = 'these objects', HINT = 'do that';\nEND\n$x$;",
    )
    with pytest.raises(StatementError) as caught:
        command.upgrade(repository.config(), "head")
    message = str(caught.value)
    assert "at sql/p0_baseline/0001_block/up.sql:12" in message
    assert "SQLSTATE P0123: cannot go on because x" in message
    assert "DETAIL: these objects" in message
    assert "HINT: do that" in message
    assert "CONTEXT: PL/pgSQL function inline_code_block line 4 at RAISE" in message
    assert caught.value.sqlstate == "P0123"


def test_a_long_statement_is_shortened_in_the_message(repository: MiniRepository) -> None:
    repository.add("0001_long", up="SELECT\n" + "    1,\n" * 100 + "    1 / 0;")
    with pytest.raises(StatementError) as caught:
        command.upgrade(repository.config(), "head")
    assert "more lines)" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 30


def test_a_step_that_fails_its_verification_is_rolled_back(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add(
        "0001_first",
        up="CREATE TABLE public.one (a int);",
        verify="DO $v$ BEGIN RAISE EXCEPTION 'table one is empty'; END $v$;",
    )
    with pytest.raises(VerifyError) as caught:
        command.upgrade(repository.config(), "head")
    assert "does not pass its verify.sql" in str(caught.value)
    assert "verify.sql:7" in str(caught.value)
    assert not exists(database_url, "public.one")
    assert revision_of(database_url) is None


def test_a_failing_downgrade_says_so_and_keeps_the_revision(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first", down="SELECT 1;\nDROP TABLE public.missing;")
    command.upgrade(repository.config(), "head")
    with pytest.raises(StatementError) as caught:
        command.downgrade(repository.config(), "base")
    assert "downgrade of p0_baseline/0001_first" in str(caught.value)
    assert "down.sql:8" in str(caught.value)
    assert "stands at revision 0001" in str(caught.value)
    assert revision_of(database_url) == "0001"


def test_a_step_outside_a_transaction_says_what_is_committed_and_can_be_repeated(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first")
    repository.add(
        "0002_alone",
        transaction="no",
        up="CREATE TABLE IF NOT EXISTS public.one (a int);\nVACUUM public.one;\n"
        "SELECT 1 / (SELECT count(*) FROM public.one);",
        verify="SELECT 1 / (SELECT count(*) FROM public.one);",
    )
    with pytest.raises(StatementError) as caught:
        command.upgrade(repository.config(), "head")
    message = str(caught.value)
    assert "2 earlier statements of the step are committed" in message
    assert "stands at revision 0001 still" in message
    assert "can be repeated" in message
    assert revision_of(database_url) == "0001"
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO public.one VALUES (1)")
    connection.close()
    command.upgrade(repository.config(), "head")
    assert revision_of(database_url) == "0002"


def test_a_verification_outside_a_transaction_does_not_move_the_revision(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first")
    repository.add("0002_alone", transaction="no", up="VACUUM;", verify="SELECT 1 / 0;")
    with pytest.raises(VerifyError) as caught:
        command.upgrade(repository.config(), "head")
    assert "All 1 statements of the step are committed" in str(caught.value)
    assert revision_of(database_url) == "0001"


@pytest.mark.parametrize("state", ["55P03", "40P01"])
@pytest.mark.parametrize("transaction", ["yes", "no"])
def test_a_step_without_its_locks_is_tried_again(
    repository: MiniRepository, database_url: str, state: str, transaction: str
) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    repository.add(
        "0002_flaky",
        transaction=transaction,
        up="CREATE TABLE public.one (a int);\n" + FLAKY.format(succeeds_at=3, state=state),
    )
    command.upgrade(repository.config("lock_attempts=3"), "head")
    assert revision_of(database_url) == "0002"
    assert exists(database_url, "public.one")
    assert query(database_url, "SELECT last_value FROM public.attempts") == [(3,)]


def test_a_step_knows_which_attempt_it_is(repository: MiniRepository, database_url: str) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    repository.add(
        "0002_flaky",
        up="CREATE TABLE public.said AS SELECT current_setting('setu.attempt') AS attempt;\n"
        + FLAKY.format(succeeds_at=3, state="55P03"),
    )
    command.upgrade(repository.config("lock_attempts=3"), "head")
    assert query(database_url, "SELECT attempt FROM public.said") == [("3",)]


def test_what_a_step_does_before_runs_and_stays_before_each_attempt(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add(
        "0001_two", up="CREATE SEQUENCE public.attempts; CREATE TABLE public.follows (at integer);"
    )
    repository.add("0002_flaky")
    repository.write(
        "sql/p0_baseline/0002_flaky/up.sql",
        "-- what: a\n-- why: b\n-- transaction: yes\n-- lock: none\n-- down: d\n"
        "-- before: INSERT INTO public.follows SELECT last_value FROM public.attempts\n\n"
        "CREATE TABLE public.said AS SELECT count(*) AS followed FROM public.follows;\n"
        + FLAKY.format(succeeds_at=3, state="55P03"),
    )
    command.upgrade(repository.config("lock_attempts=3"), "head")
    # The sequence stands at 1 before its first number as after it.
    assert query(database_url, "SELECT at FROM public.follows ORDER BY at") == [(1,), (1,), (2,)]
    assert query(database_url, "SELECT followed FROM public.said") == [(3,)]


def test_a_step_that_meets_a_job_in_the_catalog_is_tried_again(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    flaky = FLAKY.format(succeeds_at=3, state="XX000")
    repository.add("0002_flaky", up=flaky.replace("planted", "tuple concurrently deleted"))
    command.upgrade(repository.config("lock_attempts=3"), "head")
    assert query(database_url, "SELECT last_value FROM public.attempts") == [(3,)]


def test_exhausted_attempts_leave_nothing_changed(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    repository.add(
        "0002_flaky",
        up="CREATE TABLE public.one (a int);\n" + FLAKY.format(succeeds_at=99, state="55P03"),
    )
    with pytest.raises(LockTimeoutError) as caught:
        command.upgrade(repository.config("lock_attempts=2"), "head")
    assert "Revision 0002 did not get its locks." in str(caught.value)
    assert "Tried 2 times, waiting 700ms for each lock." in str(caught.value)
    assert query(database_url, "SELECT last_value FROM public.attempts") == [(2,)]
    assert not exists(database_url, "public.one")
    assert revision_of(database_url) == "0001"


def test_a_change_that_is_met_each_time_is_said(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    flaky = FLAKY.format(succeeds_at=99, state="XX000")
    repository.add("0002_flaky", up=flaky.replace("planted", "tuple concurrently updated"))
    with pytest.raises(LockTimeoutError, match=r"Another session got ahead of revision 0002\."):
        command.upgrade(repository.config("lock_attempts=2"), "head")
    assert query(database_url, "SELECT last_value FROM public.attempts") == [(2,)]


def test_another_error_is_not_tried_again(repository: MiniRepository, database_url: str) -> None:
    repository.add("0001_counter", up="CREATE SEQUENCE public.attempts;")
    repository.add("0002_flaky", up=FLAKY.format(succeeds_at=99, state="23505"))
    with pytest.raises(StatementError):
        command.upgrade(repository.config(), "head")
    assert query(database_url, "SELECT last_value FROM public.attempts") == [(1,)]


@pytest.mark.requires("multi_session")
def test_a_lock_held_by_another_session_is_waited_for_in_short_attempts(
    repository: MiniRepository, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.one (a int);")
    command.upgrade(repository.config(), "head")
    repository.add("0002_second", up="ALTER TABLE public.one ADD COLUMN b int;")
    holder = psycopg2.connect(database_url)
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE public.one IN ACCESS SHARE MODE")
    release = threading.Timer(0.6, holder.close)
    release.start()
    try:
        with caplog.at_level(logging.INFO, logger="setu.chain.runner"):
            command.upgrade(repository.config("lock_timeout=100ms", "lock_attempts=10"), "head")
    finally:
        release.join()
    assert revision_of(database_url) == "0002"
    assert "attempt 2 of 10" in caplog.text


@pytest.mark.requires("multi_session")
def test_a_reader_is_not_kept_waiting_between_attempts(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_two", up="CREATE TABLE public.one (a int);CREATE TABLE public.two ();")
    command.upgrade(repository.config(), "head")
    repository.add(
        "0002_both",
        up="ALTER TABLE public.two ADD COLUMN b int;\nALTER TABLE public.one ADD COLUMN b int;",
    )
    holder = psycopg2.connect(database_url)
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE public.one IN ACCESS SHARE MODE")
    waits: list[float] = []
    done = threading.Event()

    def read() -> None:
        reader = psycopg2.connect(database_url)
        reader.autocommit = True
        while not done.is_set():
            started = time.monotonic()
            with reader.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM public.two")
            waits.append(time.monotonic() - started)
            time.sleep(0.02)
        reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        with pytest.raises(LockTimeoutError):
            command.upgrade(repository.config("lock_timeout=300ms", "lock_attempts=3"), "head")
    finally:
        done.set()
        thread.join()
        holder.close()
    assert max(waits) < 0.3 + 0.5


@pytest.mark.requires("native")
def test_notices_appear_while_the_statement_still_runs(repository: MiniRepository) -> None:
    repository.add(
        "0001_procedure",
        up="CREATE PROCEDURE public.work() LANGUAGE plpgsql AS $p$\nBEGIN\n"
        "    RAISE NOTICE 'chunk 1 of 2';\n    COMMIT;\n    PERFORM pg_sleep(0.8);\n"
        "    RAISE NOTICE 'chunk 2 of 2';\nEND\n$p$;",
    )
    repository.add("0002_call", transaction="no", up="CALL public.work();")
    seen: dict[str, float] = {}

    class Clock(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen[record.getMessage()] = time.monotonic()

    handler = Clock()
    logger = logging.getLogger("setu.chain.runner")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        command.upgrade(repository.config(), "head")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    first = next(at for text, at in seen.items() if "chunk 1 of 2" in text)
    second = next(at for text, at in seen.items() if "chunk 2 of 2" in text)
    assert second - first > 0.5


@pytest.mark.requires("multi_session")
def test_ctrl_c_cancels_the_statement_on_the_server(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add(
        "0001_slow",
        up="CREATE TABLE public.one (a int);\n"
        "DO $x$ BEGIN RAISE NOTICE 'asleep'; PERFORM pg_sleep(30); END $x$;",
    )
    process = repository.start("upgrade", "head", database_url=database_url)
    assert process.stderr is not None
    for line in process.stderr:
        if "asleep" in line:
            break
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=90)
    assert time.monotonic() - started < 10
    assert process.returncode == 1
    assert "Revision 0001 was cancelled." in errors
    assert "Traceback" not in errors
    assert not exists(database_url, "public.one")
    assert query(
        database_url,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()",
    ) == [(0,)]


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("transaction", ["yes", "no"])
def test_a_lost_connection_is_named_and_the_upgrade_can_be_started_again(
    repository: MiniRepository, database_url: str, transaction: str
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.gate (a int);")
    repository.add(
        "0002_killed",
        transaction=transaction,
        up="CREATE TABLE IF NOT EXISTS public.one (a int);\n"
        "SELECT pg_terminate_backend(pg_backend_pid())\n"
        "WHERE NOT EXISTS (SELECT 1 FROM public.gate);",
    )
    with pytest.raises(DeployInterruptedError) as caught:
        command.upgrade(repository.config(), "head")
    assert "The connection was lost in revision 0002." in str(caught.value)
    assert "up.sql:8" in str(caught.value)
    assert revision_of(database_url) == "0001"
    assert exists(database_url, "public.one") is (transaction == "no")
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO public.gate VALUES (1)")
    connection.close()
    command.upgrade(repository.config(), "head")
    assert revision_of(database_url) == "0002"


def test_a_bad_step_stops_before_its_first_statement(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.one (a int);\nSELEC 1;")
    with pytest.raises(StepError, match=r"up\.sql:8 cannot be parsed"):
        command.upgrade(repository.config(), "head")
    assert not exists(database_url, "public.one")


def test_apache_leaves_out_what_only_community_has(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0001_first", up="CREATE TABLE public.one ();\n-- @community\nSELECT 1 / 0;")
    command.upgrade(repository.config("edition=apache"), "head")
    assert exists(database_url, "public.one")
