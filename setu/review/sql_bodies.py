"""The queries in the bodies of functions and DO blocks, as SQL of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql, parser

#: Where PL/pgSQL keeps the query that fills the target of its statement.
_FILLING = ("sqlstmt", "query")
#: A variable or a parameter's type that belongs to the repository, not to PostgreSQL.
_ROW_TYPE = re.compile(
    r"^(\s*[a-z_]\w*) [a-z_]\w*\.[a-z_]\w*(?:%ROWTYPE)?(?:\[\])?(?= *(?:;|:=))", re.MULTILINE
)
_ASSIGNED = re.compile(r"^\s*[a-z_][\w.]*(?:\[[^\]]*\])?\s*:?=\s*", re.IGNORECASE)
_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """SQL to check: a statement of a file, or a query in the body of a function."""

    file: str
    sql: str
    first_line: int
    node: Any
    start: int
    transactional: bool
    #: Whether it fills a variable of a table's own row type, where * is the row.
    fills_row: bool = False

    def line(self, position: int | None) -> int:
        """The line of the file on which a position of the SQL stands."""
        at = self.start if position is None or position < 0 else position
        data = self.sql.encode()[:at].decode(errors="ignore")
        return self.first_line + data.count("\n")


def is_a(node: Any, *kinds: Any) -> bool:
    """Whether a node is of one of the kinds; keeps mypy from narrowing it."""
    return isinstance(node, kinds)


def bodies_of(piece: Piece) -> Iterator[Piece]:
    """The queries in a function's body or a DO block, each as SQL of its own."""
    language, text = body_of(piece.node)
    if not text:
        return
    found = piece.sql.find(text, piece.start)
    first = piece.first_line + piece.sql.count("\n", 0, max(found, 0))
    if language == "sql":
        for statement in _parsed(text):
            location = statement.stmt_location or 0
            yield Piece(piece.file, text, first, statement.stmt, location, piece.transactional)
    elif language == "plpgsql":
        rows = {match[1].strip() for match in _ROW_TYPE.finditer(text)}
        for query, line, target in plpgsql_queries(readable(piece.node, text)):
            for statement in _parsed(query):
                yield Piece(
                    piece.file,
                    query,
                    first + line - 1,
                    statement.stmt,
                    0,
                    piece.transactional,
                    target in rows,
                )


def body_of(node: Any) -> tuple[str, str]:
    """Language and text of a function's body or a DO block; empty where there is none."""
    options = getattr(node, "options", None) or getattr(node, "args", None) or ()
    values: dict[str | None, Any] = {
        o.defname: o.arg for o in options if isinstance(o, ast.DefElem)
    }
    if not is_a(node, ast.CreateFunctionStmt, ast.DoStmt) or "as" not in values:
        return "", ""
    body = values["as"]
    language = values["language"].sval if "language" in values else "plpgsql"
    return language, body.sval if is_a(body, ast.String) else body[0].sval


def readable(node: Any, body: str) -> str:
    """The body in a function that libpg_query's PL/pgSQL parser reads: it knows no types but its
    own, and no variadic parameters. Lines stay.
    """
    body = _ROW_TYPE.sub(r"\1 record", body)
    parameters: list[str] = []
    returns = "void"
    if is_a(node, ast.CreateFunctionStmt):
        for parameter in node.parameters or ():
            out = {"o": "OUT", "t": "OUT", "b": "INOUT"}.get(parameter.mode.value, "")
            array = "[]" if parameter.argType.arrayBounds else ""
            parameters.append(f"{out} {parameter.name or ''} text{array}")
        kind = node.returnType
        if kind is not None:
            name = kind.names[-1].sval
            returns = name if name in ("trigger", "event_trigger", "void") else "text"
            returns = f"SETOF {returns}" if kind.setof else returns
        outs = sum("OUT " in parameter for parameter in parameters)
        if outs:
            several = "record" if outs > 1 else "text"
            returns = f"SETOF {several}" if returns.startswith("SETOF") else several
    head = f"CREATE FUNCTION f({', '.join(parameters)}) RETURNS {returns} LANGUAGE plpgsql"
    return f"{head} AS $lint_body${body}$lint_body$"


def _parsed(sql: str) -> Any:
    try:
        return parse_sql(sql)
    except parser.ParseError:
        return ()


def plpgsql_queries(sql: str) -> Iterator[tuple[str, int, str]]:
    """The SQL statements of a PL/pgSQL body, the line of the body on which each stands, and the
    row variable that it fills.
    """
    try:
        tree = parse_plpgsql(sql)
    except parser.ParseError:
        return  # _unread says so
    yield from _queries_below(json.loads(json.dumps(tree)), 1, "")


def _queries_below(node: Any, line: int, target: str) -> Iterator[tuple[str, int, str]]:
    if isinstance(node, list):
        for item in node:
            yield from _queries_below(item, line, target)
    elif isinstance(node, dict):
        line = int(node.get("lineno", line))
        filled = node.get("target") or node.get("var")
        if isinstance(filled, dict):
            target = filled.get("PLpgSQL_rec", {}).get("refname", "")
        expression = node.get("PLpgSQL_expr", {}).get("query", "")
        if _STATEMENT.match(expression):
            yield expression, line, target
        elif re.search(r"\bSELECT\b", expression, re.IGNORECASE):
            yield f"SELECT {_ASSIGNED.sub('', expression)}", line, ""
        for key, value in node.items():
            if key != "PLpgSQL_expr":
                yield from _queries_below(value, line, target if key in _FILLING else "")
