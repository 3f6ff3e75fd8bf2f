"""``setu verify``: the standing checks on a live database at the head, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests.mini_repository import ROOT, MiniRepository


@pytest.fixture
def repository(tmp_path: Path) -> MiniRepository:
    repository = MiniRepository(tmp_path)
    for number in (1, 2, 3):
        repository.add(
            f"000{number}_step",
            up=f"CREATE TABLE public.t{number} (a int);",
            down=f"DROP TABLE public.t{number};",
            # Holds right after the step, and at no later revision.
            verify=f"SELECT 1 / (to_regclass('public.t{number + 1}') IS NULL)::int;",
        )
        repository.write(
            f"sql/standing/check_{number}.sql",
            f"-- what: t{number} can be read\nSELECT count(*) FROM public.t{number};\n"
            f"INSERT INTO public.t{number} VALUES (1);\n",
        )
    return repository


def setu(repository: MiniRepository, database_url: str, *arguments: str) -> tuple[int, str]:
    """Run ``setu``; exit code, and output with errors."""
    result = subprocess.run(
        [sys.executable, "-m", "setu.cli.main", *arguments],
        cwd=repository.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": database_url, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout


def test_verify_runs_the_standing_checks_and_changes_nothing(
    repository: MiniRepository, database_url: str
) -> None:
    code, _, errors = repository.alembic("upgrade", "head", database_url=database_url)
    assert code == 0, errors
    code, output = setu(repository, database_url, "verify")
    assert code == 0, output
    assert output.count("holds") == 3
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM public.t1) + (SELECT count(*) FROM public.t2)")
        assert cursor.fetchall() == [(0,)]
    connection.close()


def test_verify_names_every_check_that_does_not_hold(
    repository: MiniRepository, database_url: str
) -> None:
    code, _, errors = repository.alembic("upgrade", "head", database_url=database_url)
    assert code == 0, errors
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE public.t1, public.t3")
    connection.close()
    code, output = setu(repository, database_url, "verify")
    assert code == 2
    assert "The check check_1 does not hold." in output
    assert "at sql/standing/check_3.sql:2" in output
    assert 'SQLSTATE 42P01: relation "public.t3" does not exist' in output
    assert "2 of the standing checks do not hold." in output
    assert "holds  check_2" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_verify_fails_at_any_revision_but_the_head(
    repository: MiniRepository, database_url: str, revision: str
) -> None:
    code, _, errors = repository.alembic("upgrade", revision, database_url=database_url)
    assert code == 0, errors
    code, output = setu(repository, database_url, "verify")
    assert code == 1
    assert f"The database is at {revision}, and the chain ends in 0003." in output
    assert "What to do: " in output


def test_verify_says_when_a_database_is_at_no_revision(
    repository: MiniRepository, database_url: str
) -> None:
    code, output = setu(repository, database_url, "verify")
    assert code == 1
    assert "at no revision" in output
    assert "What to do: " in output


def test_a_step_is_verified_after_its_own_upgrade(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0004_step", up="SELECT 1;", verify="SELECT 1 / 0;")
    code, _, errors = repository.alembic("upgrade", "head", database_url=database_url)
    assert code == 1
    assert "Revision 0004 does not pass its verify.sql." in errors
    code, output, _ = repository.alembic("current", database_url=database_url)
    assert output.startswith("0003")
