"""A difference of any kind, planted anywhere in v2, is found, named and classed, and nothing else.

And what is reported is all there is: the differences, made in v1's catalog, give v2's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import ast, parser
from pglast.enums import ConstrType
from pglast.stream import RawStream

from setu.catalog import Catalog, ObjectKey, differences
from setu.catalog.difference import applied
from setu.catalog.names import parts_of, quote_ident
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import SourceFile, files_below
from setu.chain.settings import Settings
from setu.review.changes import SchemaChange, changes_between
from tests.property.profile import cases
from tests.v1 import ROOT

#: (title, class) of each change that is expected.
Expected = set[tuple[str, str]]
Planted = tuple[list[SourceFile], Expected]
Draw = st.DataObject


@cache
def sources() -> tuple[SourceFile, ...]:
    """v2's files."""
    return tuple(files_below(ROOT / "schema_new"))


def parsed(files: Sequence[SourceFile]) -> Catalog:
    return parse_schema(files, settings=Settings().session_settings())


@cache
def v2() -> Catalog:
    return parsed(sources())


@cache
def pieces() -> tuple[tuple[int, slice, str], ...]:
    """Every statement: number of its file, place, kind of node."""
    found = []
    for number, file in enumerate(sources()):
        tree = parser.parse_sql(file.text)
        for raw, place in zip(tree, parser.split(file.text, only_slices=True), strict=True):
            found.append((number, place, type(raw.stmt).__name__))
    return tuple(found)


def edited(number: int, place: slice, text: str) -> list[SourceFile]:
    """v2's files with other text in one place."""
    files = list(sources())
    old = files[number]
    files[number] = SourceFile(old.name, old.text[: place.start] + text + old.text[place.stop :])
    return files


def without_comment(files: list[SourceFile], number: int, column: str) -> list[SourceFile]:
    """The files without the comment of a column, which stands in the file of its table."""
    file = files[number]
    named = re.escape(column).replace('"', '"?')
    said = rf"COMMENT ON COLUMN {named} IS\s+(?:'(?:[^']|'')*'\s*)+;\n"
    files[number] = SourceFile(file.name, re.sub(said, "", file.text))
    return files


def appended(statement: str) -> list[SourceFile]:
    """v2's files and one more."""
    return [*sources(), SourceFile("schema_new/zz.sql", f"{statement};\n")]


@cache
def prints(number: int, start: int, stop: int) -> bool:
    """Whether pglast's text of a statement can be parsed: a parameter `time` loses its quotes."""
    statement = parser.parse_sql(sources()[number].text[start:stop])[0].stmt
    try:
        return bool(parser.parse_sql(text(statement)))
    except parser.ParseError:
        return False


def drawn(data: Draw, kind: str, fits: Callable[[Any], bool] = bool) -> Any:
    """A statement of a kind: number of its file, place, node that may be changed."""
    found = [
        (number, place)
        for number, place, name in pieces()
        if name == kind
        and prints(number, place.start, place.stop)
        and fits(parser.parse_sql(sources()[number].text[place])[0].stmt)
    ]
    number, place = data.draw(st.sampled_from(found))
    return number, place, parser.parse_sql(sources()[number].text[place])[0].stmt


def labels(kind: str, *, having: str = "", lacking: str = "", under: str = "") -> Any:
    """Names of v2's objects of a kind, to draw from: with a field, without one, below a prefix."""
    return st.sampled_from(
        [
            key.name
            for key, fields in v2().objects.items()
            if key.kind == kind
            and key.name.startswith(under)
            and (not having or having in fields)
            and (not lacking or lacking not in fields)
        ]
    )


def table_of(node: ast.CreateStmt) -> str:
    relation: Any = node.relation
    return f"{relation.schemaname}.{relation.relname}"


def text(node: Any) -> str:
    return str(RawStream()(node))


