"""Rules for the SQL of the repository, checked on PostgreSQL's own parse tree.

A rule is broken on purpose only with a comment above the statement:
``-- lint: allow <rule>: <reason>``; ``allow-file`` at the head of a file is for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql, parser
from pglast.enums import DropBehavior
from pglast.visitors import Visitor

from setu.chain.script import read_sql
from setu.review.sql_bodies import Piece, bodies_of, body_of, is_a, plpgsql_queries, readable

LINE_LENGTH = 100
FOLDERS = ("schema", "schema_new", "sql")
#: Queries of setu itself; some are parts of others and do not parse alone.
QUERIES = "setu"

_ALLOWED = re.compile(r"--\s*lint: allow ([a-z-]+): \S")
_ALLOWED_IN_FILE = re.compile(r"^--\s*lint: allow-file ([a-z-]+): \S", re.MULTILINE)
_JOIN_TYPES = {"INNER_P", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER_P", "NATURAL"}
_TIMESCALE_CALLS = {
    "add_columnstore_policy",
    "add_compression_policy",
    "add_continuous_aggregate_policy",
    "add_job",
    "add_retention_policy",
    "create_hypertable",
}
_LITERALS = {"true", "false", "current_user", "session_user", "current_timestamp"}
_COMMENTS = ("SQL_COMMENT", "C_COMMENT")
_SWALLOWS = re.compile(r"WHEN\s+OTHERS\s+THEN\s+(?:NULL\s*;\s*)?END\b", re.IGNORECASE)
_STATES_CODE = re.compile(r"\bERRCODE\s*=|^\s*$", re.IGNORECASE)
_RAISE = re.compile(r"\bRAISE\s+EXCEPTION\b(?P<rest>[^;]*);", re.IGNORECASE)


@dataclass(frozen=True)
class Violation:
    """A place where a rule is broken: file relative to the root, line, the rule, what is wrong."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def check_style(root: Path) -> list[Violation]:
    """All broken rules in the SQL of a repository, by file and line."""
    found: list[Violation] = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.sql")):
            if not path.name.endswith(".sqlite.sql"):
                relative = str(path.relative_to(root))
                found += check_text(read_sql(path, relative), relative)
    for path in sorted((root / QUERIES).rglob("*.sql")):
        if "node_modules" not in path.parts:
            relative = str(path.relative_to(root))
            found += _lines(read_sql(path, relative), relative)
    return found


def check_text(text: str, file: str) -> list[Violation]:
    """All broken rules in one file. Text that does not parse is left to the chain's own lint."""
    found = list(_lines(text, file))
    try:
        tokens = parser.scan(text)
        statements = parse_sql(text)
    except parser.ParseError:
        return found
    found += _tokens(text, file, tokens)
    transactional = not re.search(r"^-- transaction: no\b", text, re.MULTILINE)
    for statement in statements:
        start = _first_code(text, statement.stmt_location or 0, tokens)
        piece = Piece(file, text, 1, statement.stmt, start, transactional)
        for nested in (piece, *bodies_of(piece)):
            for rule in _RULES:
                found += rule(nested)
    allowed = _allowances(text, statements, tokens)
    everywhere = {match[1] for match in _ALLOWED_IN_FILE.finditer(text)}
    kept = {
        violation
        for violation in found
        if violation.rule not in everywhere
        and (violation.rule, _statement_of(violation.line, allowed)) not in allowed
    }
    return sorted(kept, key=lambda v: (v.line, v.rule, v.message))


def _first_code(text: str, location: int, tokens: Any) -> int:
    for token in tokens:
        if token.start >= location and token.name not in _COMMENTS:
            return int(token.start)
    return location


def _allowances(text: str, statements: Any, tokens: Any) -> dict[tuple[str, int], int]:
    """(rule, first line) → last line of the statements for which a rule is waived."""
    allowed: dict[tuple[str, int], int] = {}
    before = 0
    for statement in statements:
        location = statement.stmt_location or 0
        start = _first_code(text, location, tokens)
        end = location + (statement.stmt_len or len(text) - location)
        first = text.count("\n", 0, start) + 1
        for match in _ALLOWED.finditer(text, before, start):
            allowed[(match[1], first)] = text.count("\n", 0, end) + 1
        before = end
    return allowed


