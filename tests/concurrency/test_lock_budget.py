"""A step that needs locks on several relations gives way before others pay for its waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest

from alembic import command
from tests.mini_repository import MiniRepository

pytestmark = pytest.mark.requires("multi_session")

TABLES = "".join(f"CREATE TABLE public.{name} (n int);" for name in ("one", "two", "three"))
STEPS = {
    "triggers are dropped": "".join(
        f"DROP TRIGGER t ON public.{name};" for name in ("one", "two", "three")
    ),
    "rows are changed first": (
        "UPDATE public.one SET n = n;"
        "ALTER TABLE public.two ADD COLUMN a int;"
        "ALTER TABLE public.three ADD COLUMN a int;"
    ),
    "what is new lies between": (
        "ALTER TABLE public.one ADD COLUMN a int;"
        "CREATE TABLE public.four (n int PRIMARY KEY);"
        "DROP TABLE public.two;"
        "DROP TABLE public.three;"
    ),
}
TRIGGERS = "".join(
    f"CREATE TRIGGER t BEFORE UPDATE ON public.{name} FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger();"
    for name in ("one", "two", "three")
)
#: Long enough for two waits of `lock_timeout` (700 ms) to end after `deadlock_timeout` (1 s).
HOLDS_TWO_S = HOLDS_ONE_S = 0.5
DEPLOY_HOLDS_ONE = """
    SELECT 1 FROM pg_locks AS l
    INNER JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.relation = 'public.one'::regclass AND l.granted AND a.application_name LIKE 'setu%'
        AND l.mode <> 'AccessShareLock'
"""
DEPLOY_WAITS_FOR_ONE = """
    SELECT 1 FROM pg_locks AS l
    INNER JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.relation = 'public.one'::regclass AND NOT l.granted
        AND a.application_name LIKE 'setu%'
"""


def connect(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.cursor().execute("SET deadlock_timeout = '1s'")
    connection.commit()
    return connection


@dataclass
class Sessions:
    """Three sessions beside the deploy: one at work, one in its way, one that looks."""

    at_work: Any
    in_the_way: Any
    looks: Any

    def wait_until(self, statement: str) -> None:
        deadline = time.monotonic() + 20
        self.looks.execute(statement)
        while not self.looks.rowcount and time.monotonic() < deadline:
            self.looks.execute(statement)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    connections = [connect(database_url) for _ in range(3)]
    connections[2].autocommit = True
    yield Sessions(*(connection.cursor() for connection in connections))
    for connection in connections:
        connection.close()


@contextmanager
def deploy(repository: MiniRepository) -> Iterator[None]:
    """An upgrade at work beside the block; raises what it raised."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(command.upgrade, repository.config(), "head")
        yield
        running.result(30)


@contextmanager
def gone_after(seconds: float, cursor: Any) -> Iterator[None]:
    release = threading.Timer(seconds, cursor.connection.rollback)
    release.start()
    yield
    release.join()


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_a_session_that_waits_for_one_lock_of_a_step_does_not_die_for_the_next(
    repository: MiniRepository, sessions: Sessions, step: str
) -> None:
    repository.add("0001_tables", up=TABLES + TRIGGERS + "INSERT INTO public.one VALUES (1);")
    command.upgrade(repository.config(), "head")
    repository.add("0002_change", up=step)
    sessions.at_work.execute("SELECT count(*) FROM public.three")
    sessions.in_the_way.execute("SELECT count(*) FROM public.two")
    with deploy(repository):
        sessions.wait_until(DEPLOY_HOLDS_ONE)
        with gone_after(HOLDS_TWO_S, sessions.in_the_way):
            # Waits for the step, and the step for it: the step gives way.
            sessions.at_work.execute("UPDATE public.one SET n = 2")
            sessions.at_work.connection.commit()


def test_the_time_counts_from_the_first_wait_and_not_from_the_first_lock(
    repository: MiniRepository, sessions: Sessions
) -> None:
    repository.add("0001_tables", up=TABLES + TRIGGERS)
    command.upgrade(repository.config(), "head")
    repository.add("0002_change", up=STEPS["triggers are dropped"])
    sessions.at_work.execute("SELECT count(*) FROM public.two")
    sessions.in_the_way.execute("SELECT count(*) FROM public.one")
    with deploy(repository):
        sessions.wait_until(DEPLOY_WAITS_FOR_ONE)
        with gone_after(HOLDS_ONE_S, sessions.in_the_way):
            # Queues behind the step, which gets its first lock and wants the second.
            sessions.at_work.execute("SELECT count(*) FROM public.one")
            sessions.at_work.connection.commit()
