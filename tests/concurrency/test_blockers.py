"""Who is in the way of a step: named, and cancelled on request if it only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import make_url

from alembic import command
from setu.chain.blockers import watched_for_blockers
from setu.errors import LockTimeoutError
from tests.concurrency.long_session import in_the_way
from tests.mini_repository import MiniRepository

pytestmark = pytest.mark.requires("multi_session")

READS = "SELECT count(*) FROM public.one, pg_sleep(60)"
TAGGED = f"/* dashboard * 7 */ -- now\n {READS}"
READS_IN_TRANSACTION = "BEGIN; SELECT count(*) FROM public.one"
WRITES = "BEGIN; INSERT INTO public.one VALUES (1)"
RENAMES = "ALTER TABLE public.one RENAME TO two;"


@pytest.fixture
def repository(repository: MiniRepository) -> MiniRepository:
    """A chain whose next step, ``0002``, renames ``public.one``."""
    repository.add("0001_table", up="CREATE TABLE public.one (a int);")
    command.upgrade(repository.config(), "head")
    repository.add("0002_rename", up=RENAMES)
    return repository


@contextmanager
def lesser_role(url: str) -> Iterator[str]:
    """The address for a role that owns ``public.one`` and has no other right."""
    role = f"deployer_{uuid4().hex}"
    admin = psycopg2.connect(url)
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
            cursor.execute(f"ALTER TABLE public.one OWNER TO {role}")
        yield make_url(url).set(username=role, password=role).render_as_string(hide_password=False)
    finally:
        with admin.cursor() as cursor:
            cursor.execute("ALTER TABLE public.one OWNER TO CURRENT_USER")
            cursor.execute(f"DROP ROLE {role}")
        admin.close()


def gives_up(repository: MiniRepository, *settings: str) -> str:
    """The message of the step, which does not get its lock."""
    with pytest.raises(LockTimeoutError) as caught:
        command.upgrade(repository.config("lock_timeout=200ms", *settings), "head")
    return str(caught.value)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_reader_in_the_way_is_named(
    repository: MiniRepository, database_url: str, attempts: int
) -> None:
    with in_the_way(database_url, READS) as reader:
        message = gives_up(repository, f"lock_attempts={attempts}")
        assert reader.error is None
    assert f"pid {reader.pid}, user {reader.user}, application dashboard" in message
    assert f": {READS}" in message
    assert "-x cancel_readers_after=5 with more than 5 lock_attempts cancels them" in message


@pytest.mark.parametrize(
    "sql",
    [
        "DO 'BEGIN PERFORM count(*) FROM public.one; PERFORM pg_sleep(60); END'",
        "COPY (SELECT count(*) FROM public.one, pg_sleep(60)) TO '/dev/null'",
    ],
)
def test_a_block_that_may_write_later_and_a_backup_are_named_and_left_alone(
    repository: MiniRepository, database_url: str, sql: str
) -> None:
    with in_the_way(database_url, sql) as session:
        message = gives_up(repository, "lock_attempts=3", "cancel_readers_after=1")
        assert f"pid {session.pid}, " in message
        assert session.error is None


@pytest.mark.parametrize("sql", [WRITES, "BEGIN; LOCK TABLE public.one IN ROW SHARE MODE"])
def test_who_does_more_than_read_is_named_and_left_alone(
    repository: MiniRepository, database_url: str, sql: str
) -> None:
    with in_the_way(database_url, f"{sql}; SELECT pg_sleep(60)") as writer:
        message = gives_up(repository, "lock_attempts=2")
        assert f"pid {writer.pid}, " in message
        assert "cancel_readers_after" not in message
        gives_up(repository, "lock_attempts=3", "cancel_readers_after=1")
        assert writer.error is None


def test_who_waits_to_write_ahead_of_the_step_is_left_alone(
    repository: MiniRepository, database_url: str
) -> None:
    locks = "BEGIN; LOCK TABLE public.one; SELECT pg_sleep(60)"
    inserts = "INSERT INTO public.one VALUES (1)"
    with in_the_way(database_url, locks), in_the_way(database_url, inserts) as writer:
        message = gives_up(repository, "lock_attempts=3", "cancel_readers_after=1")
        assert f"pid {writer.pid}, " in message
        assert writer.error is None


def test_a_transaction_that_has_read_and_idles_is_named_and_left_alone(
    repository: MiniRepository, database_url: str
) -> None:
    with in_the_way(database_url, READS_IN_TRANSACTION) as reader:
        message = gives_up(repository, "lock_attempts=3", "cancel_readers_after=1")
        assert f"pid {reader.pid}, " in message
        assert "idle in transaction for " in message
        assert "cancel_readers_after" not in gives_up(repository, "lock_attempts=2")


def test_a_reader_whom_the_deploy_may_not_cancel_is_named(
    repository: MiniRepository, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lesser_role(database_url) as url, in_the_way(database_url, READS) as reader:
        monkeypatch.setenv("DATABASE_URL", url)
        with (
            closing(psycopg2.connect(url)) as waiting,
            watched_for_blockers(waiting) as blockers,
            waiting.cursor() as cursor,
        ):
            blockers.begin(cancels=True)
            cursor.execute("SET lock_timeout = '1 s'")
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                cursor.execute("LOCK TABLE public.one")
        assert blockers.described() == [
            f"pid {reader.pid}, user {reader.user}, application dashboard, at work on what this "
            "role may not see"
        ]
        assert reader.error is None


def test_readers_are_cancelled_after_so_many_attempts_on_request(
    repository: MiniRepository, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with in_the_way(database_url, READS) as first, in_the_way(database_url, TAGGED) as second:
        with caplog.at_level("WARNING"):
            command.upgrade(repository.config("lock_attempts=4", "cancel_readers_after=2"), "head")
        first.join(10)
        second.join(10)
        assert isinstance(first.error, psycopg2.errors.QueryCanceled)
        assert isinstance(second.error, psycopg2.errors.QueryCanceled)
    waits = [r for r in caplog.messages if r.startswith("0002 up: Revision 0002 did not get")]
    cancels = [
        r
        for r in caplog.messages
        if r.startswith("cancelled a query whose transaction had only read")
    ]
    assert len(waits) == 2
    assert sorted({line.split(", ")[0] for line in cancels}) == sorted(
        f"cancelled a query whose transaction had only read: pid {s.pid}" for s in (first, second)
    )
