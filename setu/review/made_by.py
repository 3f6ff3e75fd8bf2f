"""Which revision makes a change: the one whose ``up.sql`` has the statement, or names what goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from setu.catalog.names import split_name
from setu.chain.includes import included_sections
from setu.chain.script import read_sql
from setu.chain.sections import Section
from setu.errors import StepError
from setu.review.changes import SchemaChange

_GOES = re.compile(r"\b(DROP|RENAME|SET SCHEMA|REPLACE|_archive|REVOKE|ALTER)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Up:
    """An ``up.sql``, the sections that it includes, and the text of all."""

    revision: str
    sections: Sequence[Section]
    text: str

    @cached_property
    def squeezed(self) -> str:
        return _squeeze(self.text)

    def names(self, name: str, *, taken_away: bool = False) -> bool:
        """Whether it has the name as a word, or has it where something is taken away."""
        if name not in self.text:
            return False
        word = re.compile(rf"\b{re.escape(name)}\b")
        if not taken_away:
            return word.search(self.text) is not None
        return any(_GOES.search(part) for part in self.text.split(";\n") if word.search(part))


class RevisionFinder:
    """Finds revisions of a repository; reads its steps once, when it is first asked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _scripts(self) -> list[_Up]:
        return list(_read(self.root))

    @cached_property
    def _places(self) -> dict[str, list[tuple[range, str]]]:
        """The lines of each file that a step includes, and its revision."""
        places: dict[str, list[tuple[range, str]]] = {}
        for up in self._scripts:
            for section in up.sections:
                places.setdefault(section.file, []).append((section.lines, up.revision))
        return places

    def revision(self, change: SchemaChange) -> str | None:
        """The revision, or None where no step tells."""
        if change.action != "drop":
            for source in change.sources:
                for lines, revision in self._places.get(source.file, ()):
                    if source.line in lines:
                        return revision
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
                if up.names(wanted, taken_away=True):
                    return up.revision
        # A list of names that a loop archives: the first later step that names the object at all.
        return next((up.revision for up in self._scripts[1:] if up.names(name)), None)


def _read(root: Path) -> Iterator[_Up]:
    for path in sorted(root.glob("sql/*/*/up.sql"), key=lambda p: p.parent.name):
        relative = path.relative_to(root).as_posix()
        try:
            own = read_sql(path, relative)
            sections = included_sections(own, relative, root)
        except StepError:
            continue  # lint says what is wrong with it
        text = "\n".join([own, *(section.text for section in sections)])
        yield _Up(path.parent.name.partition("_")[0], sections, text)


def _squeeze(text: str) -> str:
    return " ".join(text.split())
