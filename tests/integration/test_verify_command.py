"""``setu verify``: every applied revision of a live database, on demand."""

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
            verify=f"SELECT count(*) FROM public.t{number};\n"
            f"INSERT INTO public.t{number} VALUES (1);",
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


def test_verify_checks_the_applied_revisions_and_changes_nothing(
    repository: MiniRepository, database_url: str
) -> None:
    code, output, errors = repository.alembic("upgrade", "0002", database_url=database_url)
    assert code == 0, errors
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE public.t1, public.t2")
    connection.close()
    code, output = setu(repository, database_url, "verify")
    assert code == 0, output
    assert output.count("holds") == 2
    assert "0003_step" not in output
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM public.t1) + (SELECT count(*) FROM public.t2)")
        assert cursor.fetchall() == [(0,)]
    connection.close()


def test_verify_names_every_revision_that_does_not_hold(
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
    assert "Revision 0001 does not hold in this database." in output
    assert 'SQLSTATE 42P01: relation "public.t3" does not exist' in output
    assert "2 of the applied revisions do not hold." in output
    assert "holds  p0_baseline/0002_step" in output
    assert "Traceback" not in output


def test_verify_says_when_a_database_is_at_no_revision(
    repository: MiniRepository, database_url: str
) -> None:
    code, output = setu(repository, database_url, "verify")
    assert code == 1
    assert "at no revision" in output
    assert "What to do: " in output
