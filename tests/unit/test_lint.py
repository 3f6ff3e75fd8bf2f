"""The rules of the chain; each is broken once here, and must be named."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from setu.chain.repository import steps_to
from setu.cli.main import app, load_commands
from setu.errors import ReleaseError, RevisionStateError, StepError
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
        ("alembic/versions/0003_lost.py", "in the folder of its phase or release"),
        ("alembic/versions/p0_baseline/third.py", "the name is not"),
        ("alembic/versions/r2/0003_third.py", "the folder is not p<digit>_<phase> or r<version>"),
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
    result = runner.invoke(app, ["release", "2.0"], catch_exceptions=False)
    assert "released p0_baseline/0001_first" in result.output
    assert "2.0 ends in revision 0002: 2 steps, 6 files, 0 settings" in result.output
    edit(repository, f"{STEP}/up.sql", "SELECT 1;", "SELECT 2;")
    with pytest.raises(StepError, match=r"0001_first/up\.sql: released in 2\.0"):
        runner.invoke(app, ["lint"], catch_exceptions=False)
    edit(repository, f"{STEP}/up.sql", "SELECT 2;", "SELEC 2;")
    with pytest.raises(StepError, match="cannot be parsed"):
        runner.invoke(app, ["lint"], catch_exceptions=False)
    with pytest.raises(ReleaseError, match="breaks its rules"):
        runner.invoke(app, ["release", "2.1"], catch_exceptions=False)


@pytest.mark.parametrize("path", [FIRST, f"{STEP}/up.sql", "schema_new/s/Tables/t.sql"])
def test_a_file_that_is_not_utf_8_is_named(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    file = repository.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((file.read_bytes() if file.exists() else b"") + b"-- caf\xe9\n")
    monkeypatch.chdir(repository.root)
    if not app.registered_commands:
        load_commands(app)
    with pytest.raises(StepError, match=rf"{path}.*(is not UTF-8|unicode error)"):
        CliRunner().invoke(app, ["lint"], catch_exceptions=False)


def test_what_lint_refuses_is_not_released(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    repository.add("0003_third", up="ALTER TABLE s.t ADD CONSTRAINT t_a_key UNIQUE (a);")
    if not app.registered_commands:
        load_commands(app)
    with pytest.raises(ReleaseError, match="squawk disallowed-unique-constraint"):
        CliRunner().invoke(app, ["release", "2.0"], catch_exceptions=False)
    assert not (repository.root / "sql/releases").exists()


def test_that_squawk_did_not_look_is_an_error(
    repository: MiniRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    (repository.root / ".squawk.toml").unlink()
    if not app.registered_commands:
        load_commands(app)
    with pytest.raises(StepError, match=r"Configuration error: No such file[^!]*\.squawk\.toml"):
        CliRunner().invoke(app, ["lint"], catch_exceptions=False)


def test_two_heads_are_named(repository: MiniRepository) -> None:
    repository.add("0003_third")
    edit(
        repository,
        "alembic/versions/p0_baseline/0003_third.py",
        "down_revision = '0002'",
        "down_revision = '0001'",
    )
    [problem] = [line for line in lint(repository.root) if "two heads" in line]
    assert "0002_second and p0_baseline/0003_third both follow 0001" in problem


def test_a_chain_that_goes_in_a_circle_or_stands_on_nothing_is_named(
    repository: MiniRepository,
) -> None:
    edit(repository, FIRST, "down_revision = None", "down_revision = '0002'")
    assert any("no revision is the first" in line for line in lint(repository.root))


def test_a_number_rises_along_the_chain(repository: MiniRepository) -> None:
    repository.add("0009_ninth")
    repository.add("0005_fifth")
    [problem] = lint(repository.root)
    assert "0005_fifth: its number does not come after 0009" in problem


def test_a_release_folder_is_accepted_and_stays_in_one_piece(repository: MiniRepository) -> None:
    repository.add("0101_third", folder="r2_1")
    assert lint(repository.root) == []
    repository.add("0201_fourth", folder="r2_1_1")
    repository.add("0202_fifth", folder="r2_1")
    [problem] = lint(repository.root)
    assert "r2_1/0202_fifth: r2_1 had ended before r2_1_1 began" in problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("branch_labels = ('x',)", "branch_labels"),
        ("branch_labels = 'x'", "branch_labels is 'x'; the chain has one line"),
    ],
)
def test_branches_are_refused(repository: MiniRepository, line: str, problem: str) -> None:
    edit(repository, FIRST, "branch_labels = None", line)
    assert any(problem in found for found in lint(repository.root))


@pytest.mark.parametrize(
    "down",
    [
        "ALTER TABLE silver.t DROP COLUMN a;",
        "ALTER TABLE silver.t ADD COLUMN b int, DROP a;",
        "DROP TABLE silver.t;",
        "DO $x$ BEGIN EXECUTE format('ALTER TABLE %s DROP COLUMN a', 'silver.t'); END $x$;",
        "DO $x$ BEGIN ALTER TABLE silver.t DROP COLUMN IF EXISTS a; END $x$;",
    ],
)
@pytest.mark.parametrize("part", ["up", "down"])
def test_what_may_lose_values_says_so(repository: MiniRepository, part: str, down: str) -> None:
    edit(repository, f"{STEP}/{part}.sql", "SELECT 1;", down)
    [problem] = lint(repository.root)
    assert f"{STEP}/{part}.sql:7: " in problem
    assert "add the header line 'loses:'" in problem
    edit(
        repository,
        f"{STEP}/{part}.sql",
        "-- down: d",
        "-- down: d\n-- loses: a, kept in _archive.a",
    )
    assert lint(repository.root) == []


@pytest.mark.parametrize(
    "down",
    ["DROP TABLE _stage.t;", "DROP VIEW silver.v;", "-- DROP COLUMN a\nSELECT 'DROP COLUMN a';"],
)
def test_what_loses_nothing_need_not_say_so(repository: MiniRepository, down: str) -> None:
    edit(repository, f"{STEP}/down.sql", "SELECT 1;", down)
    assert lint(repository.root) == []


def test_a_standing_check_that_does_not_say_what_it_checks_is_named(
    repository: MiniRepository,
) -> None:
    repository.write("sql/standing/good.sql", "-- what: all is well\nSELECT 1;\n")
    assert lint(repository.root) == []
    repository.write("sql/standing/bad.sql", "SELECT 1;\n")
    assert any("bad.sql does not say what it checks" in line for line in lint(repository.root))
