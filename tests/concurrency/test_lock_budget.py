"""A step that needs locks on several relations gives way before others pay for its waits."""

from __future__ import annotations

import threading
import time
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
HOLDS_TWO_S = 0.5
DEPLOY_HOLDS_ONE = """
    SELECT 1 FROM pg_locks AS l
    INNER JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.relation = 'public.one'::regclass AND l.granted AND a.application_name LIKE 'setu%'
        AND l.mode <> 'AccessShareLock'
"""


def connect(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.cursor().execute("SET deadlock_timeout = '1s'")
    connection.commit()
    return connection


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_a_session_that_waits_for_one_lock_of_a_step_does_not_die_for_the_next(
    repository: MiniRepository, database_url: str, step: str
) -> None:
    repository.add("0001_tables", up=TABLES + TRIGGERS + "INSERT INTO public.one VALUES (1);")
    command.upgrade(repository.config(), "head")
    repository.add("0002_change", up=step)
    user, other, observer = connect(database_url), connect(database_url), connect(database_url)
    observer.autocommit = True
    at_work, in_between, looks = user.cursor(), other.cursor(), observer.cursor()
    at_work.execute("SELECT count(*) FROM public.three")
    in_between.execute("SELECT count(*) FROM public.two")
    failed: list[BaseException] = []

    def deploy() -> None:
        try:
            command.upgrade(repository.config(), "head")
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=deploy)
    thread.start()
    deadline = time.monotonic() + 20
    looks.execute(DEPLOY_HOLDS_ONE)
    while not looks.rowcount and time.monotonic() < deadline:
        looks.execute(DEPLOY_HOLDS_ONE)
    release = threading.Timer(HOLDS_TWO_S, other.rollback)
    release.start()
    # Waits for the step, and the step for it: the step gives way.
    at_work.execute("UPDATE public.one SET n = 2")
    user.commit()
    thread.join(30)
    release.join()
    for connection in (user, other, observer):
        connection.close()
    assert failed == []