def _statement_of(line: int, allowed: dict[tuple[str, int], int]) -> int:
    for (_, first), last in allowed.items():
        if first <= line <= last:
            return first
    return line


def _lines(text: str, file: str) -> Iterator[Violation]:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LINE_LENGTH:
            yield Violation(file, number, "line-length", f"{len(line)} columns, not {LINE_LENGTH}")
        if "\t" in line:
            yield Violation(file, number, "tabs", "a tab; indent with four spaces")


def _tokens(text: str, file: str, tokens: Any) -> Iterator[Violation]:
    """Rules about how words are written."""
    raw = text.encode()
    previous = ""
    for token in tokens:
        word = raw[token.start : token.end + 1].decode(errors="replace")
        if len(raw) != len(text):
            word = text[token.start : token.end + 1]
        line = text.count("\n", 0, token.start) + 1
        if token.name in _COMMENTS:
            continue
        if token.kind == "RESERVED_KEYWORD" and not word.isupper() and word not in _LITERALS:
            yield Violation(file, line, "keywords", f"write {word.upper()}, not {word}")
        elif token.name == "IDENT" and _is_mixed(word):
            yield Violation(file, line, "names", f"write {word.lower()}, not {word}")
        elif token.name == "JOIN" and previous not in _JOIN_TYPES:
            yield Violation(file, line, "join-type", "say INNER JOIN, LEFT JOIN, …")
        elif token.name == "SCONST" and word.startswith("$$"):
            yield Violation(file, line, "dollar-tag", "give the dollar quotes a tag")
        if token.name == "SCONST" and word.startswith("$"):
            yield from _body_words(word, file, line)
        previous = token.name


def _is_mixed(word: str) -> bool:
    return not word.startswith('"') and not word.islower() and not word.isupper()


def _body_words(body: str, file: str, line: int) -> Iterator[Violation]:
    """Rules for what the parser of queries does not see: RAISE and exception handlers."""
    bare = re.sub(r"--[^\n]*", lambda m: " " * len(m[0]), body)
    for match in _SWALLOWS.finditer(bare):
        at = line + body.count("\n", 0, match.start())
        yield Violation(file, at, "swallow", "WHEN OTHERS swallows what went wrong")
    if file.endswith("/verify.sql") or "/standing/" in file:
        return
    for match in _RAISE.finditer(bare):
        at = line + body.count("\n", 0, match.start())
        if not _STATES_CODE.search(match["rest"]):
            yield Violation(file, at, "raise-errcode", "state an ERRCODE")


