"""SQL files, statement by statement, and the order in which statements are taken."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pglast import ast, parser
from pglast.enums import AlterTableType

from setu.catalog.model import SourceText
from setu.catalog.names import parts_of
from setu.catalog.trees import fault_of, parse, read_utf8
from setu.errors import SetuError

_COMMENTS: Final = ("SQL_COMMENT", "C_COMMENT")
TRIGGER_STATES: Final = {
    AlterTableType.AT_DisableTrig: "disabled",
    AlterTableType.AT_EnableTrig: None,
    AlterTableType.AT_EnableAlwaysTrig: "always",
    AlterTableType.AT_EnableReplicaTrig: "replica",
}


class SchemaSourceError(SetuError):
    """A schema file cannot be parsed, or holds what this parser does not understand."""


@dataclass(frozen=True)
class SourceFile:
    """SQL text with the name it is known by."""

    name: str
    text: str


@dataclass(frozen=True)
class Piece:
    """One statement and where it stands."""

    node: Any
    source: SourceText


def files_below(folder: Path) -> list[SourceFile]:
    """The ``.sql`` files of a schema folder, sorted.

    SQLite's source templates are left out, and ``_archive``, which is state. Raises
    :class:`SchemaSourceError`.
    """
    return [
        SourceFile(
            name := f"{folder.name}/{path.relative_to(folder).as_posix()}",
            read_utf8(path, name, SchemaSourceError),
        )
        for path in sorted(folder.rglob("*.sql"))
        if not path.name.endswith(".sqlite.sql") and path.parent.name != "_archive"
    ]


@lru_cache(maxsize=1024)
def tokens_of(text: str) -> tuple[parser.Token, ...]:
    """The tokens of SQL, which readers of the chain and of the schema both ask for."""
    return tuple(parser.scan(text))


@lru_cache(maxsize=2048)
def pieces_of(file: SourceFile) -> tuple[Piece, ...]:
    """The statements of a file. Raises :class:`SchemaSourceError`."""
    try:
        tree = parse(file.text)
        slices = parser.split(file.text, only_slices=True)
        tokens = tokens_of(file.text)
    except parser.ParseError as error:
        message, at = fault_of(error, file.text)
        raise SchemaSourceError(
            f"{file.name}:{file.text.count(chr(10), 0, at) + 1} cannot be parsed.",
            context=[message],
            hint="Correct the SQL; it is read with PostgreSQL's own grammar",
        ) from error
    comments = deque(token for token in tokens if token.name in _COMMENTS)
    pieces: list[Piece] = []
    line, at, end = 1, 0, 0
    for raw, piece in zip(tree, slices, strict=True):
        line += file.text.count("\n", at, piece.start)
        above = []
        while comments and comments[0].start < piece.start:
            comment = comments.popleft()
            if comment.start >= end:
                above.append(file.text[comment.start : comment.end + 1].strip())
        at, end = piece.start, piece.stop
        written = [
            text.removeprefix("--").removeprefix(" ")
            for text in above
            if not text.startswith(("-- @", "-- change"))
        ]
        source = SourceText(
            file.name,
            line,
            file.text[piece],
            " ".join(written),
            "-- @community" in above,
            pieces[0].source.comment if pieces else " ".join(written),
            len(pieces),
        )
        pieces.append(Piece(raw.stmt, source))
    return tuple(pieces)


def rank(node: Any) -> int:
    """When a statement is taken: a lower rank makes what a higher one builds on."""
    for place, kinds in enumerate(
        (
            (ast.CreateSchemaStmt, ast.CreateRoleStmt, ast.DoStmt),
            (ast.CreateEnumStmt, ast.CreateDomainStmt, ast.CompositeTypeStmt, ast.CreateSeqStmt),
            (ast.CreateStmt,),
            (ast.CreateFunctionStmt,),
            (ast.ViewStmt, ast.AlterTableStmt, ast.IndexStmt),
            (ast.SelectStmt,),
            (ast.CreateTableAsStmt,),
        )
    ):
        if isinstance(node, kinds):
            if isinstance(node, ast.AlterTableStmt) and (
                _timescale_options(node) or _switches_trigger(node)
            ):
                return 8
            if isinstance(node, ast.SelectStmt) and not _makes_hypertable(node):
                return 8
            return place
    return 9 if isinstance(node, ast.GrantStmt) else 8


def _timescale_options(node: ast.AlterTableStmt) -> bool:
    return any(
        c.subtype == AlterTableType.AT_SetRelOptions
        and any(o.defnamespace in ("timescaledb", "tsdb") for o in c.def_)
        for c in node.cmds or ()
    )


def _switches_trigger(node: ast.AlterTableStmt) -> bool:
    return any(c.subtype in TRIGGER_STATES for c in node.cmds or ())


def _makes_hypertable(node: ast.SelectStmt) -> bool:
    return any(
        isinstance(t.val, ast.FuncCall)
        and parts_of(t.val.funcname)[-1] in ("create_hypertable", "add_dimension")
        for t in node.targetList or ()
    )
