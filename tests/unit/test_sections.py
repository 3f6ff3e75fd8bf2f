"""Sections of files, and the order in which an empty database takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.chain.order import schema_files, sections_in_order
from setu.chain.script import Script
from setu.chain.sections import read_sections
from setu.chain.step import Step
from setu.errors import IncludeError, StepError
from setu.review.lint import lint
from tests.mini_repository import MiniRepository

HEADER = "-- what: a\n-- why: b\n-- transaction: yes\n-- lock: none\n-- down: d\n\n"
TABLE = """\
-- New: a test.
-- @section table
CREATE TABLE bronze.{name} (id bigint);

-- @section identity
-- Why.
ALTER TABLE bronze.{name}
    ALTER COLUMN id SET NOT NULL;

-- @section indexes
-- @community
CREATE INDEX ON bronze.{name} (id);
"""


@pytest.fixture
def step(tmp_path: Path) -> Step:
    (tmp_path / "sql/p0_test/0001_first").mkdir(parents=True)
    for name in ("raw_b", "raw_a", "other"):
        write(tmp_path, f"bronze/Tables/{name}.sql", TABLE.format(name=name))
    return Step.of_revision_file(tmp_path / "alembic/versions/p0_test/0001_first.py")


def write(root: Path, path: str, text: str) -> None:
    target = root / "schema_new" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def up(step: Step, include: str) -> Script:
    (step.directory / "up.sql").write_text(f"{HEADER}-- @include {include}\n", encoding="utf-8")
    return step.script("up")


def test_one_section_of_a_file_is_included_with_its_own_lines(step: Step) -> None:
    [statement] = up(step, "schema_new/bronze/Tables/raw_a.sql#identity").statements()
    assert statement.text.startswith("ALTER TABLE bronze.raw_a")
    assert statement.comment.endswith("\n-- Why.")
    assert str(statement.origin) == "schema_new/bronze/Tables/raw_a.sql:7"
    at = statement.origin_at(statement.text.index("ALTER COLUMN") + 1)
    assert str(at) == "schema_new/bronze/Tables/raw_a.sql:8"


def test_a_whole_file_includes_all_sections_in_order(step: Step) -> None:
    script = up(step, "schema_new/bronze/Tables/raw_a.sql")
    assert [s.text.split()[0] for s in script.statements()] == ["CREATE", "ALTER", "CREATE"]
    assert len(script.statements("apache")) == 2


def test_a_pattern_includes_the_section_of_each_file_by_name(step: Step) -> None:
    script = up(step, "schema_new/bronze/Tables/raw_*.sql#table with bronze => _stage")
    assert [s.text for s in script.statements()] == [
        "CREATE TABLE _stage.raw_a (id bigint)",
        "CREATE TABLE _stage.raw_b (id bigint)",
    ]


def test_a_file_that_matches_without_the_section_is_named(step: Step) -> None:
    write(step.root, "bronze/Tables/raw_c.sql", "-- @section table\nSELECT 1;\n")
    with pytest.raises(IncludeError, match=r"identity of schema_new/bronze/Tables/raw_c\.sql"):
        up(step, "schema_new/bronze/Tables/raw_*.sql#identity")


@pytest.mark.parametrize(
    ("include", "problem"),
    [
        ("schema_new/bronze/Tables/raw_a.sql#grants", "which has no such section"),
        ("schema_new/bronze/Tables/none_*.sql#table", "matches no file"),
        ("schema_new/*/Tables/raw_a.sql#table", "may not include"),
    ],
)
def test_an_include_that_finds_nothing_is_named(step: Step, include: str, problem: str) -> None:
    with pytest.raises(IncludeError, match=problem):
        up(step, include)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1;\n-- @section a\nSELECT 2;\n", "above the first section"),
        ("-- @section a\nSELECT 1\n-- @section b\n;\n", "inside a statement"),
        ("-- @section a\nSELECT 1;\n-- @section a\nSELECT 2;\n", "has section a twice"),
        ("-- @section a\n-- nothing\n-- @section b\nSELECT 1;\n", "#a does not end with"),
        ("-- @section A b\nSELECT 1;\n", "Unknown directive"),
        ("-- @section a\nSELECT 1; -- @section b\nSELECT 2;\n", "alone on its line"),
        ("-- @include schema/a.sql\nSELECT 1;\n", "includes another file"),
    ],
)
def test_a_section_out_of_place_is_refused(text: str, problem: str) -> None:
    with pytest.raises(StepError, match=problem):
        read_sections(text, "schema_new/a.sql")


def ordered(root: Path) -> list[str]:
    return [s.label.removeprefix("schema_new/") for s in sections_in_order(root)]


def test_an_object_comes_after_those_that_its_statements_name(tmp_path: Path) -> None:
    write(tmp_path, "b/Tables/child.sql", "CREATE TABLE b.child (r integer REFERENCES c.parent);")
    write(tmp_path, "c/Tables/parent.sql", "CREATE TABLE c.parent (i integer PRIMARY KEY);")
    write(tmp_path, "a/Views/v.sql", "CREATE VIEW a.v AS SELECT * FROM a.w, b.child;")
    write(tmp_path, "a/Views/w.sql", "CREATE VIEW a.w AS SELECT a.f();")
    write(
        tmp_path,
        "a/Functions/f.sql",
        "CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT count(*) FROM b.child';",
    )
    assert ordered(tmp_path) == [
        "c/Tables/parent.sql",
        "b/Tables/child.sql",
        "a/Functions/f.sql",
        "a/Views/w.sql",
        "a/Views/v.sql",
    ]


def test_comments_and_bodies_that_are_read_later_need_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a/Functions/f.sql",
        "-- see a.g\nCREATE FUNCTION a.f() RETURNS void LANGUAGE plpgsql AS 'BEGIN a.g() END';\n"
        "COMMENT ON FUNCTION a.f() IS 'calls a.g';",
    )
    write(
        tmp_path, "a/Functions/g.sql", "CREATE FUNCTION a.g() RETURNS int RETURN (a.f() IS NULL);"
    )
    assert ordered(tmp_path) == ["a/Functions/f.sql", "a/Functions/g.sql"]


def test_sections_come_by_kind_and_a_file_keeps_its_own_order(tmp_path: Path) -> None:
    for name in ("s", "t"):
        write(
            tmp_path,
            f"a/Tables/{name}.sql",
            f"-- @section table\nCREATE TABLE a.{name} (i int);\n"
            f"-- @section indexes\nCREATE INDEX ON a.{name} (i);\n"
            f"-- @section seed\nINSERT INTO a.{name} SELECT a.f();\n",
        )
    write(tmp_path, "a/Functions/f.sql", "CREATE FUNCTION a.f() RETURNS int RETURN 1;")
    write(tmp_path, "schemas.sql", "-- @section schemas\nCREATE SCHEMA a;")
    write(tmp_path, "a/jobs.sql", "-- @section one\nSELECT add_job('a.f');")
    assert ordered(tmp_path) == [
        "schemas.sql#schemas",
        "a/Tables/s.sql#table",
        "a/Tables/t.sql#table",
        "a/Tables/s.sql#indexes",
        "a/Tables/t.sql#indexes",
        "a/Functions/f.sql",
        "a/Tables/s.sql#seed",
        "a/Tables/t.sql#seed",
        "a/jobs.sql#one",
    ]


def test_a_schema_comes_before_what_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, "q/Tables/t.sql", "-- @section table\nCREATE TABLE q.t (i int);")
    write(tmp_path, "a/Tables/t.sql", "-- @section table\nCREATE TABLE a.t (i int);")
    write(
        tmp_path,
        "schemas.sql",
        "-- @section schemas\nCREATE SCHEMA a;\n-- @section grants\nCREATE SCHEMA q;",
    )
    assert ordered(tmp_path) == [
        "schemas.sql#schemas",
        "a/Tables/t.sql#table",
        "schemas.sql#grants",
        "q/Tables/t.sql#table",
    ]


def test_sections_that_need_each_other_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a/Views/v.sql", "CREATE VIEW a.v AS SELECT * FROM a.w;")
    write(tmp_path, "a/Views/w.sql", "CREATE VIEW a.w AS SELECT * FROM a.v;")
    with pytest.raises(StepError, match=r"v\.sql needs schema_new/a/Views/w\.sql"):
        sections_in_order(tmp_path)


def test_templates_of_the_gateways_are_not_for_a_database(tmp_path: Path) -> None:
    write(tmp_path, "bronze/Source Templates/raw_a.sqlite.sql", "CREATE TABLE raw_a (a DATETIME);")
    assert schema_files(tmp_path) == []


def test_lint_names_a_new_file_that_does_not_say_why(tmp_path: Path) -> None:
    repository = MiniRepository(tmp_path)
    repository.add("0001_first")
    repository.write("schema/a/Tables/old.sql", "-- change: drop\nSELECT 1;\n")
    write(tmp_path, "a/Tables/old.sql", "SELECT 1;\n")
    write(tmp_path, "a/Tables/new.sql", "-- New: a test.\nSELECT 1;\n")
    assert lint(tmp_path) == []
    write(tmp_path, "a/Tables/bare.sql", "SELECT 1;\n")
    write(tmp_path, "a/Tables/broken.sql", "-- New: a test.\nSELECT 1\n")
    bare, broken = lint(tmp_path)
    assert bare.startswith("schema_new/a/Tables/bare.sql: schema/ has no such file")
    assert "broken.sql does not end with a semicolon" in broken
