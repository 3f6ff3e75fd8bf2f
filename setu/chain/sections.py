"""Sections: the named parts of a file of ``schema_new/``.

A line ``-- @section NAME`` begins a section, which ends at the next such line or with the file.
What stands above the first section is the opening comment of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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

    @property
    def lines(self) -> range:
        """The numbers of its lines in the file."""
        return range(self.first, self.first + self.text.count("\n") + 1)

    def origins(self) -> list[Origin]:
        """The origin of each of its lines."""
        return [Origin(self.file, number) for number in self.lines]


@dataclass
class _Mark:
    """Where a section begins (its line, from 0), and the last token of it that is no comment."""

    line: int
    name: str
    last_code: str = ""


@lru_cache(maxsize=1024)
def read_sections(source: str, file: str) -> tuple[Section, ...]:
    """The sections of a file's text, in order; a file without marks is one section without a name.

    Raises :class:`StepError` for a directive that is unknown or out of place, and
    :class:`IncludeError` where a section has no statement or does not end its last one.
    """
    marks = _marks(source, file)
    lines = source.removesuffix("\n").split("\n")
    ends = [mark.line for mark in marks[1:]] + [len(lines)]
    sections = []
    for mark, end in zip(marks, ends, strict=True):
        text = "\n".join(lines[mark.line + 1 : end]).rstrip()
        section = Section(file, mark.name, mark.line + 2, text)
        if mark.last_code != "ASCII_59":
            raise IncludeError(
                f"{section.label} does not end with a semicolon, or is empty.",
                hint="End the last statement",
            )
        sections.append(section)
    return tuple(sections)


def _marks(source: str, file: str) -> list[_Mark]:
    """The mark of each section; one of no name where there is none. Checks every directive."""
    marks = [_Mark(-1, "")]
    lines = source.split("\n")
    for token in scan(source, file):
        if token.name not in COMMENTS:
            marks[-1].last_code = token.name
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
        if not marks[0].name and marks[0].last_code:
            raise StepError(f"{where} There are statements above the first section.")
        if marks[-1].last_code not in ("", "ASCII_59"):
            raise StepError(f"{where} A section begins inside a statement: {text}")
        if any(mark.name == match["name"] for mark in marks):
            raise StepError(f"{where} The file has section {match['name']} twice.")
        marks = [mark for mark in marks if mark.name] + [_Mark(line, match["name"])]
    return marks
