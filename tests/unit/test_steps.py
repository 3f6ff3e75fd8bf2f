"""Steps: headers, includes, renames, directives, splitting, and where each line comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.chain.includes import rename_schemas
from setu.chain.script import Script
from setu.chain.step import Step
from setu.errors import IncludeError, StepError

HEADER = """\
-- what: a table
-- why: a test
-- transaction: yes
-- lock: none
-- down: drops it

"""


@pytest.fixture
def step(tmp_path: Path) -> Step:
    (tmp_path / "sql/p0_test/0001_first").mkdir(parents=True)
    return Step.of_revision_file(tmp_path / "alembic/versions/p0_test/0001_first.py")


def up(step: Step, sql: str, *, header: str = HEADER) -> Script:
    (step.directory / "up.sql").write_bytes((header + sql).encode())
    return step.script("up")


def write(step: Step, path: str, text: str) -> None:
    target = step.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def texts(script: Script, edition: str = "community") -> list[str]:
    return [statement.text for statement in script.statements(edition)]


def test_a_revision_file_names_its_step(step: Step) -> None:
    assert step.name == "p0_test/0001_first"
    assert step.revision == "0001"
    assert step.directory == step.root / "sql" / "p0_test" / "0001_first"


def test_a_revision_outside_the_versions_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no place in the chain"):
        Step.of_revision_file(tmp_path / "elsewhere/0001_first.py")


def test_a_missing_file_is_named(step: Step) -> None:
    with pytest.raises(StepError, match=r"Revision 0001 has no up\.sql"):
        step.script("up")


def test_a_file_without_a_statement_is_refused(step: Step) -> None:
    with pytest.raises(StepError, match="has no statement"):
        up(step, "-- nothing\n")


@pytest.mark.parametrize("key", ["what", "why", "transaction", "lock", "down"])
def test_a_missing_header_key_is_named(step: Step, key: str) -> None:
    header = "".join(
        line for line in HEADER.splitlines(keepends=True) if not line.startswith(f"-- {key}:")
    )
    with pytest.raises(StepError, match=f"lacks {key} in its header"):
        up(step, "SELECT 1;", header=header)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-- and goes on here\n", "is not '-- key: value'"),
        ("-- colour: red\n", "unknown key: colour"),
        ("-- what: again\n", "has the key what twice"),
    ],
)
def test_a_bad_header_line_is_named_with_file_and_line(step: Step, line: str, problem: str) -> None:
    with pytest.raises(StepError) as caught:
        up(step, "SELECT 1;", header=HEADER.rstrip("\n") + "\n" + line + "\n")
    assert problem in str(caught.value)
    assert "up.sql:6" in str(caught.value)


def test_a_transaction_is_yes_or_no(step: Step) -> None:
    with pytest.raises(StepError, match="Say yes or no"):
        up(step, "SELECT 1;", header=HEADER.replace("transaction: yes", "transaction: maybe"))
    header = HEADER.replace("transaction: yes", "transaction: no (each chunk commits)")
    assert not up(step, "SELECT 1;", header=header).header.transaction


def test_statements_are_split_with_the_servers_grammar(step: Step) -> None:
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END"
    block = "DO $x$ BEGIN PERFORM ';'; END $x$"
    script = up(step, f"SELECT 'a;b', E'\\';';; {body};\n/* ; */ {block};\nSELECT 'é; ü'")
    assert texts(script) == ["SELECT 'a;b', E'\\';'", body, block, "SELECT 'é; ü'"]


def test_every_statement_knows_file_and_line(step: Step) -> None:
    write(step, "schema/a/t.sql", "-- é\nCREATE TABLE t (\n    a int\n);\n\nSELECT 2;\n")
    script = up(step, "SELECT 1;\n-- @include schema/a/t.sql\nSELECT\n    3;\n")
    assert [str(statement.origin) for statement in script.statements()] == [
        "sql/p0_test/0001_first/up.sql:7",
        "schema/a/t.sql:2",
        "schema/a/t.sql:6",
        "sql/p0_test/0001_first/up.sql:9",
    ]
    table = script.statements()[1]
    assert str(table.origin_at(table.text.index("a int") + 1)) == "schema/a/t.sql:3"


def test_comments_before_a_statement_are_kept(step: Step) -> None:
    script = up(step, "SELECT 1; -- trailing\n-- why two\n/* and how */\nSELECT 2;\n")
    assert script.statements()[1].comment == "-- trailing\n-- why two\n/* and how */"


def test_a_syntax_error_is_named_with_its_line_in_the_included_file(step: Step) -> None:
    write(step, "schema/a/bad.sql", "SELECT 1;\nSELEC 'é';\n")
    with pytest.raises(StepError) as caught:
        up(step, "\n\n-- @include schema/a/bad.sql\n")
    assert 'schema/a/bad.sql:2 cannot be parsed: syntax error at or near "SELEC"' in str(
        caught.value
    )


def test_a_statement_that_is_not_complete_is_named_with_the_last_line(step: Step) -> None:
    with pytest.raises(
        StepError, match=r"up\.sql:8 cannot be parsed: syntax error at end of input"
    ):
        up(step, "SELECT 1;\nCREATE TABLE s.t (\n\n")


def test_an_open_quote_is_named_with_its_line(step: Step) -> None:
    with pytest.raises(StepError, match=r"up\.sql:8 cannot be parsed: unterminated quoted"):
        up(step, "SELECT 1;\nSELECT 'open;\n")


@pytest.mark.parametrize(
    "path",
    ["sql/p0_test/0001_first/up.sql", "schema/../secret.sql", "/etc/x.sql", "schemata/a.sql"],
)
def test_only_files_of_the_schemas_can_be_included(step: Step, path: str) -> None:
    write(step, "secret.sql", "SELECT 1;\n")
    with pytest.raises(IncludeError, match="may not include"):
        up(step, f"-- @include {path}\n")


def test_what_a_phase_shares_can_be_included(step: Step) -> None:
    write(step, "sql/p0_test/shared/a.sql", "SELECT 7;\n")
    assert texts(up(step, "-- @include sql/p0_test/shared/a.sql\n")) == ["SELECT 7"]


def test_a_missing_include_is_named_with_its_line(step: Step) -> None:
    with pytest.raises(IncludeError, match=r"up\.sql:7 includes schema/none\.sql, which does not"):
        up(step, "-- @include schema/none.sql\n")


def test_includes_do_not_nest_and_so_cannot_go_in_circles(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT 1;\n-- @include schema/a.sql\n")
    with pytest.raises(IncludeError, match=r"schema/a\.sql:2 includes another file"):
        up(step, "-- @include schema/a.sql\n")


def test_an_included_file_must_end_its_last_statement(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT 1 -- ;\n")
    with pytest.raises(IncludeError, match="does not end with a semicolon"):
        up(step, "-- @include schema/a.sql\n")


def test_an_include_inside_a_statement_is_refused(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT 1;\n")
    with pytest.raises(IncludeError, match="inside a statement"):
        up(step, "SELECT 2\n-- @include schema/a.sql\n")


def test_an_include_in_a_function_body_is_text(step: Step) -> None:
    body = "DO $x$\n-- @include schema/none.sql\nBEGIN NULL; END $x$"
    assert texts(up(step, body + ";")) == [body]


@pytest.mark.parametrize("line", ["-- @inclde schema/a.sql", "-- @include schema/a", "-- @apache"])
def test_a_misspelt_directive_is_refused(step: Step, line: str) -> None:
    with pytest.raises(StepError, match=r"up\.sql:7 Unknown directive"):
        up(step, f"{line}\nSELECT 1;\n")


def test_a_directive_beside_code_is_refused(step: Step) -> None:
    with pytest.raises(StepError, match="must be alone on its line"):
        up(step, "SELECT 1; -- @community\nSELECT 2;\n")


def test_a_path_with_spaces_and_renames_is_included(step: Step) -> None:
    write(step, "schema_new/a/Stored Procedures/p.sql", "SELECT * FROM master.t, silver.u;\n")
    line = "-- @include schema_new/a/Stored Procedures/p.sql with master => _stage, silver => s2\n"
    assert texts(up(step, line)) == ["SELECT * FROM _stage.t, s2.u"]


def test_renames_above_a_block_of_includes_hold_for_that_block_alone(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT master.f();\n")
    include = "-- @include schema/a.sql\n"
    script = up(step, f"{include}\n-- @with master => _stage\n{include}{include}\n{include}")
    first, second, third, fourth = texts(script)
    assert (first, second) == ("SELECT master.f()", "SELECT _stage.f()")
    assert (third, fourth) == ("SELECT _stage.f()", "SELECT master.f()")
    with pytest.raises(IncludeError, match="stands above no include"):
        up(step, "-- @with master => _stage\nSELECT 1;\n")
    with pytest.raises(IncludeError, match="renames of its own"):
        up(step, "-- @with a => b\n-- @include schema/a.sql with c => d\n")


@pytest.mark.parametrize("renames", ["master", "master => ", "a => b, a => c", "a => B.c"])
def test_renames_that_cannot_be_read_are_refused(step: Step, renames: str) -> None:
    write(step, "schema/a.sql", "SELECT 1;\n")
    with pytest.raises(IncludeError, match="cannot read the renames"):
        up(step, f"-- @include schema/a.sql with {renames}\n")


@pytest.mark.parametrize(
    ("sql", "renamed"),
    [
        ("SELECT master.t.a, x.master.y", "SELECT _stage.t.a, x.master.y"),
        ('SELECT MASTER.f(), "master".g()', 'SELECT _stage.f(), "_stage".g()'),
        ("SELECT webmaster.t, master_x.t, master", "SELECT webmaster.t, master_x.t, master"),
        ("SELECT 'master.t'::regclass", "SELECT '_stage.t'::regclass"),
        (
            "SELECT 'webmaster.t', 'the master. Or not'",
            "SELECT 'webmaster.t', 'the master. Or not'",
        ),
        (
            "DO $x$ SELECT master.t, '\"master\".u' $x$",
            "DO $x$ SELECT _stage.t, '\"_stage\".u' $x$",
        ),
        ("SELECT 1 -- see master.t\n", "SELECT 1 -- see master.t\n"),
        (
            "COMMENT ON TABLE master.t IS 'see master.u'; SELECT 'master.t'",
            "COMMENT ON TABLE _stage.t IS 'see master.u'; SELECT '_stage.t'",
        ),
        (
            "-- why\nCOMMENT ON TABLE master.t IS 'see master.u'",
            "-- why\nCOMMENT ON TABLE _stage.t IS 'see master.u'",
        ),
        ("SELECT silver.t, master.silver", "SELECT master.t, _stage.silver"),
        ("SELECT 'é', master.t", "SELECT 'é', _stage.t"),
    ],
)
def test_schemas_are_renamed_by_token(sql: str, renamed: str) -> None:
    assert rename_schemas(sql, {"master": "_stage", "silver": "master"}) == renamed


def test_a_community_statement_is_left_out_on_apache(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT 3;\n-- @community\nSELECT 4;\n")
    script = up(step, "SELECT 1;\n\n-- @community\nSELECT 2;\n-- @include schema/a.sql\n")
    assert texts(script) == ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4"]
    assert texts(script, "apache") == ["SELECT 1", "SELECT 3"]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT 1;\n-- @community\n", "no statement after it"),
        ("-- @community\n-- why\nSELECT 1;\n", "not directly above"),
        ("-- @community\n-- @include schema/a.sql\n", "stands above an include"),
    ],
)
def test_a_community_directive_that_marks_no_statement_is_refused(
    step: Step, sql: str, problem: str
) -> None:
    write(step, "schema/a.sql", "SELECT 1;\n")
    with pytest.raises(StepError, match=problem):
        up(step, sql)


@pytest.mark.parametrize("sql", ["COMMIT", "BEGIN", "ROLLBACK TO a", "SAVEPOINT a", "END"])
def test_a_step_may_not_control_the_transaction(step: Step, sql: str) -> None:
    with pytest.raises(StepError, match=r"up\.sql:8 controls the transaction"):
        up(step, f"SELECT 1;\n{sql};\n")


def test_the_checksum_does_not_depend_on_line_ends_but_on_includes(step: Step) -> None:
    write(step, "schema/a.sql", "SELECT 1;\n")
    sql = "-- @include schema/a.sql\nSELECT 2;\n"
    unix = up(step, sql).sha256
    windows = up(step, sql.replace("\n", "\r\n"), header=HEADER.replace("\n", "\r\n")).sha256
    assert unix == windows
    write(step, "schema/a.sql", "SELECT 3;\n")
    assert up(step, sql).sha256 != unix


def test_a_file_that_is_not_utf8_is_refused(step: Step) -> None:
    (step.directory / "up.sql").write_bytes(HEADER.encode() + b"SELECT '\xe9';\n")
    with pytest.raises(StepError, match="is not UTF-8"):
        step.script("up")
