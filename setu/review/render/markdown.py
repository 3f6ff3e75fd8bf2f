"""A review as Markdown, for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from setu.review.changes import RISKS, Risk
from setu.review.schema_diff import Review, ReviewedChange

#: A pull request's text holds 65,536 characters.
LIMIT: Final = 60_000
_SIGNS: Final = {"safe": "🟢", "risky": "🟡", "destructive": "🔴"}


def markdown(review: Review) -> str:
    """The review as Markdown, with a final newline.

    Where it would be longer than a pull request takes, the safe changes are left out of it, then
    the risky ones; it says so, and the counts stay whole.
    """
    text = _markdown(review, RISKS)
    for shown in (RISKS[1:], RISKS[2:], ()):
        if len(text) <= LIMIT:
            break
        text = _markdown(review, shown)
    return text


def _markdown(review: Review, shown: Sequence[Risk]) -> str:
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
        every = list(entries)
        listed = [entry for entry in every if entry.change.risk in shown]
        if not listed:
            continue
        lines += ["<details>", f"<summary>{layer}: {_count(listed, every)}</summary>", ""]
        lines += [*_table(listed), "</details>", ""]
    if len(shown) < len(RISKS):
        left_out = " and ".join(risk for risk in RISKS if risk not in shown)
        lines.append(f"The {left_out} changes are left out here; `make schema-diff` has them.")
    return "\n".join(lines).rstrip() + "\n"


def _count(listed: Sequence[ReviewedChange], every: Sequence[ReviewedChange]) -> str:
    if len(listed) == len(every):
        return f"{len(every)} changes"
    return f"{len(listed)} of {len(every)} changes"


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
