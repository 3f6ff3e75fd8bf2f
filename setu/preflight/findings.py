"""What a check found, and what run it looks ahead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from setu.chain.repository import repository_root, steps_to
from setu.errors import PreflightError

V1_REVISION = "0001"
ROLES_REVISION = "0203"
JOBS_REVISION = "0404"


@dataclass(frozen=True)
class Plan:
    """The planned run: from ``current`` to ``target`` (None: before the first revision)."""

    direction: str
    current: str | None
    target: str | None
    #: The repository whose chain gives the order of the revisions; the one at hand by default.
    root: Path | None = field(default=None, compare=False)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Each revision's place in the chain, from 1."""
        steps = steps_to(self.root or repository_root())
        return {step.revision: place for place, step in enumerate(steps, start=1)}

    def place(self, revision: str | None) -> int:
        """A revision's place in the chain; 0 is before the first."""
        return 0 if revision is None else self._places[revision]

    @property
    def upgrades(self) -> bool:
        """Whether the run goes upward."""
        return self.direction == "upgrade"

    def applies(self, revision: str) -> bool:
        """Whether the run is an upgrade that runs this revision's step."""
        return self.upgrades and self.passes(revision)

    def passes(self, revision: str) -> bool:
        """Whether the run takes this revision's step, up or down."""
        low, high = sorted((self.place(self.current), self.place(self.target)))
        return low < self.place(revision) <= high

    @property
    def leaves_v1(self) -> bool:
        """Whether the run is an upgrade of a v1 database, past v1."""
        return (
            self.upgrades
            and self.current == V1_REVISION
            and self.place(self.target) > self.place(V1_REVISION)
        )


@dataclass(frozen=True)
class Finding:
    """One thing that stands against the run, or (``stops`` false) that one should know."""

    what: str
    where: Sequence[str] = ()
    next_step: str = ""
    stops: bool = True

    def lines(self) -> list[str]:
        """The finding as lines of text: what, then indented where, then what to do."""
        lines = [self.what]
        for entry in self.where:
            lines.extend(f"    {line}".rstrip() for line in entry.splitlines())
        if self.next_step:
            lines.append(f"    → {self.next_step}")
        return lines


def refusal(findings: Sequence[Finding]) -> PreflightError:
    """All findings that stop the run, as one error."""
    context = []
    for number, finding in enumerate(findings, start=1):
        first, *others = finding.lines()
        context.append("\n".join([f"{number}. {first}", *others]))
    count = f"{len(findings)} thing{'' if len(findings) == 1 else 's'}"
    return PreflightError(
        f"Pre-flight: {count} stand{'s' if len(findings) == 1 else ''} against this run. "
        "Nothing has been changed.",
        context=context,
        hint="See → at each; then run the same command again",
    )