def used(table: str) -> set[str]:
    """Columns of a table that anything else of it names."""
    words: set[str] = set()
    for key, fields in v2().objects.items():
        on_it = key.name.startswith(f"{table}.") or fields.get("table") == table
        if (on_it and key.kind != "column") or key.kind in ("hypertable", "dimension"):
            words |= set(re.findall(r"\w+", f"{key.name} {fields}"))
        if key.kind == "privilege" and f"{table}." in key.name:
            words |= set(re.findall(r"\w+", key.name))
        if key.kind == "column" and on_it and {"identity", "storage"} & fields.keys():
            words.add(key.name.split(".")[-1].strip('"'))
    return words


def free_columns(node: Any) -> list[Any]:
    """Columns of a table that can leave without anything else."""
    taken = used(table_of(node))
    return [
        element
        for element in node.tableElts
        if isinstance(element, ast.ColumnDef)
        and element.colname not in taken
        and not any(
            c.contype not in (ConstrType.CONSTR_NOTNULL, ConstrType.CONSTR_DEFAULT)
            for c in element.constraints or ()
        )
    ]


# Planters. Each says what it expects.


def column_added(data: Draw) -> Planted:
    table = data.draw(labels("table"))
    kind, risk = data.draw(
        st.sampled_from(
            [("text", "safe"), ("integer DEFAULT 7", "safe"), ("integer NOT NULL", "risky"),
             ("timestamptz DEFAULT clock_timestamp()", "risky"),
             ("bigint GENERATED ALWAYS AS IDENTITY", "risky")]
        )
    )  # fmt: skip
    files = appended(f"ALTER TABLE {table} ADD COLUMN planted {kind}")
    return files, {(f"add column {table}.planted", risk)}


def column_dropped(data: Draw) -> Planted:
    number, place, node = drawn(data, "CreateStmt", lambda n: bool(free_columns(n)))
    gone = data.draw(st.sampled_from(free_columns(node)))
    node.tableElts = tuple(e for e in node.tableElts if e is not gone)
    name = f"{table_of(node)}.{quote_ident(gone.colname)}"
    return without_comment(edited(number, place, text(node)), number, name), {
        (f"drop column {name}", "destructive")
    }


def column_renamed(data: Draw) -> Planted:
    number, place, node = drawn(data, "CreateStmt", lambda n: bool(free_columns(n)))
    column = data.draw(st.sampled_from(free_columns(node)))
    old, column.colname = column.colname, "planted"
    table = table_of(node)
    name = f"{table}.{quote_ident(old)}"
    files = without_comment(edited(number, place, text(node)), number, name)
    found = changes_between(v2(), parsed(files))
    added = [change.risk for change in found if change.action == "add"]
    return files, {
        (f"drop column {name}", "destructive"),
        (f"add column {table}.planted", added[0] if added else ""),
    }


def column_retyped(data: Draw) -> Planted:
    number, place, node = drawn(data, "CreateStmt", lambda n: bool(free_columns(n)))
    column = data.draw(st.sampled_from(free_columns(node)))
    before = v2().objects[ObjectKey("column", f"{table_of(node)}.{quote_ident(column.colname)}")][
        "type"
    ]
    after = "bytea" if before != "bytea" else "uuid"
    select: Any = parser.parse_sql(f"SELECT NULL::{after}")[0].stmt
    column.typeName = select.targetList[0].val.typeName
    name = f"{table_of(node)}.{quote_ident(column.colname)}"
    return edited(number, place, text(node)), {(f"change column {name}", "destructive")}


def columns_reordered(data: Draw) -> Planted:
    def columns(node: Any) -> list[int]:
        return [i for i, e in enumerate(node.tableElts) if isinstance(e, ast.ColumnDef)]

    number, place, node = drawn(data, "CreateStmt", lambda n: len(columns(n)) > 1)
    at = data.draw(st.sampled_from(columns(node)[:-1]))
    elements = list(node.tableElts)
    elements[at], elements[at + 1] = elements[at + 1], elements[at]
    node.tableElts = tuple(elements)
    return edited(number, place, text(node)), {(f"change table {table_of(node)}", "risky")}


