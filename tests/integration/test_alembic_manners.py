"""Alembic's own commands on a database of SETU: what they say, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from setu.db.connection import connected
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError
from tests.chain import REVISIONS, chain_on
from tests.mini_repository import MiniRepository
from tests.servers.at_hand import Server
from tests.v1 import ROOT


def alembic(url: str, *arguments: str) -> tuple[int, str]:
    """Run ``alembic``; exit code, and output with errors."""
    result = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, result.stdout


def test_check_says_what_drift_says(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        x = [part for setting in chain.x for part in ("-x", setting)]
        code, output = alembic(chain.url, *x, "check")
        assert code == 0, output
        chain.run("DROP INDEX silver.machine_cycles_cycle_start_idx")
        code, output = alembic(chain.url, *x, "check")
        assert code == 1
        assert "missing: index silver.machine_cycles_cycle_start_idx" in output
        assert "Traceback" not in output


@pytest.mark.parametrize("command", ["current", "check"])
def test_a_database_that_is_not_in_the_chain_is_told_so(database_url: str, command: str) -> None:
    code, output = alembic(database_url, command)
    assert "not in the chain" in output
    assert "What to do: " in output
    assert code == (0 if command == "current" else 1)


def test_stamp_warns_that_it_has_not_looked(database_url: str) -> None:
    code, output = alembic(database_url, "stamp", "0001")
    assert code == 0, output
    assert "without a look at the database" in output
    assert "setu adopt" in output


def test_the_list_of_revisions_needs_no_database() -> None:
    code, output = alembic("", "history")
    assert code == 0, output
    assert output.count("\n") >= len(REVISIONS) - 1
    # Which of them is current does.
    code, output = alembic("", "history", "--indicate-current")
    assert code == 1
    assert "DATABASE_URL is not set" in output


def test_what_alembic_refuses_is_one_message(tmp_path: Path, database_url: str) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    code, _, errors = repository.alembic("upgrade", "+5", database_url=database_url)
    assert code == 1
    assert "Alembic refuses this run: Relative revision +5" in errors
    assert "Traceback" not in errors


def test_a_revision_that_the_database_alone_knows_is_not_looked_up_in_a_circle(
    tmp_path: Path, database_url: str
) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    assert repository.alembic("upgrade", "head", database_url=database_url)[0] == 0
    named(database_url, "0999")
    for words in (("current",), ("upgrade", "head"), ("stamp", "0001")):
        code, _, errors = repository.alembic(*words, database_url=database_url)
        assert code == 1
        assert "A revision is not known here" in errors
        assert "'0999'" in errors
        assert "take the version of this repository" in errors
        assert "setu current" not in errors


def named(url: str, *revisions: str) -> None:
    """Let the version table name these revisions."""
    with closing(psycopg2.connect(url)) as driver, driver, driver.cursor() as cursor:
        cursor.execute("DELETE FROM _setu.version")
        for revision in revisions:
            cursor.execute("INSERT INTO _setu.version VALUES (%s)", (revision,))


def test_a_database_that_names_several_revisions_is_refused_until_it_names_one(
    tmp_path: Path, database_url: str
) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    repository.add("0002_second")
    assert repository.alembic("upgrade", "head", database_url=database_url)[0] == 0
    named(database_url, "0001", "0002")
    for command in ("current", "upgrade head", "downgrade -1", "check"):
        code, _, errors = repository.alembic(*command.split(), database_url=database_url)
        assert code == 1
        assert "The database names 2 revisions, and stands at one." in errors
        assert "_setu.version has 0001, 0002." in errors
        assert "alembic stamp --purge REVISION" in errors
        assert "Traceback" not in errors
    with pytest.raises(RevisionStateError), connected(database_url, "test") as connection:
        current_revision(connection)
    words = ("stamp", "--purge", "0002")
    assert repository.alembic(*words, database_url=database_url)[0] == 0
    assert "0002 (head)" in repository.alembic("current", database_url=database_url)[1]


@pytest.mark.parametrize(
    "words", [["upgrade", ""], ["downgrade", ""], ["upgrade", ":0001", "--sql"], ["stamp", ""]]
)
def test_a_revision_without_a_name_is_one_message(
    tmp_path: Path, database_url: str, words: list[str]
) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    assert repository.alembic("upgrade", "head", database_url=database_url)[0] == 0
    code, _, errors = repository.alembic(*words, database_url=database_url)
    assert code == 1
    assert "No revision is given: its name is empty." in errors
    assert "Traceback" not in errors


def test_an_upgrade_to_a_revision_that_is_passed_is_no_downgrade(
    tmp_path: Path, database_url: str
) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first", down="SELECT 1 / 0;")
    repository.add("0002_second")
    assert repository.alembic("upgrade", "head", database_url=database_url)[0] == 0
    code, _, errors = repository.alembic("upgrade", "0001", database_url=database_url)
    assert code == 0
    assert "0001 lies below 0002, so there is nothing to upgrade" in errors
    assert "`setu downgrade 0001` goes back" in errors
    code, script, errors = repository.alembic("upgrade", "0002:0001", "--sql", database_url=None)
    assert (code, script) == (1, "")
    assert "What to do: For the way back, run: alembic downgrade 0002:0001 --sql" in errors
