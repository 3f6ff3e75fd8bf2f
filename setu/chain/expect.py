"""What ``verify.sql`` can expect of ``up.sql`` without being told.

The directive ``-- @expect up.sql`` becomes statements which raise unless each schema, table,
column, view, index, constraint, routine and trigger that ``up.sql`` makes is there when it ends,
and each that it drops is gone. It cannot know what no statement names: rows, jobs, policies, and
text that EXECUTE runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import AlterTableType, ObjectType

from setu.chain.script import COMMUNITY, Script
from setu.errors import StepError

DIRECTIVE = "-- @expect up.sql"
_Expectation = tuple[str, str]
#: What fits behind the indentation of the list, with a comma.
_ROW_LENGTH = 91
_RELATIONS = {
    ObjectType.OBJECT_TABLE: "table",
    ObjectType.OBJECT_VIEW: "view",
    ObjectType.OBJECT_MATVIEW: "view",
    ObjectType.OBJECT_INDEX: "index",
    ObjectType.OBJECT_SEQUENCE: "sequence",
}
_ROUTINES = (
    ObjectType.OBJECT_FUNCTION,
    ObjectType.OBJECT_PROCEDURE,
    ObjectType.OBJECT_ROUTINE,
)


def expectations(up: Script) -> str:
    """SQL that raises unless what a step made is there, and what it dropped is gone.

    Raises :class:`StepError` when the step makes and drops nothing that a statement names.
    """
    found: dict[_Expectation, tuple[bool, bool]] = {}
    for statement in up.all_statements:
        for expected, there in _effects(parse_sql(statement.text)[0].stmt):
            # What comes last counts: a view that is dropped and made again is there.
            found.pop(expected, None)
            found[expected] = (there, statement.community)
    rows: dict[bool, list[str]] = {False: [], True: []}
    for (kind, name), (there, community) in found.items():
        rows[community].append(_row(kind, name, there))
    text = "\n\n".join(_block(rows[community], community) for community in rows if rows[community])
    if not text:
        raise StepError(
            f"'{DIRECTIVE}' finds nothing in {up.file} that it could expect.",
            hint="Write in verify.sql what must hold after the step",
        )
    return text


def _block(rows: list[str], community: bool) -> str:
    mark = f"{COMMUNITY}\n" if community else ""
    listed = ",\n        ".join(rows)
    return f"""{mark}DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(e.what, ', ')
    INTO v_wrong
    FROM (VALUES
        {listed}
    ) AS e (what, holds)
    WHERE e.holds IS NOT TRUE;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the step did not do what it should' USING DETAIL = v_wrong;
    END IF;
