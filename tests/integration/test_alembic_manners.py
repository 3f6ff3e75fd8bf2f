"""Alembic's own commands on a database of SETU: what they say, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
