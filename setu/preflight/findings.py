"""What a check found, and what run it looks ahead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setu.errors import PreflightError

V1_REVISION = "0001"
ROLES_REVISION = "0203"
SWAP_REVISION = "0107"
JOBS_REVISION = "0404"


@dataclass(frozen=True)
class Plan:
    """The planned run: from ``current`` to ``target`` (None: before the first revision)."""

    direction: str
    current: str | None
    target: str | None

    @property
    def upgrades(self) -> bool:
        """Whether the run goes upward."""
        return self.direction == "upgrade"

    def applies(self, revision: str) -> bool:
        """Whether the run is an upgrade that runs this revision's step."""
        return self.upgrades and (self.current or "") < revision <= (self.target or "")

    def passes(self, revision: str) -> bool:
        """Whether the run takes this revision's step, up or down."""
        low, high = sorted((self.current or "", self.target or ""))
        return low < revision <= high

    @property
    def leaves_v1(self) -> bool:
        """Whether the run is an upgrade of a v1 database, past v1."""
        return self.upgrades and self.current == V1_REVISION and (self.target or "") > V1_REVISION


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
        hint="see → at each; then run the same command again",
    )
