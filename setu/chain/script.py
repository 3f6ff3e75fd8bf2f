"""A script: SQL read from a file, with the origin of each line, split into statements."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pglast import parser

from setu.catalog.parsing.pieces import tokens_of
from setu.catalog.trees import fault_of, read_utf8
from setu.chain.header import Header
from setu.errors import StepError

COMMENTS = ("SQL_COMMENT", "C_COMMENT")
COMMUNITY = "-- @community"
_TRANSACTION_CONTROL = frozenset(
    ("ABORT_P", "BEGIN_P", "COMMIT", "END_P", "RELEASE", "ROLLBACK", "SAVEPOINT", "START")
)


class Origin(NamedTuple):
    """A line of a file in the repository; ``file`` is relative to its root."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Statement:
    """One statement: its text without the semicolon, and where each of its lines comes from."""

    text: str
    comment: str
    community: bool
    lines: tuple[Origin, ...]

    @property
    def origin(self) -> Origin:
        """File and line on which the statement begins."""
        return self.lines[0]

    def origin_at(self, position: int) -> Origin:
        """File and line of a character position in the text (1-based, as the server gives it)."""
        line = self.text.count("\n", 0, max(0, position - 1))
        return self.lines[min(line, len(self.lines) - 1)]

    def origin_of_body_line(self, line: int) -> Origin | None:
        """File and line of a line of the statement's dollar-quoted body (1-based), if any."""
        for token in parser.scan(self.text):
            if token.name == "SCONST" and self.text[token.start] == "$":
                index = self.text.count("\n", 0, token.start) + line - 1
                return self.lines[index] if index < len(self.lines) else None
        return None


@dataclass(frozen=True)
class Script:
    """A step's file with its includes pasted in, and where each line comes from."""

    file: str
    text: str
    origins: tuple[Origin, ...]
    header: Header

    @property
    def sha256(self) -> str:
        """SHA-256 of the rendered text (line ends are newlines on every machine), in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def all_statements(self) -> tuple[Statement, ...]:
        """All statements, whatever the edition. Raises :class:`StepError` on a syntax error."""
        return tuple(_split(self))

    def statements(self, edition: str = "community") -> list[Statement]:
        """The statements for an edition, in order."""
        return [s for s in self.all_statements if edition == "community" or not s.community]


def read_sql(path: Path, relative: str) -> str:
    """The text of a file, with newlines as line ends. Raises :class:`StepError`."""
    return read_utf8(path, relative, StepError)


def scan(sql: str, file: str) -> Sequence[parser.Token]:
    """The tokens of a text. Raises :class:`StepError` where it cannot be read."""
    try:
        return tokens_of(sql)
    except parser.ParseError as error:
        origins = [Origin(file, line) for line in range(1, sql.count("\n") + 2)]
        raise _syntax_error(error, origins, sql) from error


def _syntax_error(error: parser.ParseError, origins: Sequence[Origin], sql: str) -> StepError:
    message, index = fault_of(error, sql)
    line = min(sql.count("\n", 0, max(0, index)), len(origins) - 1)
    shown = sql.split("\n")[line].strip()
    return StepError(
        f"{origins[line]} cannot be parsed: {message}",
        context=[shown] if shown else [],
        hint="Write plain SQL: psql's backslash commands and COPY data are not part of "
        "PostgreSQL's grammar",
    )


def _split(script: Script) -> list[Statement]:
    sql = script.text
    try:
        slices = parser.split(sql, only_slices=True)
    except parser.ParseError as error:
        raise _syntax_error(error, script.origins, sql) from error
    statements: list[Statement] = []
    gaps: list[list[str]] = [[] for _ in range(len(slices) + 1)]
    starts = [piece.start for piece in slices]
    kinds: list[str] = [""] * len(slices)
    index = 0
    for token in parser.scan(sql):
        while index < len(slices) and token.start >= slices[index].stop:
            index += 1
        if index < len(slices) and token.start == starts[index]:
            kinds[index] = token.name
        if token.name in COMMENTS and (index == len(slices) or token.start < starts[index]):
            gaps[index].append(sql[token.start : token.end + 1].rstrip())
    for index, piece in enumerate(slices):
        first = sql.count("\n", 0, piece.start)
        last = first + sql.count("\n", piece.start, piece.stop)
        lines = script.origins[first : last + 1]
        if kinds[index] in _TRANSACTION_CONTROL:
            raise StepError(
                f"{lines[0]} controls the transaction: {sql[piece].splitlines()[0]}",
                hint="Leave that to the runner; say 'transaction: no' in the header if the "
                "step cannot run inside one",
            )
        community = COMMUNITY in gaps[index]
        if community and gaps[index][-1] != COMMUNITY:
            raise StepError(
                f"{lines[0]} '-- @community' is not directly above this statement.",
                hint="Put it on the line above; it does not reach over comments or a whole include",
            )
        statements.append(Statement(sql[piece], "\n".join(gaps[index]), community, lines))
    if COMMUNITY in gaps[-1]:
        raise StepError(f"{script.file} ends with '-- @community' and no statement after it.")
    return statements
