"""A review as Markdown, for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from setu.review.changes import RISKS
from setu.review.schema_diff import Review, ReviewedChange

_SIGNS = {"safe": "🟢", "risky": "🟡", "destructive": "🔴"}


def markdown(review: Review) -> str:
    """The review as Markdown, with a final newline."""
    lines = [f"# `{_code(review.left)}` → `{_code(review.right)}`", "", *_summary(review), ""]
    if review.missing:
        lines += ["## Asked and missing", ""]
        lines += [f"- `{_code(r.text)}`: {_escaped(r.problem)}" for r in review.missing]
        lines.append("")
    if review.problems:
        lines += ["## Problems", "", *(f"- {_escaped(p)}" for p in review.problems), ""]
    if review.held and review.unexplained:
        lines += ["## Done, not asked for, and without a reason", ""]
        lines += _table(review.unexplained)
    for layer, entries in groupby(review.changes, key=lambda e: e.change.layer):
        listed = list(entries)
        lines += ["<details>", f"<summary>{layer}: {len(listed)} changes</summary>", ""]
        lines += [*_table(listed), "</details>", ""]
    return "\n".join(lines).rstrip() + "\n"


def _summary(review: Review) -> Iterator[str]:
    risks = review.by_risk()
    counts = ", ".join(f"{_SIGNS[risk]} {risks[risk]} {risk}" for risk in RISKS)
    yield f"**{len(review.changes)} changes**: {counts}"
    yield ""
    if review.held:
        yield "| | |"
        yield "|---|--:|"
        yield f"| asked and done | {len(review.asked)} |"
        yield f"| asked and missing | {len(review.missing)} |"
        bare = len(review.unexplained)
        yield f"| done and not asked | {len(review.unasked)}, {bare} without a reason |"
        yield ""
    counted = Counter((e.change.layer, e.change.risk) for e in review.changes)
    yield "| layer | " + " | ".join(RISKS) + " |"
    yield "|---|" + "--:|" * len(RISKS)
    for layer in sorted({layer for layer, _ in counted}):
        yield f"| {layer} | " + " | ".join(str(counted[layer, risk]) for risk in RISKS) + " |"


def _table(entries: Sequence[ReviewedChange]) -> Iterator[str]:
    yield "| | change | what | why | revision | asked for, or reason |"
    yield "|---|---|---|---|---|---|"
    for entry in entries:
        change = entry.change
        asked = "<br>".join(f"`{_code(r.text)}`" for r in entry.requests)
        cells = (
            _SIGNS[change.risk],
            f"`{_code(change.title)}`",
            "<br>".join(_escaped(detail) for detail in change.details),
            f"{change.risk}: {_escaped(change.why)}",
            entry.revision or "",
            asked or _escaped(entry.reason),
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _escaped(text: str) -> str:
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|").replace("\n", " ")
