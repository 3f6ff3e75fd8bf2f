"""Which revision makes a change: the one whose ``up.sql`` has the statement, or names what goes."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from setu.catalog.names import split_name
from setu.chain.repository import steps_to
from setu.chain.steps import Script, Step
from setu.errors import StepError
from setu.review.changes import SchemaChange

_GOES = re.compile(r"\b(DROP|RENAME|SET SCHEMA|REPLACE|_archive|REVOKE|ALTER)\b", re.IGNORECASE)


class RevisionFinder:
    """Finds revisions of a repository; reads its steps once, when it is first asked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _scripts(self) -> list[tuple[Step, Script]]:
        found = []
        for step in steps_to(self.root):
            try:
                found.append((step, step.script("up")))
            except StepError:
                continue
        return found

    @cached_property
    def _places(self) -> dict[tuple[str, int], str]:
        places: dict[tuple[str, int], str] = {}
        for step, script in self._scripts:
            for origin in script.origins:
                places.setdefault((origin.file, origin.line), step.revision)
        return places

    @cached_property
    def _squeezed(self) -> list[tuple[str, str]]:
        return [(step.revision, _squeeze(script.text)) for step, script in self._scripts]

    def revision(self, change: SchemaChange) -> str | None:
        """The revision, or None where no step tells."""
        if change.action != "drop":
            for source in change.sources:
                found = self._places.get((source.file, source.line))
                if found is not None:
                    return found
                text = _squeeze(source.text)
                if text:
                    for revision, script in self._squeezed:
                        if text in script:
                            return revision
        return self._by_name(change)

    def _by_name(self, change: SchemaChange) -> str | None:
        """The first later step with a statement that takes something away and names the object."""
        name = split_name(change.whole.name.partition("(")[0])[-1]
        part = split_name(change.key.name.partition("(")[0].partition(" to ")[0])[-1]
        for wanted in dict.fromkeys((part, name)):
            word = re.compile(rf"\b{re.escape(wanted)}\b")
            for step, script in self._scripts[1:]:
                if word.search(script.text) and any(
                    _GOES.search(s.text) and word.search(s.text) for s in script.all_statements
                ):
                    return step.revision
        return None


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
