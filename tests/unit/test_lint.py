"""The rules of the chain; each is broken once here, and must be named."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alembic import command
from setu.chain.repository import steps_to
from setu.cli.main import app, load_commands
from setu.errors import ChecksumError, RevisionStateError, StepError
from setu.review.lint import lint
from tests.mini_repository import MiniRepository

FIRST = "alembic/versions/p0_baseline/0001_first.py"
STEP = "sql/p0_baseline/0001_first"


@pytest.fixture
def repository(tmp_path: Path) -> MiniRepository:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    repository.add("0002_second")
    return repository


def edit(repository: MiniRepository, path: str, old: str, new: str) -> None:
    file = repository.root / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_chain_in_order_has_no_problems(repository: MiniRepository) -> None:
    assert lint(repository.root) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        (FIRST, "revision = '0001'", "revision = '0009'", "revision is '0009'"),
        (FIRST, "down_revision = None", "down_revision = '0000'", "down_revision is '0000'"),
        (FIRST, "depends_on = None\n", "", "depends_on is missing"),
        (FIRST, "branch_labels = None", "branch_labels = f()", "is not a plain value"),
        (FIRST, "Risk: c", "", "the docstring has no 'Risk:'"),
        (FIRST, "upgrade, downgrade = sql_step(__file__)\n", "", "lacks 'upgrade, downgrade"),
        (
            FIRST,
            "depends_on = None\n",
            "depends_on = None\nop.execute('SELECT 1')\n",
            "holds nothing",
        ),
        (FIRST, "depends_on = None\n", "depends_on = (\n", "was never closed"),
        (f"{STEP}/up.sql", "-- lock: none\n", "", "lacks lock in its header"),
        (f"{STEP}/down.sql", "SELECT 1;", "", "has no statement"),
        (f"{STEP}/verify.sql", "SELECT 1;", "SELEC 1;", "cannot be parsed"),
        (f"{STEP}/up.sql", "SELECT 1;", "-- @include schema/no.sql", "which does not exist"),
    ],
)
def test_a_broken_rule_is_named(
    repository: MiniRepository, path: str, old: str, new: str, problem: str
) -> None:
    edit(repository, path, old, new)
    problems = lint(repository.root)
    assert any(problem in line for line in problems), problems


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("alembic/__init__.py", "would shadow the library"),
        ("alembic/versions/0003_lost.py", "in the folder of its phase"),
        ("alembic/versions/p0_baseline/third.py", "the name is not"),
        ("alembic/versions/p9_new/0003_third.py", "version_locations lacks"),
        (f"{STEP}/extra.sql", "up.sql, down.sql and verify.sql only"),
        ("sql/p0_baseline/0007_orphan/up.sql", "no revision runs it"),
    ],
)
def test_a_file_out_of_place_is_named(repository: MiniRepository, path: str, problem: str) -> None:
    repository.write(path, "")
    problems = lint(repository.root)
    assert any(problem in line for line in problems), problems


@pytest.mark.parametrize("part", ["up", "down", "verify"])
def test_a_missing_file_of_a_step_is_named(repository: MiniRepository, part: str) -> None:
    (repository.root / STEP / f"{part}.sql").unlink()
    assert any(f"has no {part}.sql" in line for line in lint(repository.root))


def test_a_new_revision_lands_beside_the_head_and_carries_the_rules(
    repository: MiniRepository,
) -> None:
    command.revision(repository.config(), "add the third", rev_id="0003")
    file = repository.root / "alembic/versions/p0_baseline/0003_add_the_third.py"
    text = file.read_text(encoding="utf-8")
    assert "down_revision = '0002'" in text
    assert "Rules:" in text
    problems = [line for line in lint(repository.root) if not line.startswith("Revision 0003 has")]
    assert problems == []


def test_a_new_revision_can_open_the_next_phase(repository: MiniRepository) -> None:
    path = repository.root / "alembic/versions/p1_normalization"
    command.revision(repository.config(), "expand", rev_id="0101", version_path=str(path))
    assert (path / "0101_expand.py").is_file()


def test_the_steps_come_in_the_order_of_the_chain(repository: MiniRepository) -> None:
    assert [step.revision for step in steps_to(repository.root)] == ["0001", "0002"]
    assert [step.revision for step in steps_to(repository.root, "0001")] == ["0001"]
    with pytest.raises(RevisionStateError, match="no revision 0009"):
        steps_to(repository.root, "0009")


def test_the_commands_lint_and_release_work_on_the_repository_at_hand(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    if not app.registered_commands:
        load_commands(app)
    runner = CliRunner()
    result = runner.invoke(app, ["lint"], catch_exceptions=False)
    assert "2 revisions are in order." in result.output
    result = runner.invoke(app, ["release", "0001"], catch_exceptions=False)
    assert "released p0_baseline/0001_first/up" in result.output
    assert "3 new lines" in result.output
    edit(repository, f"{STEP}/up.sql", "SELECT 1;", "SELECT 2;")
    with pytest.raises(ChecksumError):
        runner.invoke(app, ["lint"], catch_exceptions=False)
    edit(repository, f"{STEP}/up.sql", "SELECT 2;", "SELEC 2;")
    with pytest.raises(StepError, match="breaks its rules"):
        runner.invoke(app, ["lint"], catch_exceptions=False)