class _Collector(Visitor):
    """Keeps every node of a tree."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Any] = []

    def visit(self, ancestors: Any, node: Any) -> None:  # noqa: ARG002
        self.nodes.append(node)


def _nodes(root: Any, kind: Any = object) -> list[Any]:
    """The nodes of a kind in a tree, the root among them."""
    collector = _Collector()
    collector(root)
    return [node for node in collector.nodes if isinstance(node, kind)]


def _qualified(piece: Piece) -> Iterator[Violation]:
    if is_a(piece.node, ast.RenameStmt, ast.CommentStmt, ast.GrantRoleStmt):
        return
    local = {node.ctename for node in _nodes(piece.node, ast.CommonTableExpr)}
    local |= {node.name for node in _nodes(piece.node, ast.TriggerTransition)}
    local |= set(re.findall(r"CREATE TEMP(?:ORARY)? TABLE (\w+)", piece.sql))
    for node in _nodes(piece.node, ast.RangeVar):
        name = node.relname
        # pg_catalog comes first in every path. A trigger's transition tables have no schema; by
        # convention their names end in _rows.
        made_up = name in local or name.startswith("pg_") or name.endswith("_rows")
        if not node.schemaname and not made_up:
            yield Violation(
                piece.file, piece.line(node.location), "qualified", f"name the schema of {name}"
            )


def _column_lists(piece: Piece) -> Iterator[Violation]:
    for node in () if piece.fills_row else _nodes(piece.node, ast.ResTarget):
        value = node.val
        if is_a(value, ast.ColumnRef) and is_a(value.fields[-1], ast.A_Star):
            line = piece.line(value.location)
            yield Violation(piece.file, line, "star", "write the columns out, not *")
    for node in _nodes(piece.node, ast.InsertStmt):
        if not node.cols and node.selectStmt is not None:
            line = piece.line(node.relation.location)
            message = f"list the columns of {node.relation.relname} that are inserted"
            yield Violation(piece.file, line, "column-list", message)


def _functions(piece: Piece) -> Iterator[Violation]:
    node = piece.node
    if not is_a(node, ast.CreateFunctionStmt):
        return
    given: dict[str, Any] = {option.defname: option.arg for option in node.options or ()}
    text = given["as"][0].sval if "as" in given else ""
    language = given["language"].sval if "language" in given else ""
    wanted = {"language": "LANGUAGE"}
    if not node.is_procedure:
        wanted |= {"volatility": "IMMUTABLE, STABLE or VOLATILE", "security": "SECURITY …"}
    commits = node.is_procedure and re.search(r"\bCOMMIT\b|\bROLLBACK\b|\bCALL\b", text)
    # PostgreSQL does not inline an SQL function that has settings of its own.
    if not commits and language != "sql":
        wanted["set"] = "SET search_path"
    name = ".".join(part.sval for part in node.funcname)
    for option, words in wanted.items():
        if option not in given:
            message = f"{name} states no {words}"
            yield Violation(piece.file, piece.line(None), "function-attributes", message)


def _unread(piece: Piece) -> Iterator[Violation]:
    """A body that cannot be parsed would pass every other rule."""
    language, text = body_of(piece.node)
    try:
        if language == "sql":
            parse_sql(text)
        elif language == "plpgsql":
            body = readable(piece.node, text)
            parse_plpgsql(body)
            for query, _, _ in plpgsql_queries(body):
                parse_sql(query)
    except parser.ParseError as error:
        message = f"the body cannot be parsed, so no rule is checked in it: {error.args[0]}"
        yield Violation(piece.file, piece.line(None), "unread-body", message)


def _plain(piece: Piece) -> Iterator[Violation]:
    line = piece.line(None)
    if piece.transactional and getattr(piece.node, "if_not_exists", False):
        message = "use a plain CREATE, so that a surprise fails"
        yield Violation(piece.file, line, "plain-create", message)
    if piece.transactional and is_a(piece.node, ast.DropStmt) and piece.node.missing_ok:
        message = "use a plain DROP, so that a surprise fails"
        yield Violation(piece.file, line, "plain-drop", message)
    cascades = any(
        getattr(node, "behavior", None) == DropBehavior.DROP_CASCADE for node in _nodes(piece.node)
    )
    if cascades and not is_a(piece.node, ast.GrantStmt, ast.GrantRoleStmt):
        above = piece.sql[: piece.start].rstrip().rsplit("\n", 1)[-1].strip()
        if not above.startswith("--") or above.startswith("-- @"):
            yield Violation(piece.file, line, "cascade", "give the reason in a comment above")


def _named_arguments(piece: Piece) -> Iterator[Violation]:
    for node in _nodes(piece.node, ast.FuncCall):
        name = node.funcname[-1].sval
        arguments: tuple[Any, ...] = node.args or ()
        named = all(is_a(argument, ast.NamedArgExpr) for argument in arguments)
        if name in _TIMESCALE_CALLS and not named:
            line = piece.line(node.location)
            yield Violation(piece.file, line, "named-arguments", f"name the arguments of {name}")


_RULES: tuple[Callable[[Piece], Iterator[Violation]], ...] = (
    _qualified,
    _column_lists,
    _functions,
    _unread,
    _plain,
    _named_arguments,
)
