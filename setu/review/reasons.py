"""Why something was done that nobody asked for: ``schema_new/unasked.txt``.

One reason a line, ``<action> <kind> <name>: <reason>``; ``*`` stands for anything in each of the
three. A kind may be the facet ``comment``. A line that explains nothing is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from setu.chain.script import read_sql
from setu.errors import SetuError
from setu.review.changes import SchemaChange

FILE = Path("schema_new") / "unasked.txt"


class ReasonError(SetuError):
    """A line of ``unasked.txt`` that cannot be read."""


@dataclass
class Reason:
    """One line, and whether it has explained anything yet."""

    action: str
    kind: str
    name: str
    text: str
    line: int
    used: bool = field(default=False, compare=False)

    def explains(self, change: SchemaChange) -> bool:
        """Whether the line speaks of a change."""
        return (
            self.action in ("*", change.action)
            and fnmatchcase(change.facet or change.key.kind.replace(" ", "-"), self.kind)
            and fnmatchcase(change.key.name.replace('"', ""), self.name)
        )


def read_reasons(path: Path) -> list[Reason]:
    """All reasons of a file; none if there is no file. Raises :class:`ReasonError`."""
    if not path.is_file():
        return []
    reasons = []
    for number, line in enumerate(read_sql(path, str(path)).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        head, colon, text = line.partition(": ")
        words = head.split(maxsplit=2)
        if not colon or len(words) != 3 or not text.strip():
            raise ReasonError(
                f"{path.name}:{number} is not '<action> <kind> <name>: <reason>'.",
                context=[line],
                hint="Write it so; * stands for anything",
            )
        reasons.append(Reason(words[0], words[1], words[2], text.strip(), number))
    return reasons


def reason_for(change: SchemaChange, reasons: Iterable[Reason]) -> str:
    """Why a change was made: what the file of a new object says on top, else a line that fits."""
    if change.action == "add" and not change.facet and change.key == change.whole:
        for source in change.sources:
            if source.comment:
                return _first_sentence(source.comment)
    for reason in reasons:
        if reason.explains(change):
            reason.used = True
            return reason.text
    for source in change.sources:
        if source.comment or source.header.startswith("New: "):
            return _first_sentence(source.comment or source.header)
    return ""


def _first_sentence(comment: str) -> str:
    text = " ".join(comment.split()).removeprefix("New: ")
    return re.split(r"(?<=[.!?])\s", text)[0]
