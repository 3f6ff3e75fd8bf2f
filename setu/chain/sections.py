"""Sections: the named parts of a file of ``schema_new/``.

A line ``-- @section NAME`` begins a section, which ends at the next such line or with the file.
What stands above the first section is the opening comment of the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pglast.parser import Token

from setu.chain.script import COMMENTS, COMMUNITY, Origin, scan
from setu.errors import IncludeError, StepError

MARK = "-- @section"
_SECTION = re.compile(r"-- @section (?P<name>[a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Section:
    """A part of a file; ``name`` is empty where the file has no sections.

    :param first: the number of its first line in the file.
    """

    file: str
    name: str
    first: int
    text: str

    @property
    def label(self) -> str:
        """How an include names it: ``file.sql`` or ``file.sql#section``."""
        return f"{self.file}#{self.name}" if self.name else self.file

    def origins(self) -> list[Origin]:
        """The origin of each of its lines."""
        lines = self.text.count("\n") + 1
        return [Origin(self.file, self.first + number) for number in range(lines)]


@lru_cache(maxsize=1024)
def read_sections(source: str, file: str) -> tuple[Section, ...]:
    """The sections of a file's text, in order; a file without marks is one section without a name.

    Raises :class:`StepError` for a directive that is unknown or out of place, and
    :class:`IncludeError` where a section has no statement or does not end its last one.
    """
    tokens = scan(source, file)
    marks = _marks(source, file, tokens)
    lines = source.removesuffix("\n").split("\n")
    last_code = _last_code(source, tokens)
    starts = [(number, name) for number, name in marks] or [(-1, "")]
    ends = [number for number, _ in starts[1:]] + [len(lines)]
    sections = []
    for (start, name), end in zip(starts, ends, strict=True):
        text = "\n".join(lines[start + 1 : end]).rstrip()
        section = Section(file, name, start + 2, text)
        codes = [last_code[line] for line in range(start + 1, end) if line in last_code]
        if not codes or codes[-1] != "ASCII_59":
            raise IncludeError(
                f"{section.label} does not end with a semicolon, or is empty.",
                hint="End the last statement",
            )
        sections.append(section)
    return tuple(sections)


def _last_code(source: str, tokens: Sequence[Token]) -> dict[int, str]:
    """The last token that is no comment, of each line (from 0) on which one begins."""
    last: dict[int, str] = {}
    line = at = 0
    for token in tokens:
        line += source.count("\n", at, token.start)
        at = token.start
        if token.name not in COMMENTS:
            last[line] = token.name
    return last


def _marks(source: str, file: str, tokens: Sequence[Token]) -> list[tuple[int, str]]:
    """Line (from 0) and name of each section. Checks every directive of the file."""
    marks: list[tuple[int, str]] = []
    lines = source.split("\n")
    last_code = ""
    for token in tokens:
        if token.name not in COMMENTS:
            last_code = token.name
            continue
        text = source[token.start : token.end + 1].rstrip()
        if not text.startswith("-- @") or text == COMMUNITY:
            continue
        line = source.count("\n", 0, token.start)
        where = Origin(file, line + 1)
        if text.startswith("-- @include"):
            raise IncludeError(
                f"{where} includes another file, and is itself included.",
                hint="Includes do not nest; let the step include both files, in order",
            )
        match = _SECTION.fullmatch(text)
        if match is None:
            raise StepError(
                f"{where} Unknown directive: {text}",
                hint="Write '-- @section name' or '-- @community'",
            )
        if lines[line].rstrip() != text:
            raise StepError(f"{where} A directive must be alone on its line: {text}")
        if not marks and last_code:
            raise StepError(f"{where} There are statements above the first section.")
        if last_code not in ("", "ASCII_59"):
            raise StepError(f"{where} A section begins inside a statement: {text}")
        if any(name == match["name"] for _, name in marks):
            raise StepError(f"{where} The file has section {match['name']} twice.")
        marks.append((line, match["name"]))
    return marks
