"""Drafts where PostgreSQL binds one object to another: they run, and lead to the schema wanted."""

from __future__ import annotations

import pytest

from setu.catalog import differences, render_differences
from setu.catalog.parsing.pieces import SourceFile
from setu.catalog.snapshot import snapshot
from setu.chain.scaffold import OPEN
from setu.db.connection import connected
from setu.review.drafted_sql import draft
from setu.review.sides import files_catalog
from tests.v1 import ROOT, run_all

TABLE = "CREATE TABLE odd.t (id integer, a integer, b integer);"
TWICE = """
CREATE FUNCTION odd.twice(p_x integer) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p_x * 2;
END;
COMMENT ON FUNCTION odd.twice(integer) IS 'Two times as much';
REVOKE ALL ON FUNCTION odd.twice(integer) FROM PUBLIC;
"""
TOTAL = """
CREATE FUNCTION odd.total() RETURNS bigint
LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
RETURN (SELECT sum(odd.twice(t.b)) FROM odd.t AS t);
"""
VIEW = """
CREATE VIEW odd.v AS
SELECT t.id, odd.twice(t.a) AS a FROM odd.t AS t WHERE t.b > 0;
COMMENT ON VIEW odd.v IS 'Some of t';
COMMENT ON COLUMN odd.v.a IS 'Twice as much';
GRANT SELECT ON odd.v TO PUBLIC;
"""
UPPER = "CREATE VIEW odd.upper AS SELECT v.id FROM odd.v AS v WHERE v.a > 1;"
ROWS = """
CREATE FUNCTION odd.rows_of_v() RETURNS SETOF odd.v
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT v.id, v.a FROM odd.v AS v;
END
$$;
"""
BEFORE = (TABLE, TWICE, TOTAL, VIEW, UPPER, ROWS)


def replaced(*pairs: tuple[str, str]) -> tuple[str, ...]:
    """The files with texts replaced, each of which is there."""
    texts = "\0".join(BEFORE)
    for old, new in pairs:
        assert old in texts, old
        texts = texts.replace(old, new)
    return tuple(text for text in texts.split("\0") if text.strip())


AFTER = {
    "another result": replaced(("RETURNS integer", "RETURNS bigint")),
    "one argument more": replaced(
        ("odd.twice(p_x integer)", "odd.twice(p_x integer, p_more integer)"),
        ("odd.twice(integer)", "odd.twice(integer, integer)"),
        ("odd.twice(t.b)", "odd.twice(t.b, 1)"),
        ("odd.twice(t.a)", "odd.twice(t.a, 1)"),
        ("p_x * 2", "p_x * 2 + p_more"),
    ),
    "a column goes": replaced(
        (", b integer", ""), (" WHERE t.b > 0", ""), ("odd.twice(t.b)", "odd.twice(t.a)")
    ),
    "a column comes": replaced(
        ("b integer)", "b integer, c integer)"),
        ("t.b > 0", "t.c > 0"),
        ("odd.twice(t.b)", "odd.twice(t.c)"),
    ),
    "a column of another type": replaced(
        ("a integer", "a bigint"), ("odd.twice(t.a)", "odd.twice(t.a::integer)")
    ),
    "columns of a view in another order": replaced(
        ("t.id, odd.twice(t.a) AS a FROM", "odd.twice(t.a) AS a, t.id FROM"),
        ("SELECT v.id, v.a", "SELECT v.a, v.id"),
    ),
    "a function that others call is now in line": replaced(
        (TWICE, ""), ("odd.twice(t.a)", "t.a * 2"), ("odd.twice(t.b)", "t.b * 2")
    ),
    "a new function that a new table is checked with": (
        *BEFORE,
        "CREATE FUNCTION odd.small(p_x integer) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " SECURITY INVOKER SET search_path = pg_catalog, pg_temp RETURN p_x < 9;",
        "CREATE TABLE odd.u (id integer, CONSTRAINT u_check CHECK (odd.small(id)));",
    ),
    "all that is bound goes": (TABLE,),
}


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER.keys())
def test_a_draft_runs_up_and_down(after: tuple[str, ...], database_url: str) -> None:
    sides = [
        files_catalog([SourceFile(f"odd/{n}.sql", text) for n, text in enumerate(side)])
        for side in (BEFORE, after)
    ]
    up, down = draft(*sides), draft(*reversed(sides))
    run_all(
        database_url,
        "CREATE SCHEMA odd",
        # What a chain's own database has.
        "CREATE SCHEMA IF NOT EXISTS _archive",
        "CREATE FUNCTION _archive.archive_table(text, text) RETURNS void LANGUAGE plpgsql"
        " AS $$ BEGIN EXECUTE format('DROP TABLE %s', $1); END $$",
        "CREATE FUNCTION _archive.restore_in_place(text, text) RETURNS void LANGUAGE sql AS ''",
        "CREATE SCHEMA _etl",
        "CREATE FUNCTION _etl.fn_keep_column(text, text, VARIADIC text[]) RETURNS void"
        " LANGUAGE sql AS ''",
        "CREATE FUNCTION _etl.fn_restore_column(text, text, VARIADIC text[]) RETURNS void"
        " LANGUAGE sql AS ''",
        *after,
    )
    with connected(database_url, "test") as connection:
        wanted = snapshot(connection, schemas=["odd"])
    run_all(database_url, "DROP SCHEMA odd CASCADE", "CREATE SCHEMA odd", *BEFORE)
    with connected(database_url, "test") as connection:
        before = snapshot(connection, schemas=["odd"])
    for drafted, expected in ((up, wanted), (down, before)):
        run_all(database_url, *drafted.statements)
        with connected(database_url, "test") as connection:
            found = snapshot(connection, schemas=["odd"])
        assert render_differences(differences(expected, found)) == "", drafted.text


