"""Style rules for SQL: the repository keeps them, and each finds what is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.chain.includes import render
from setu.chain.repository import steps_to
from setu.chain.step import Step
from setu.cli.commands.lint import what_to_do
from setu.review.sql_style import LINE_LENGTH, check_style, check_text
from setu.review.squawk import check_steps, squawk_program
from tests.mini_repository import MiniRepository

ROOT = Path(__file__).resolve().parents[2]

FUNCTION = """CREATE FUNCTION gold.f() RETURNS integer
{attributes}
AS $f$
BEGIN
    {body}
END
$f$;"""
ATTRIBUTES = "LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog"


def _function(body: str = "RETURN 1;", attributes: str = ATTRIBUTES) -> str:
    return FUNCTION.format(body=body, attributes=attributes)


PLANTED: dict[str, list[str]] = {
    "line-length": ["SELECT 1; -- " + "x" * LINE_LENGTH],
    "tabs": ["SELECT\t1;"],
    "keywords": ["select 1;", "SELECT a.b FROM c.a as a;"],
    "names": ["SELECT a.B AS totalCount FROM c.a AS a;"],
    "join-type": ["SELECT a.x FROM s.a AS a JOIN s.b AS b ON a.x = b.x;"],
    "dollar-tag": ["DO $$ BEGIN PERFORM 1; END $$;"],
    "swallow": [
        "DO $d$ BEGIN PERFORM 1; EXCEPTION WHEN OTHERS THEN NULL; END $d$;",
        "DO $d$ BEGIN BEGIN PERFORM 1; EXCEPTION WHEN OTHERS THEN END; END $d$;",
    ],
    "raise-errcode": [
        _function("RAISE EXCEPTION 'cannot load';"),
        "DO $d$ BEGIN RAISE EXCEPTION 'cannot load % rows', 3 USING HINT = 'Wait'; END $d$;",
    ],
    "qualified": [
        "SELECT c.id FROM machine_cycles AS c;",
        "CREATE TABLE machine_cycles (id bigint);",
        _function("RETURN (SELECT count(c.id) FROM machine_cycles AS c);"),
        "DO $d$ BEGIN DELETE FROM machine_cycles AS c; END $d$;",
    ],
    "star": [
        "INSERT INTO s.b (x) SELECT a.* FROM s.a AS a;",
        "CREATE VIEW s.v AS SELECT * FROM s.a;",
        _function("INSERT INTO s.b (x) SELECT a.* FROM s.a AS a; RETURN 1;"),
        "DO $d$ DECLARE v record; BEGIN SELECT a.* INTO v FROM s.a AS a; END $d$;",
        "DO $d$ DECLARE v boolean; BEGIN v := EXISTS (SELECT a.* FROM s.a AS a); END $d$;",
        "DO $d$ DECLARE\nv s.a; BEGIN PERFORM 1; INSERT INTO s.b (x) SELECT a.* FROM s.a AS a; "
        "END $d$;",
        "CREATE FUNCTION s.f(VARIADIC p_x text[]) RETURNS s.a LANGUAGE plpgsql STABLE\n"
        "SECURITY INVOKER SET search_path = pg_catalog AS $f$ DECLARE\nv_x s.a; "
        "BEGIN PERFORM a.* FROM s.a AS a; RETURN v_x; END $f$;",
    ],
    "unread-body": [_function("RETURN SELECT FROM WHERE;"), _function("IF 1 THEN;")],
    "column-list": [
        "INSERT INTO s.b SELECT a.x FROM s.a AS a;",
        "INSERT INTO s.b VALUES (1);",
    ],
    "function-attributes": [
        _function(attributes="LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog"),
        _function(attributes="LANGUAGE plpgsql STABLE SET search_path = pg_catalog"),
        _function(attributes="LANGUAGE plpgsql STABLE SECURITY INVOKER"),
        "CREATE PROCEDURE s.p() LANGUAGE plpgsql AS $p$ BEGIN PERFORM 1; END $p$;",
    ],
    "plain-create": ["CREATE TABLE IF NOT EXISTS s.t (id bigint);"],
    "plain-drop": ["DROP TABLE IF EXISTS s.t;"],
    "cascade": ["DROP TABLE s.t CASCADE;", "TRUNCATE s.t CASCADE;"],
    "named-arguments": [
        "SELECT create_hypertable('s.t', by_range('time'));",
        "SELECT public.add_job('s.p', '1 minute');",
    ],
}
ALLOWED = [
    _function(),
    "DO $d$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END $d$;",
    "CREATE PROCEDURE s.p() LANGUAGE plpgsql AS $p$ BEGIN COMMIT; END $p$;",
    "-- Views of a downgraded table go with it.\nDROP TABLE s.t CASCADE;",
    "WITH a AS (SELECT 1 AS x) SELECT a.x FROM a AS a CROSS JOIN s.b AS b;",
    "SELECT create_hypertable(relation => 's.t', dimension => by_range('time'));",
    "-- lint: allow plain-create: met again after a downgrade\n"
    "CREATE TABLE IF NOT EXISTS s.t (id bigint);",
    "-- transaction: no\nDROP INDEX IF EXISTS s.t_idx;",
    "SELECT count(*) FROM s.a AS a;",
    "DO $d$ DECLARE\nv s.a; BEGIN SELECT a.* INTO v FROM s.a AS a; END $d$;",
    "DO $d$ DECLARE\nv s.a; BEGIN FOR v IN SELECT a.* FROM s.a AS a LOOP NULL; END LOOP; END $d$;",
]


def read(step: Step, part: str) -> tuple[str, str]:
    """The text of a step's file, and the file's name."""
    file = step.directory / f"{part}.sql"
    return file.read_text("utf-8"), file.relative_to(ROOT).as_posix()


def test_a_step_keeps_to_the_width_also_as_text_with_schemas_renamed() -> None:
    """A release writes steps out, and lint reads them like others."""
    wide = [
        f"{source[number]}: {line}"
        for step in steps_to(ROOT)
        for part in ("up", "down")
        for lines, source in [render(*read(step, part), ROOT)]
        for number, line in enumerate(lines)
        if len(line) > LINE_LENGTH and not source[number].file.startswith("schema/")
    ]
    assert wide == []


def test_the_sql_of_the_repository_keeps_the_rules() -> None:
    assert [str(found) for found in check_style(ROOT)] == []


def test_a_long_line_of_setu_s_own_queries_is_found(tmp_path: Path) -> None:
    (tmp_path / "setu" / "ops").mkdir(parents=True)
    (tmp_path / "setu" / "ops" / "part.sql").write_text(f", a AS (\n    {'x' * LINE_LENGTH}\n")
    (found,) = check_style(tmp_path)
    assert str(found).startswith("setu/ops/part.sql:2: line-length")


@pytest.mark.parametrize(
    ("rule", "sql"), [(rule, sql) for rule, texts in PLANTED.items() for sql in texts]
)
def test_a_planted_violation_is_found_and_nothing_else(rule: str, sql: str) -> None:
    assert {violation.rule for violation in check_text(sql, "sql/x/up.sql")} == {rule}


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_keeps_the_rules_is_left_alone(sql: str) -> None:
    assert check_text(sql, "sql/x/up.sql") == []


def test_a_violation_is_named_with_its_line_also_in_a_body() -> None:
    text = "-- a\n" + _function("PERFORM 1;\n    DELETE FROM t AS t;\n    RETURN 1;")
    (violation,) = check_text(text, "sql/x/up.sql")
    assert (violation.line, violation.rule) == (7, "qualified")


def test_a_waiver_covers_its_statement_only() -> None:
    text = (
        "-- lint: allow plain-drop: may be gone\nDROP TABLE IF EXISTS s.a;\n"
        "DROP TABLE IF EXISTS s.b;\n"
    )
    assert [violation.line for violation in check_text(text, "sql/x/up.sql")] == [3]


def test_a_waiver_without_a_reason_is_none() -> None:
    text = "-- lint: allow plain-drop:\nDROP TABLE IF EXISTS s.a;\n"
    assert [violation.rule for violation in check_text(text, "sql/x/up.sql")] == ["plain-drop"]


SQUAWK = {
    "changing-column-type": "ALTER TABLE s.t ALTER COLUMN a TYPE bigint;",
    "adding-required-field": "ALTER TABLE s.t ADD COLUMN a integer NOT NULL;",
    "adding-not-nullable-field": "ALTER TABLE s.t ALTER COLUMN a SET NOT NULL;",
    "renaming-column": "ALTER TABLE s.t RENAME COLUMN a TO b;",
    "renaming-table": "ALTER TABLE s.t RENAME TO u;",
    "ban-drop-column": "ALTER TABLE s.t DROP COLUMN a;",
    "ban-drop-not-null": "ALTER TABLE s.t ALTER COLUMN a DROP NOT NULL;",
    "ban-drop-database": "DROP DATABASE d;",
    "ban-char-field": "CREATE TABLE s.u (a char(3));",
    "prefer-text-field": "CREATE TABLE s.u (a varchar(3));",
    "prefer-timestamp-tz": "CREATE TABLE s.u (a timestamp);",
    "disallowed-unique-constraint": "ALTER TABLE s.t ADD CONSTRAINT t_a_key UNIQUE (a);",
    "adding-serial-primary-key-field": "ALTER TABLE s.t ADD PRIMARY KEY (a);",
    "transaction-nesting": "BEGIN;\nSELECT 1;\nCOMMIT;",
}


@pytest.fixture
def squawk() -> str:
    program = squawk_program()
    assert program is not None, "squawk-cli is not installed: run make setup"
    return program


def test_squawk_finds_nothing_in_the_steps(squawk: str) -> None:
    assert check_steps(ROOT, squawk) == []
    assert len(steps_to(ROOT)) > 20


@pytest.mark.parametrize("rule", [rule for rule in SQUAWK if rule != "transaction-nesting"])
def test_squawk_finds_what_is_planted(tmp_path: Path, squawk: str, rule: str) -> None:
    repository = MiniRepository(tmp_path)
    (tmp_path / ".squawk.toml").write_bytes((ROOT / ".squawk.toml").read_bytes())
    repository.add("0001_first", up=f"SELECT 1;\n{SQUAWK[rule]}")
    found = check_steps(tmp_path, squawk)
    place = "sql/p0_baseline/0001_first/up.sql:8"
    assert any(line.startswith(f"{place}: squawk {rule}:") for line in found), found


def test_an_exception_to_a_rule_of_squawk_stands_on_the_line_above(
    tmp_path: Path, squawk: str
) -> None:
    repository = MiniRepository(tmp_path)
    (tmp_path / ".squawk.toml").write_bytes((ROOT / ".squawk.toml").read_bytes())
    text = (
        "ALTER TABLE s.t\n    -- No client reads it.\n    -- squawk-ignore {}\n    DROP COLUMN a;"
    )
    repository.add("0001_first", up=text.format("ban-drop-column"))
    assert check_steps(tmp_path, squawk) == []
    repository.add("0002_second", up=text.format("ban-drop-table"))
    found = check_steps(tmp_path, squawk)
    assert len(found) == 1
    assert "`-- squawk-ignore RULE` on the line above" in what_to_do(found)
    assert "squawk" not in what_to_do(["sql/x/up.sql:3: style: x"])


@pytest.mark.parametrize("folder", ["schema", "schema_new", "sql", "setu"])
def test_sql_can_be_sent_to_a_database_of_any_encoding(folder: str) -> None:
    """A comment is sent, too: one arrow in it, and a database in LATIN1 refuses the statement."""
    foreign = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / folder).rglob("*.sql"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if not line.isascii()
    ]
    assert foreign == []