END
$verify$;"""


def _row(kind: str, name: str, there: bool) -> str:
    """A row of the list: on one line where it fits, else clause by clause."""
    text = _quoted(f"{kind} {name} {'is missing' if there else 'is still there'}")
    query, *clauses = _condition(kind, name)
    if not clauses:
        condition = query if there else f"NOT ({query})"
        row = f"({text}, {condition})"
        return (
            row
            if len(row) <= _ROW_LENGTH
            else f"(\n            {text},\n            {condition}\n        )"
        )
    head = "EXISTS (" if there else "NOT EXISTS ("
    lines = [f"WHERE {clauses[0]}", *(f"    AND {clause}" for clause in clauses[1:])]
    where = "".join(f"\n                {_folded(line)}" for line in lines)
    return (
        f"(\n            {text},\n            {head}"
        f"\n                {query}{where}\n            )\n        )"
    )


def _folded(line: str) -> str:
    """A condition whose long name stands on a line of its own."""
    if len(line) <= _ROW_LENGTH - 8:
        return line
    return line.replace("(", "(\n                    ", 1).removesuffix(")") + "\n                )"


def _condition(kind: str, name: str) -> tuple[str, ...]:
    """What is true where an object is there: an expression, or a query and its conditions."""
    schema, _, rest = name.partition(".")
    owner, _, member = rest.partition(".")
    if kind == "schema":
        return (f"to_regnamespace({_quoted(name)}) IS NOT NULL",)
    if kind == "routine":
        return (
            "SELECT 1 FROM pg_proc AS p",
            f"p.pronamespace = to_regnamespace({_quoted(schema)})",
            f"p.proname = {_quoted(rest)}",
        )
    table = f"to_regclass({_quoted(f'{schema}.{owner}')})"
    if kind == "column":
        return (
            "SELECT 1 FROM pg_attribute AS a",
            f"a.attrelid = {table}",
            f"a.attname = {_quoted(member)}",
            "NOT a.attisdropped",
        )
    if kind == "constraint":
        return (
            "SELECT 1 FROM pg_constraint AS c",
            f"c.conrelid = {table}",
            f"c.conname = {_quoted(member)}",
        )
    if kind == "trigger":
        return (
            "SELECT 1 FROM pg_trigger AS t",
            f"t.tgrelid = {table}",
            f"t.tgname = {_quoted(member)}",
        )
    if kind == "index":
        return (
            "SELECT 1 FROM pg_index AS i",
            f"i.indexrelid = to_regclass({_quoted(name)})",
            "i.indisvalid",
        )
    return (f"to_regclass({_quoted(name)}) IS NOT NULL",)


def _effects(node: Any) -> Iterator[tuple[_Expectation, bool]]:
    """What a statement makes (true) and drops (false)."""
    if isinstance(node, ast.CreateSchemaStmt):
        yield ("schema", str(node.schemaname)), True
    elif isinstance(node, ast.CreateStmt):
        yield ("table", _relation(node.relation)), True
    elif isinstance(node, ast.ViewStmt):
        yield ("view", _relation(node.view)), True
    elif isinstance(node, ast.CreateTableAsStmt):
        kind = "view" if node.objtype == ObjectType.OBJECT_MATVIEW else "table"
        into: Any = node.into
        yield (kind, _relation(into.rel)), True
    elif isinstance(node, ast.IndexStmt) and node.idxname:
        schema = _relation(node.relation).partition(".")[0]
        yield ("index", f"{schema}.{node.idxname}"), True
    elif isinstance(node, ast.CreateFunctionStmt):
        yield ("routine", _names(node.funcname)), True
    elif isinstance(node, ast.CreateTrigStmt):
        yield ("trigger", f"{_relation(node.relation)}.{node.trigname}"), True
    elif isinstance(node, ast.AlterTableStmt):
        yield from _table_effects(node)
    elif isinstance(node, ast.RenameStmt):
        yield from _renamed(node)
    elif isinstance(node, ast.DropStmt):
        yield from _dropped(node)


def _table_effects(node: ast.AlterTableStmt) -> Iterator[tuple[_Expectation, bool]]:
    table = _relation(node.relation)
    for command in node.cmds or ():
        definition: Any = command.def_
        if command.subtype == AlterTableType.AT_AddColumn:
            yield ("column", f"{table}.{definition.colname}"), True
        elif command.subtype == AlterTableType.AT_DropColumn:
            yield ("column", f"{table}.{command.name}"), False
        elif command.subtype == AlterTableType.AT_AddConstraint and definition.conname:
            yield ("constraint", f"{table}.{definition.conname}"), True
        elif command.subtype == AlterTableType.AT_DropConstraint:
            yield ("constraint", f"{table}.{command.name}"), False


def _renamed(node: ast.RenameStmt) -> Iterator[tuple[_Expectation, bool]]:
    if node.renameType == ObjectType.OBJECT_COLUMN and node.relation:
        table = _relation(node.relation)
        yield ("column", f"{table}.{node.subname}"), False
        yield ("column", f"{table}.{node.newname}"), True
    elif node.renameType in _RELATIONS and node.relation:
        kind, name = _RELATIONS[node.renameType], _relation(node.relation)
        yield (kind, name), False
        yield (kind, f"{name.partition('.')[0]}.{node.newname}"), True


def _dropped(node: ast.DropStmt) -> Iterator[tuple[_Expectation, bool]]:
    for target in node.objects or ():
        named: Any = target
        if node.removeType in _RELATIONS:
            yield (_RELATIONS[node.removeType], _names(named)), False
        elif node.removeType in _ROUTINES:
            yield ("routine", _names(named.objname)), False
        elif node.removeType == ObjectType.OBJECT_TRIGGER:
            yield ("trigger", _names(named)), False
        elif node.removeType == ObjectType.OBJECT_SCHEMA:
            yield ("schema", named.sval), False


def _relation(node: Any) -> str:
    return f"{node.schemaname or 'public'}.{node.relname}"


def _names(nodes: Any) -> str:
    names = [node.sval for node in nodes]
    return ".".join(names if len(names) > 1 else ["public", *names])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