CALLED = """
CREATE SEQUENCE odd.numbers AS integer;
CREATE FUNCTION odd.small(p_x integer) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
RETURN p_x < 9;
CREATE FUNCTION odd.always() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN NEW; END $$;
"""
CALLING = """
CREATE TABLE odd.u (
    id integer DEFAULT nextval('odd.numbers'),
    is_small boolean DEFAULT odd.small(1),
    a integer,
    CONSTRAINT u_check CHECK (odd.small(a)),
    CONSTRAINT u_other CHECK (a > 0)
);
ALTER TABLE odd.u ADD CONSTRAINT u_id CHECK (odd.small(id));
CREATE INDEX u_small ON odd.u USING btree (odd.small(a), id);
CREATE INDEX u_a ON odd.u USING btree (a);
CREATE TRIGGER u_always BEFORE INSERT ON odd.u FOR EACH ROW EXECUTE FUNCTION odd.always();
COMMENT ON CONSTRAINT u_check ON odd.u IS 'Small';
COMMENT ON COLUMN odd.u.is_small IS 'Whether it is small';
"""


def test_a_table_goes_with_what_its_parts_call_and_comes_back_with_its_rows(
    database_url: str,
) -> None:
    empty = files_catalog([SourceFile("odd/t.sql", TABLE)])
    full = files_catalog(
        [
            SourceFile("odd/t.sql", TABLE),
            SourceFile("odd/called.sql", CALLED),
            SourceFile("odd/u.sql", CALLING),
        ]
    )
    gone, back = draft(full, empty), draft(empty, full)
    assert OPEN not in gone.text + back.text
    assert gone.kept == ["table odd.u"]
    assert gone.loses == ["the last number of odd.numbers"]
    archive = (ROOT / "schema_new/_archive/archive.sql").read_text(encoding="utf-8")
    run_all(database_url, "CREATE SCHEMA odd", archive, TABLE, CALLED, CALLING)
    run_all(database_url, "INSERT INTO odd.u (a) VALUES (3), (4)")
    with connected(database_url, "test") as connection:
        wanted = snapshot(connection, schemas=["odd"])
    # There and back, and a database that was made without the table, so that nothing is archived.
    for emptied in (False, False, True):
        run_all(database_url, *gone.statements)
        if emptied:
            run_all(database_url, "DROP TABLE _archive.v2_u")
        run_all(database_url, *back.statements)
        with connected(database_url, "test") as connection:
            found = snapshot(connection, schemas=["odd"])
            rows = connection.exec_driver_sql("SELECT count(*) FROM odd.u").scalar()
        assert render_differences(differences(wanted, found)) == "", back.text
        assert rows == (0 if emptied else 2)


@pytest.mark.parametrize(
    ("goes", "stays", "point"),
    [
        (
            "CREATE FUNCTION odd.half(p_x integer) RETURNS integer LANGUAGE sql IMMUTABLE"
            " SECURITY INVOKER RETURN p_x / 2;",
            "CREATE TABLE odd.u (a integer, h integer GENERATED ALWAYS AS (odd.half(a)) STORED);",
            "odd.u.h is computed with a function that comes or goes with its table",
        ),
        (
            "CREATE TYPE odd.mood AS ENUM ('glad', 'sad');",
            "CREATE TABLE odd.u (a integer, m odd.mood[]);",
            "odd.mood cannot go, since the archived table needs it: odd.u.m has this type",
        ),
        (
            "CREATE DOMAIN odd.small AS integer CHECK (VALUE < 9);",
            "CREATE TABLE odd.u (a odd.small);",
            "odd.small cannot go, since the archived table needs it: odd.u.a has this type",
        ),
    ],
)
def test_what_an_archived_table_cannot_be_without_is_a_point_to_decide(
    goes: str, stays: str, point: str
) -> None:
    before = files_catalog([SourceFile("odd/a.sql", goes), SourceFile("odd/u.sql", stays)])
    drafted = draft(before, files_catalog([SourceFile("odd/t.sql", TABLE)]))
    assert f"{OPEN}: {point}" in drafted.text, drafted.text
    assert "DROP TYPE" not in drafted.text
    assert "DROP DOMAIN" not in drafted.text