def default_changed(data: Draw) -> Planted:
    name = data.draw(labels("column", having="type", lacking="identity"))
    table, _, column = name.rpartition(".")
    files = appended(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT NULL::text")
    return files, {(f"change column {name}", "safe")}


def null_refused(data: Draw) -> Planted:
    name = data.draw(labels("column", having="type", lacking="not_null"))
    table, _, column = name.rpartition(".")
    files = appended(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    return files, {(f"change column {name}", "risky")}


def check_added(data: Draw) -> Planted:
    table = data.draw(labels("table"))
    files = appended(f"ALTER TABLE {table} ADD CONSTRAINT planted CHECK (1 < 2)")
    return files, {(f"add constraint {table}.planted", "risky")}


def constraint_dropped(data: Draw) -> Planted:
    def constraints(node: Any) -> list[Any]:
        kinds = (ConstrType.CONSTR_CHECK, ConstrType.CONSTR_FOREIGN, ConstrType.CONSTR_UNIQUE)
        return [e for e in node.tableElts if isinstance(e, ast.Constraint) and e.contype in kinds]

    number, place, node = drawn(data, "CreateStmt", lambda n: bool(constraints(n)))
    gone = data.draw(st.sampled_from(constraints(node)))
    node.tableElts = tuple(e for e in node.tableElts if e is not gone)
    title = f"drop constraint {table_of(node)}.{gone.conname}"
    return edited(number, place, text(node)), {(title, "risky")}


def index_added(data: Draw) -> Planted:
    table = data.draw(labels("table"))
    column = data.draw(st.sampled_from(v2().objects[ObjectKey("table", table)]["columns"]))
    schema = table.split(".")[0]
    files = appended(f"CREATE INDEX planted ON {table} ({quote_ident(column)})")
    return files, {(f"add index {schema}.planted", "risky")}


def index_dropped(data: Draw) -> Planted:
    number, place, node = drawn(data, "IndexStmt")
    title = f"drop index {node.relation.schemaname}.{node.idxname}"
    return edited(number, place, "SELECT 1"), {(title, "risky")}


def index_changed(data: Draw) -> Planted:
    number, place, node = drawn(data, "IndexStmt", lambda n: n.whereClause is None)
    title = f"change index {node.relation.schemaname}.{node.idxname}"
    body = sources()[number].text[place]
    return edited(number, place, f"{body} WHERE 1 < 2"), {(title, "risky")}


def sequence_changed(data: Draw) -> Planted:
    number, place, _ = drawn(data, "AlterTableStmt", lambda n: "IDENTITY" in text(n))
    body = sources()[number].text[place]
    files = edited(number, place, body.replace("CACHE 1", "CACHE 50"))
    table = re.search(r"TABLE (\S+)", body)
    assert table
    return files, {(f"change sequence {table[1]}_id_seq", "risky")}


def function_of(node: Any) -> str:
    kind = "procedure" if node.is_procedure else "function"
    prefix = f"{'.'.join(parts_of(node.funcname))}("
    types = len([p for p in node.parameters or () if p.mode.name != "FUNC_PARAM_TABLE"])
    return next(
        str(key)
        for key in v2()
        if key.kind == kind
        and key.name.startswith(prefix)
        and (key.name.count(", ") + 1 if "()" not in key.name else 0) == types
    )


def _overloaded(node: Any) -> bool:
    prefix = f"{'.'.join(parts_of(node.funcname))}("
    return (
        len([k for k in v2() if k.kind in ("function", "procedure") and k.name.startswith(prefix)])
        > 1
    )


def function_body_changed(data: Draw) -> Planted:
    number, place, node = drawn(
        data, "CreateFunctionStmt", lambda n: n.sql_body is None and not _overloaded(n)
    )
    body = sources()[number].text[place]
    end = body.rindex("$")
    start = body.rindex("$", 0, end)
    files = edited(number, place, f"{body[:start]}-- planted\n{body[start:]}")
    return files, {(f"change {function_of(node)}", "risky")}


def _option(node: Any, name: str) -> Any:
    return next((o for o in node.options if o.defname == name), None)


def volatility_changed(data: Draw) -> Planted:
    number, place, node = drawn(
        data,
        "CreateFunctionStmt",
        lambda n: _option(n, "volatility") is not None and not _overloaded(n),
    )
    option = _option(node, "volatility")
    option.arg = ast.String(sval="volatile" if option.arg.sval != "volatile" else "stable")
    return edited(number, place, text(node)), {(f"change {function_of(node)}", "risky")}


def security_changed(data: Draw) -> Planted:
    number, place, node = drawn(
        data,
        "CreateFunctionStmt",
        lambda n: _option(n, "security") is not None and not _overloaded(n),
    )
    option = _option(node, "security")
    option.arg = ast.Boolean(boolval=not option.arg.boolval)
    return edited(number, place, text(node)), {(f"change {function_of(node)}", "risky")}


def search_path_dropped(data: Draw) -> Planted:
    number, place, node = drawn(
        data, "CreateFunctionStmt", lambda n: _option(n, "set") is not None and not _overloaded(n)
    )
    gone = _option(node, "set")
    node.options = tuple(o for o in node.options if o is not gone)
    return edited(number, place, text(node)), {(f"change {function_of(node)}", "risky")}


def function_added(data: Draw) -> Planted:
    kind = data.draw(st.sampled_from(["FUNCTION", "PROCEDURE"]))
    returns = "RETURNS integer " if kind == "FUNCTION" else ""
    files = appended(f"CREATE {kind} master.planted() {returns}LANGUAGE sql AS 'SELECT 1'")
    return files, {(f"add {kind.lower()} master.planted()", "safe")}


def trigger_added(data: Draw) -> Planted:
    table = data.draw(labels("table"))
    files = appended(
        f"CREATE TRIGGER planted AFTER INSERT ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION master.fn_refuse_shift_overlap()"
    )
    return files, {(f"add trigger {table}.planted", "risky")}


def trigger_dropped(data: Draw) -> Planted:
    number, place, node = drawn(data, "CreateTrigStmt")
    title = f"drop trigger {node.relation.schemaname}.{node.relation.relname}.{node.trigname}"
    return edited(number, place, "SELECT 1"), {(title, "risky")}


def view_changed(data: Draw) -> Planted:
    number, place, node = drawn(data, "ViewStmt", lambda n: n.query.limitCount is None)
    title = f"change view {node.view.schemaname}.{node.view.relname}"
    body = sources()[number].text[place]
    return edited(number, place, f"{body} LIMIT 7"), {(title, "risky")}


def view_added(data: Draw) -> Planted:
    return appended("CREATE VIEW gold.planted AS SELECT 1 AS one"), {
        ("add view gold.planted", "safe")
    }


def aggregate_changed(data: Draw) -> Planted:
    number, place, node = drawn(data, "CreateTableAsStmt")
    body = sources()[number].text[place]
    title = f"change continuous aggregate {node.into.rel.schemaname}.{node.into.rel.relname}"
    files = edited(number, place, body.replace("\nGROUP BY", "\nWHERE 1 < 2\nGROUP BY", 1))
    return files, {(title, "destructive")}


def chunk_width_changed(data: Draw) -> Planted:
    name = data.draw(labels("dimension", under="silver."))
    table, _, _column = name.rpartition(".")
    files = appended(f"SELECT set_chunk_time_interval('{table}', INTERVAL '3 days')")
    return files, {(f"change dimension {name}", "safe")}


def column_store_changed(data: Draw) -> Planted:
    number, place, node = drawn(data, "AlterTableStmt", lambda n: "segmentby" in text(n))
    body = sources()[number].text[place]
    table = f"{node.relation.schemaname}.{node.relation.relname}"
    files = edited(number, place, body.replace("'machine_iot_id'", "'company_iot_id'"))
    return files, {(f"change hypertable {table}", "risky")}


def retention_added(data: Draw) -> Planted:
    table = data.draw(labels("hypertable", under="bronze."))
    files = appended(f"SELECT add_retention_policy('{table}', INTERVAL '9 days')")
    name = f"_timescaledb_functions.policy_retention on {table}"
    return files, {(f"add job {name}", "destructive")}


def refresh_dropped(data: Draw) -> Planted:
    number, place, node = drawn(
        data, "SelectStmt", lambda n: "add_continuous_aggregate_policy" in text(n)
    )
    aggregate = re.search(r"'(gold\.\w+)'", text(node))
    assert aggregate
    name = f"_timescaledb_functions.policy_refresh_continuous_aggregate on {aggregate[1]}"
    return edited(number, place, "SELECT 1"), {(f"drop job {name}", "risky")}


def job_added(data: Draw) -> Planted:
    files = appended("SELECT add_job('master.fn_planted', INTERVAL '1 hour')")
    return files, {("add job master.fn_planted", "risky")}


def right_granted(data: Draw) -> Planted:
    table = data.draw(labels("table"))
    role, risk = data.draw(st.sampled_from([("PUBLIC", "risky"), ("planted", "safe")]))
    return appended(f"GRANT TRUNCATE ON {table} TO {role}"), {
        (f"add privilege table {table} to {role}", risk)
    }


def right_revoked(data: Draw) -> Planted:
    name = data.draw(labels("privilege", under="table "))
    table, _, role = name.removeprefix("table ").rpartition(" to ")
    return appended(f"REVOKE ALL ON {table} FROM {role}"), {
        (f"drop privilege {name}", "destructive")
    }


def role_added(data: Draw) -> Planted:
    return appended("CREATE ROLE setu_planted"), {("add role setu_planted", "safe")}


def role_setting_added(data: Draw) -> Planted:
    role = data.draw(labels("role"))
    return appended(f"ALTER ROLE {role} SET work_mem = '7MB'"), {
        (f"add role setting {role}.work_mem", "risky")
    }


def comment_changed(data: Draw) -> Planted:
    kind = data.draw(st.sampled_from(["table", "column"]))
    name = data.draw(labels(kind, having="type" if kind == "column" else ""))
    had = "comment" in v2().objects[ObjectKey(kind, name)]
    return appended(f"COMMENT ON {kind.upper()} {name} IS 'planted'"), {
        (f"{'change' if had else 'add'} comment of {kind} {name}", "safe")
    }


def table_added(data: Draw) -> Planted:
    schema = data.draw(st.sampled_from(["master", "silver", "gold"]))
    return appended(f"CREATE TABLE {schema}.planted (id integer PRIMARY KEY)"), {
        (f"add table {schema}.planted", "safe")
    }


def object_dropped(data: Draw) -> Planted:
    """A view's file goes."""
    views = [f for f in sources() if "/Views/" in f.name]
    gone = data.draw(st.sampled_from(views))
    schema, name = gone.name.split("/")[1], gone.name.rsplit("/", 1)[1].removesuffix(".sql")
    return [f for f in sources() if f != gone], {(f"drop view {schema}.{name}", "destructive")}


def identity_changed(data: Draw) -> Planted:
    number, place, node = drawn(data, "AlterTableStmt", lambda n: "IDENTITY" in text(n))
    body = sources()[number].text[place]
    table = f"{node.relation.schemaname}.{node.relation.relname}"
    files = edited(number, place, body.replace("GENERATED ALWAYS", "GENERATED BY DEFAULT"))
    return files, {(f"change column {table}.id", "risky")}


def signature_changed(data: Draw) -> Planted:
    number, place, node = drawn(
        data,
        "CreateFunctionStmt",
        lambda n: not _overloaded(n) and not n.is_procedure and n.sql_body is None,
    )
    kind, _, old = function_of(node).partition(" ")
    head, _, tail = old.partition("(")
    new = f"{head}({tail[:-1]}{', ' if tail != ')' else ''}p_planted integer)"
    made: Any = parser.parse_sql("CREATE FUNCTION f(p_planted integer) RETURNS integer AS ''")[0]
    parameters = list(node.parameters or ())
    tables = [p for p in parameters if p.mode.name == "FUNC_PARAM_TABLE"]
    others = [p for p in parameters if p not in tables]
    node.parameters = (*others, *made.stmt.parameters, *tables)
    return edited(number, place, text(node)), {(f"change {kind} {new}", "destructive")}


def constraint_changed(data: Draw) -> Planted:
    def checks(node: Any) -> list[Any]:
        return [
            e
            for e in node.tableElts
            if isinstance(e, ast.Constraint) and e.contype == ConstrType.CONSTR_CHECK
        ]

    number, place, node = drawn(data, "CreateStmt", lambda n: bool(checks(n)))
    changed = data.draw(st.sampled_from(checks(node)))
    select: Any = parser.parse_sql("SELECT 1 < 2")[0].stmt
    changed.raw_expr = select.targetList[0].val
    title = f"change constraint {table_of(node)}.{changed.conname}"
    return edited(number, place, text(node)), {(title, "risky")}


def materialized_only_changed(data: Draw) -> Planted:
    name = data.draw(labels("continuous aggregate"))
    value = str(not v2().objects[ObjectKey("continuous aggregate", name)]["materialized_only"])
    files = appended(
        f"ALTER MATERIALIZED VIEW {name} SET (timescaledb.materialized_only = {value.lower()})"
    )
    return files, {(f"change continuous aggregate {name}", "safe")}


def schedule_changed(data: Draw) -> Planted:
    number, place, node = drawn(
        data, "SelectStmt", lambda n: "add_continuous_aggregate_policy" in text(n)
    )
    aggregate = re.search(r"'(gold\.\w+)'", text(node))
    assert aggregate
    body = re.sub(
        r"schedule_interval => INTERVAL '[^']+'",
        "schedule_interval => INTERVAL '7 hours'",
        sources()[number].text[place],
    )
    name = f"_timescaledb_functions.policy_refresh_continuous_aggregate on {aggregate[1]}"
    return edited(number, place, body), {(f"change job {name}", "risky")}


def role_changed(data: Draw) -> Planted:
    role = data.draw(labels("role"))
    [number] = [n for n, file in enumerate(sources()) if file.name == "schema_new/roles.sql"]
    text_of_roles = sources()[number].text
    found = re.search(rf"'{role}', '((?:NO)?LOGIN)'", text_of_roles)
    assert found
    return edited(number, slice(*found.span(1)), f"{found[1]} CREATEDB"), {
        (f"change role {role}", "risky")
    }


def membership_added(data: Draw) -> Planted:
    role = data.draw(labels("role"))
    return appended(f"GRANT pg_monitor TO {role}"), {
        (f"add membership {role} in pg_monitor", "risky")
    }


PLANTERS = (
    identity_changed, signature_changed, constraint_changed, materialized_only_changed,
    schedule_changed, role_changed, membership_added,
    column_added, column_dropped, column_renamed, column_retyped, columns_reordered,
    default_changed, null_refused, check_added, constraint_dropped, index_added, index_dropped,
    index_changed, sequence_changed, function_body_changed, volatility_changed, security_changed,
    search_path_dropped, function_added, trigger_added, trigger_dropped, view_changed, view_added,
    aggregate_changed, chunk_width_changed, column_store_changed, retention_added,
    refresh_dropped, job_added, right_granted, right_revoked, role_added, role_setting_added,
    comment_changed, table_added, object_dropped,
)  # fmt: skip


def named(changes: Sequence[SchemaChange]) -> Expected:
    return {(change.title, change.risk) for change in changes}


@pytest.mark.parametrize("plant", PLANTERS, ids=lambda plant: plant.__name__)
@cases(4)
@given(data=st.data())
def test_a_planted_difference_is_found_named_and_classed_and_nothing_else(
    plant: Callable[[Draw], Planted], data: Draw
) -> None:
    files, expected = plant(data)
    changed = parsed(files)
    assert named(changes_between(v2(), changed)) == expected
    # The other way round as many, and the differences alone lead from one to the other.
    assert len(changes_between(changed, v2())) == len(expected)
    found = differences(v2(), changed)
    assert differences(applied(v2(), found), changed) == []


@pytest.mark.parametrize(
    ("statement", "title", "risk"),
    [
        ("CREATE SCHEMA planted", "schema planted", "destructive"),
        ("CREATE TABLE master.planted (id serial PRIMARY KEY)", "table master.planted",
         "destructive"),
        ("CREATE SEQUENCE master.planted", "sequence master.planted", "destructive"),
        ("CREATE FUNCTION gold.planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
         "function gold.planted()", "destructive"),
        ("CREATE PROCEDURE gold.planted() LANGUAGE sql AS 'SELECT 1'",
         "procedure gold.planted()", "destructive"),
        ("CREATE VIEW gold.planted AS SELECT 1 AS one", "view gold.planted", "destructive"),
        ("CREATE ROLE setu_planted", "role setu_planted", "destructive"),
        ("CREATE TYPE gold.planted AS ENUM ('a')", "enum gold.planted", "destructive"),
        ("CREATE DOMAIN gold.planted AS integer CHECK (VALUE > 1)", "domain gold.planted",
         "destructive"),
        ("GRANT SELECT (user_id) ON master.users TO planted",
         "privilege column master.users.user_id to planted", "destructive"),
        ("SELECT add_job('master.fn_planted', INTERVAL '1 hour')", "job master.fn_planted",
         "risky"),
    ],
)  # fmt: skip
def test_what_comes_and_what_goes_is_one_change_and_has_its_class(
    statement: str, title: str, risk: str
) -> None:
    more = parsed(appended(statement))
    assert named(changes_between(more, v2())) == {(f"drop {title}", risk)}
    [come] = changes_between(v2(), more)
    assert come.title == f"add {title}"
    assert come.risk in ("safe", "risky")


def test_another_time_column_is_named() -> None:
    name = "schema_new/silver/Tables/machine_cycles.sql"
    [number] = [n for n, file in enumerate(sources()) if file.name == name]
    found = re.search(r"by_range\('(cycle_start)'", sources()[number].text)
    assert found
    files = edited(number, slice(*found.span(1)), "created_at")
    told = named(changes_between(v2(), parsed(files)))
    assert ("drop dimension silver.machine_cycles.cycle_start", "destructive") in told
    assert ("add dimension silver.machine_cycles.created_at", "risky") in told
    assert {title.rpartition(" ")[2].rpartition(".")[0] for title, _ in told} <= {
        "silver.machine_cycles", "silver"
    }  # fmt: skip


@cases(20)
@given(data=st.data())
def test_two_differences_are_found_as_two(data: Draw) -> None:
    added = column_added(data)[0][-1]
    commented = comment_changed(data)[0][-1]
    files = [*sources(), added, SourceFile("schema_new/zzz.sql", commented.text)]
    assert len(changes_between(v2(), parsed(files))) == 2


def test_the_differences_of_v1_made_in_its_catalog_give_v2() -> None:
    v1 = parsed(files_below(ROOT / "schema"))
    assert differences(applied(v1, differences(v1, v2())), v2()) == []


def test_every_difference_is_part_of_a_change_or_follows_from_one() -> None:
    v1 = parsed(files_below(ROOT / "schema"))
    found = changes_between(v1, v2())
    told = {change.key for change in found} | {part for c in found for part in c.parts}
    for entry in differences(v1, v2()):
        if entry.key in told or entry.key.kind in ("function", "procedure", "privilege"):
            continue
        # An index of a constraint, a sequence of a column, what belongs to a view or an aggregate.
        assert entry.key.kind in ("index", "sequence", "column", "view", "hypertable"), entry.key
