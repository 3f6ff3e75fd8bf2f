"""Which revision makes a change: the one whose ``up.sql`` has the statement, or names what goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from setu.catalog.names import split_name
from setu.chain.includes import render
from setu.chain.script import Origin, read_sql
from setu.errors import StepError
from setu.review.changes import SchemaChange

_GOES = re.compile(r"\b(DROP|RENAME|SET SCHEMA|REPLACE|_archive|REVOKE|ALTER)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Up:
    """An ``up.sql`` with its includes, and the words of the statements that take something away."""

    revision: str
    origins: Sequence[Origin]
    squeezed: str
    goes: frozenset[str]
    named: frozenset[str]


class RevisionFinder:
    """Finds revisions of a repository; reads its steps once, when it is first asked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _scripts(self) -> list[_Up]:
        return list(_read(self.root))

    @cached_property
    def _places(self) -> dict[tuple[str, int], str]:
        places: dict[tuple[str, int], str] = {}
        for up in self._scripts:
            for origin in up.origins:
                places.setdefault((origin.file, origin.line), up.revision)
        return places

    def revision(self, change: SchemaChange) -> str | None:
        """The revision, or None where no step tells."""
        if change.action != "drop":
            for source in change.sources:
                found = self._places.get((source.file, source.line))
                if found is not None:
                    return found
            # A released step is text, and has no origins in files of the schema.
            for source in change.sources:
                text = _squeeze(source.text)
                for up in self._scripts if text else ():
                    if text in up.squeezed:
                        return up.revision
        return self._by_name(change)

    def _by_name(self, change: SchemaChange) -> str | None:
        """The first later step with a statement that takes something away and names the object."""
        name = split_name(change.whole.name.partition("(")[0])[-1]
        part = split_name(change.key.name.partition("(")[0].partition(" to ")[0])[-1]
        for wanted in dict.fromkeys((part, name)):
            for up in self._scripts[1:]:
                if wanted in up.goes:
                    return up.revision
        # A list of names that a loop archives: the first later step that names the object at all.
        return next((up.revision for up in self._scripts[1:] if name in up.named), None)


def _read(root: Path) -> Iterator[_Up]:
    for path in sorted(root.glob("sql/*/*/up.sql"), key=lambda p: p.parent.name):
        relative = path.relative_to(root).as_posix()
        try:
            lines, origins = render(read_sql(path, relative), relative, root)
        except StepError:
            continue  # lint says what is wrong with it
        text = "\n".join(lines)
        taking = (part for part in text.split(";\n") if _GOES.search(part))
        words = frozenset(word for part in taking for word in re.findall(r"\w+", part))
        named = frozenset(re.findall(r"\w+", text))
        yield _Up(path.parent.name.partition("_")[0], origins, _squeeze(text), words, named)


def _squeeze(text: str) -> str:
    return " ".join(text.split())
