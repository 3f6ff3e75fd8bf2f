"""Two people made a revision each: the chain is refused until one follows the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from setu.chain.repository import steps_to
from setu.cli.main import app, load_commands
from setu.errors import RevisionStateError
from setu.review.lint import lint
from tests.mini_repository import MiniRepository

CONTEXT = ["  p0_baseline/0002_mine", "  p0_baseline/0002_yours"]


@pytest.fixture
def repository(tmp_path: Path) -> MiniRepository:
    """A chain whose second revision is there twice."""
    repository = MiniRepository(tmp_path)
    first = repository.add("0001_first")
    repository.add("0002_mine")
    repository._last = first
    repository.add("0002_yours")
    return repository


def test_two_revisions_of_one_number_are_named(repository: MiniRepository) -> None:
    with pytest.raises(RevisionStateError) as caught:
        steps_to(repository.root)
    assert str(caught.value).splitlines()[:3] == ["Two revisions have one number.", *CONTEXT]
    assert any(
        "0002 is the number of p0_baseline/0002_mine, too" in p for p in lint(repository.root)
    )


def test_neither_is_passed_over_where_a_third_follows(repository: MiniRepository) -> None:
    repository.add("0003_third")
    with pytest.raises(RevisionStateError, match="Two revisions have one number"):
        steps_to(repository.root)


def test_two_heads_are_named(tmp_path: Path) -> None:
    repository = MiniRepository(tmp_path)
    first = repository.add("0001_first")
    repository.add("0002_mine")
    repository._last = first
    repository.add("0003_yours")
    with pytest.raises(RevisionStateError) as caught:
        steps_to(repository.root)
    said = str(caught.value)
    assert "The chain has two heads." in said
    assert "p0_baseline/0002_mine" in said
    assert "p0_baseline/0003_yours" in said


def test_a_revision_that_is_no_python_is_named(tmp_path: Path) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    repository.add("0002_mine")
    path = "alembic/versions/p0_baseline/0002_mine.py"
    repository.write(path, (tmp_path / path).read_text(encoding="utf-8") + "def upgrade(:\n")
    with pytest.raises(RevisionStateError) as caught:
        steps_to(repository.root)
    line = (tmp_path / path).read_text(encoding="utf-8").count("\n")
    assert "A revision file is no Python: " in str(caught.value)
    assert f"{path}:{line}" in str(caught.value)


@pytest.mark.parametrize("listed", ["heads", "branches", "show 0001"])
def test_what_runs_no_environment_warns_in_two_lines(
    repository: MiniRepository, listed: str
) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "alembic", *listed.split()],
        cwd=repository.root,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.splitlines()) == (
        0,
        [
            "Revision 0002 is present more than once.",
            "What to do: Let the later one follow the other: CONTRIBUTING.md, two revisions at "
            "once",
        ],
    )


def test_nothing_is_merged_and_no_file_is_left(tmp_path: Path) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    files = sorted(tmp_path.rglob("versions/**/*.py"))
    code, _, errors = repository.alembic("merge", "heads", "-m", "both", database_url=None)
    assert code == 1
    assert "There is nothing to merge" in errors
    assert "Traceback" not in errors
    assert sorted(tmp_path.rglob("versions/**/*.py")) == files


def test_an_upgrade_says_so_without_a_traceback(repository: MiniRepository) -> None:
    code, _, errors = repository.alembic("upgrade", "head", database_url=None)
    assert code == 1
    assert "Two revisions have one number." in errors
    assert "Traceback" not in errors


def test_the_history_for_programs_is_refused_as_well(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    if not app.registered_commands:
        load_commands(app)
    with pytest.raises(RevisionStateError, match="Two revisions have one number"):
        CliRunner().invoke(app, ["history", "--json"], catch_exceptions=False)
