"""Statements that go to the server together fail as they would have one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest

from alembic import command
from setu.chain import runner
from setu.chain.script import Statement
from setu.errors import DeployInterruptedError, LockTimeoutError, StatementError
from tests.mini_repository import MiniRepository

FIRST = "CREATE TABLE public.one (a int);\nCREATE TABLE public.two (a int);\n" + "".join(
    f"CREATE TRIGGER t BEFORE UPDATE ON public.{table} FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger();\n"
    for table in ("one", "two")
)


@pytest.fixture
def repository(repository: MiniRepository) -> MiniRepository:
    repository.add("0001_first", up=FIRST)
    command.upgrade(repository.config(), "head")
    return repository


def comments(url: str) -> list[str | None]:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT obj_description('public.one'::regclass)")
        return [comment for (comment,) in cursor.fetchall()]


def count_waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each statement went to the server that did not get its lock."""
    waits = []
    execute = runner._execute

    def count(where: Any, part: Any, statement: Statement, *rest: Any, **named: Any) -> None:
        try:
            execute(where, part, statement, *rest, **named)
        except LockTimeoutError:
            waits.append("together" if statement.text.startswith("SAVEPOINT") else "alone")
            raise

    monkeypatch.setattr(runner, "_execute", count)
    return waits


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        # The server gives a position in the text, or none.
        ("CREATE VIEW public.v AS\n    SELECT o.b FROM public.one AS o;", "column o.b does not"),
        ("DROP FUNCTION public.nobody();", "function public.nobody() does not exist"),
    ],
)
def test_the_statement_that_failed_is_named(
    repository: MiniRepository, database_url: str, faulty: str, said: str
) -> None:
    up = f"COMMENT ON TABLE public.one IS 'first';\n{faulty}\nCOMMENT ON TABLE public.one IS 'b';\n"
    repository.add("0002_second", up=up)
    with pytest.raises(StatementError) as caught:
        command.upgrade(repository.config(), "head")
    message = str(caught.value)
    at = faulty.splitlines()[-1].strip()
    script = (repository.root / "sql/p0_baseline/0002_second/up.sql").read_text().splitlines()
    line = next(n for n, text in enumerate(script, 1) if text.strip() == at)
    assert f"at sql/p0_baseline/0002_second/up.sql:{line}\n" in message
    assert said in message
    assert "    " + faulty.splitlines()[0].removesuffix(";") in message
    assert "'first'" not in message
    assert comments(database_url) == [None]


def test_all_of_them_are_done(repository: MiniRepository, database_url: str) -> None:
    repository.add(
        "0002_second",
        up="COMMENT ON TABLE public.one IS 'first';\nCREATE VIEW public.v AS SELECT 1 AS n -- one\n"
        ";\nDROP VIEW public.v;\nCOMMENT ON TABLE public.one IS 'last %s %(a)s';\n",
    )
    command.upgrade(repository.config(), "head")
    assert comments(database_url) == ["last %s %(a)s"]


@pytest.mark.requires("multi_session")
def test_a_lock_that_one_of_them_does_not_get_is_named(
    repository: MiniRepository, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.add(
        "0002_second", up="DROP TRIGGER t ON public.one;\nDROP TRIGGER t ON public.two;\n"
    )
    reader = psycopg2.connect(database_url)
    reader.cursor().execute("SELECT count(*) FROM public.two")
    waits = count_waits(monkeypatch)
    with pytest.raises(LockTimeoutError) as caught:
        command.upgrade(repository.config("lock_timeout=100ms", "lock_attempts=3"), "head")
    assert "    DROP TRIGGER t ON public.two\n" in str(caught.value)
    # Only the last attempt waits once more, to name it.
    assert waits == ["together", "together", "together", "alone"]
    reader.close()
    command.upgrade(repository.config(), "head")


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_where_nobody_knows_which_it_was_all_of_them_are_named(
    repository: MiniRepository, database_url: str, how: str
) -> None:
    repository.add(
        "0002_second", up="DROP TRIGGER t ON public.one;\nDROP TRIGGER t ON public.two;\n"
    )
    script = repository.root / "sql/p0_baseline/0002_second/up.sql"
    first, last = (
        n for n, text in enumerate(script.read_text().splitlines(), 1) if text.startswith("DROP")
    )
    reader, operator = psycopg2.connect(database_url), psycopg2.connect(database_url)
    operator.autocommit = True
    cursor = operator.cursor()
    reader.cursor().execute("SELECT count(*) FROM public.two")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(command.upgrade, repository.config("lock_timeout=20s"), "head")
        found = 0
        while not found and not running.done():
            cursor.execute(
                f"SELECT {how}(a.pid) FROM pg_stat_activity AS a"
                " WHERE a.application_name LIKE 'setu%' AND a.wait_event_type = 'Lock'"
            )
            found = cursor.rowcount
        with pytest.raises(DeployInterruptedError) as caught:
            running.result(30)
    reader.close()
    operator.close()
    message = str(caught.value)
    where = "sql/p0_baseline/0002_second/up.sql"
    assert f"in one of the statements from {where}:{first} to {where}:{last}\n" in message
    assert "SAVEPOINT" not in message
