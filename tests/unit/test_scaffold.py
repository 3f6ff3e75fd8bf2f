"""A new revision by one command: number, folder, file and SQL, for where the chain stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from pglast import parse_sql
from typer.testing import CliRunner

from alembic import command
from setu.chain.environment import COMMAND
from setu.chain.expect import expectations
from setu.chain.releases import write_release
from setu.chain.repository import alembic_config, steps_to
from setu.chain.scaffold import OPEN, Place, next_place
from setu.chain.step import PARTS
from setu.cli.main import app, load_commands
from setu.errors import RevisionDraftError, StepError
from setu.review.lint import lint
from tests.mini_repository import MiniRepository
from tests.v1 import ROOT


@pytest.fixture
def repository(tmp_path: Path) -> MiniRepository:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    repository.add("0002_second")
    return repository


def revision(repository: MiniRepository, message: str) -> Config:
    config = alembic_config(repository.root)
    config.attributes[COMMAND] = command.revision
    command.revision(config, message)
    return config


def test_before_a_release_the_folder_of_the_head_goes_on(repository: MiniRepository) -> None:
    assert next_place(repository.root) == Place("0003", "p0_baseline")


def test_after_a_release_a_folder_of_the_next_version_begins(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    assert next_place(repository.root) == Place("0101", "r2_1")
    assert next_place(repository.root, "3.0") == Place("0101", "r3_0")
    repository.add("0101_third", folder="r2_1")
    assert next_place(repository.root) == Place("0102", "r2_1")
    with pytest.raises(RevisionDraftError, match="are in r2_1, not in r3_0"):
        next_place(repository.root, "3.0")
    write_release(repository.root, "2.1")
    assert next_place(repository.root) == Place("0201", "r2_2")
    with pytest.raises(RevisionDraftError, match="r2_1 is released"):
        next_place(repository.root, "2.1")


def test_a_full_folder_is_named(repository: MiniRepository) -> None:
    repository.add("0099_last")
    with pytest.raises(RevisionDraftError, match="no number left"):
        next_place(repository.root)


@pytest.mark.parametrize("version", ["3", "v3.0", "3.0.0.0"])
def test_a_version_that_is_none_is_refused(repository: MiniRepository, version: str) -> None:
    write_release(repository.root, "2.0")
    with pytest.raises(RevisionDraftError, match="is not a version"):
        next_place(repository.root, version)


@pytest.mark.parametrize("by", ["alembic", "setu"])
@pytest.mark.parametrize("released", [False, True])
def test_one_command_makes_the_revision_and_its_three_files(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch, by: str, released: bool
) -> None:
    if released:
        write_release(repository.root, "2.0")
    folder, number = ("r2_1", "0101") if released else ("p0_baseline", "0003")
    if by == "alembic":
        code, _, errors = repository.alembic(
            "revision", "-m", "Add spindle hours", database_url=None
        )
        assert code == 0, errors
    else:
        monkeypatch.chdir(repository.root)
        if not app.registered_commands:
            load_commands(app)
        result = CliRunner().invoke(
            app, ["revision", "--empty", "Add spindle hours"], catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
    step = steps_to(repository.root)[-1]
    assert step.name == f"{folder}/{number}_add_spindle_hours"
    text = (repository.root / f"alembic/versions/{step.name}.py").read_text(encoding="utf-8")
    assert text.startswith('"""Add spindle hours.\n')
    assert "down_revision = '0002'" in text
    assert sorted(file.stem for file in step.directory.iterdir()) == sorted(PARTS)
    up = (step.directory / "up.sql").read_text(encoding="utf-8")
    assert up.startswith("-- what: add spindle hours\n-- why: ")


def test_lint_refuses_an_untouched_template_and_takes_it_when_it_is_filled_in(
    repository: MiniRepository,
) -> None:
    revision(repository, "add t")
    [step] = steps_to(repository.root)[-1:]
    problems = lint(repository.root)
    assert any("up.sql has no statement" in problem for problem in problems)
    up, down = step.directory / "up.sql", step.directory / "down.sql"
    up.write_text(up.read_text(encoding="utf-8") + "CREATE VIEW silver.t AS SELECT 1;\n", "utf-8")
    down.write_text(down.read_text(encoding="utf-8") + "DROP VIEW silver.t;\n", "utf-8")
    problems = lint(repository.root)
    assert len([p for p in problems if "the template is not filled in" in p]) == 2
    for file in (up, down):
        lines = file.read_text(encoding="utf-8").splitlines()
        kept = [
            line.partition(f"{OPEN}:")[0] + "done"
            if line.partition(":")[2].startswith(" TODO")
            else line
            for line in lines
            if not line.startswith(f"-- {OPEN}")
        ]
        file.write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert lint(repository.root) == []


def test_a_message_is_needed(repository: MiniRepository) -> None:
    with pytest.raises(RevisionDraftError, match="has no message"):
        revision(repository, " ")
    assert len(steps_to(repository.root)) == 2


@pytest.mark.parametrize("message", ['it is """ done', "path C:\\new", "ends with \\"])
def test_a_message_that_no_docstring_holds_leaves_no_file(
    repository: MiniRepository, message: str
) -> None:
    with pytest.raises(RevisionDraftError, match="has a backslash or three quotation marks"):
        revision(repository, message)
    assert len(steps_to(repository.root)) == 2


def test_a_message_that_is_not_utf_8_leaves_no_file(repository: MiniRepository) -> None:
    with pytest.raises(RevisionDraftError, match="The message is not UTF-8"):
        revision(repository, "gr\udcf6sse")
    assert len(steps_to(repository.root)) == 2


def test_alembic_drafts_nothing_from_models(repository: MiniRepository) -> None:
    code, _, errors = repository.alembic(
        "revision", "-m", "more", "--autogenerate", database_url=None
    )
    assert code == 1
    assert "Alembic has no models here to draft a revision from." in errors
    assert "Edit schema_new/, then run: setu revision" in errors
    assert len(steps_to(repository.root)) == 2


def test_verify_expects_what_up_makes_and_drops(repository: MiniRepository) -> None:
    repository.add(
        "0003_third",
        up="CREATE TABLE s.t (i int);\nALTER TABLE s.u ADD COLUMN c int, DROP COLUMN d;\n"
        "DROP VIEW s.v;\nCREATE VIEW s.v AS SELECT 1;\nDROP FUNCTION s.f(int);\n"
        "-- @community\nCREATE INDEX i ON s.t (i);",
        verify="-- @expect up.sql",
    )
    all_editions, community = steps_to(repository.root)[-1].script("verify").statements()
    for text in (
        "table s.t is missing",
        "column s.u.c is missing",
        "column s.u.d is still there",
        "view s.v is missing",
        "routine s.f is still there",
    ):
        assert text in all_editions.text
    assert "index s.i is missing" in community.text
    assert str(community.origin) == "sql/p0_baseline/0003_third/verify.sql:7"


def test_what_verify_expects_of_any_step_parses_and_fits_100_columns() -> None:
    checked = 0
    for step in steps_to(ROOT):
        try:
            text = expectations(step.script("up"))
        except StepError:
            continue  # It makes nothing that a statement names.
        assert parse_sql(text)
        assert [line for line in text.splitlines() if len(line) > 100] == [], step.name
        checked += 1
    assert checked > 20


def test_an_upgrade_that_leaves_nothing_to_expect_needs_a_check_of_its_own(
    repository: MiniRepository,
) -> None:
    repository.add("0003_third", verify="-- @expect up.sql")
    with pytest.raises(StepError, match="finds nothing"):
        steps_to(repository.root)[-1].script("verify")


def test_the_directive_is_for_verify_alone(repository: MiniRepository) -> None:
    repository.add("0003_third", up="-- @expect up.sql\nSELECT 1;")
    with pytest.raises(StepError, match="Unknown directive"):
        steps_to(repository.root)[-1].script("up")
