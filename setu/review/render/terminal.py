"""A review as plain text: one screen of summary, then by layer and object.

Eighty columns wide; a name is never cut, but stands on a line of its own if it must. Nothing in it
depends on the terminal, so that a pipe gets the same.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from setu.catalog import ObjectKey
from setu.review.changes import RISKS
from setu.review.schema_diff import Review, ReviewedChange

WIDTH: Final = 80
_MARKS: Final = {"add": "+", "drop": "-", "change": "~", "rename": ">"}


def terminal(review: Review, *, side_by_side: bool = False) -> str:
    """The review as text, with a final newline."""
    lines = [*summary(review), ""]
    if review.missing:
        lines += ["Asked and missing", ""]
        for request in review.missing:
            lines += _wrapped(request.text, "  ", "    ")
            lines += _wrapped(request.problem, "      ", "      ")
        lines.append("")
    if review.problems:
        lines += ["Problems", "", *(f"  {problem}" for problem in review.problems), ""]
    unexplained = review.unexplained if review.held else []
    if unexplained:
        lines += ["Done, not asked for, and without a reason", ""]
        for entry in unexplained:
            lines += _entry(entry)
        lines.append("")
    for layer, entries in groupby(review.changes, key=lambda e: e.change.layer):
        lines += [layer, "=" * len(layer), ""]
        for whole, inside in groupby(entries, key=lambda e: e.change.whole):
            lines += _object(whole, list(inside), side_by_side=side_by_side)
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def summary(review: Review) -> list[str]:
    """What fits on one screen: the three lists in numbers, classes, layers."""
    risks = review.by_risk()
    lines = [f"{review.left} → {review.right}", ""]
    lines.append(
        f"{len(review.changes)} changes: " + ", ".join(f"{risks[risk]} {risk}" for risk in RISKS)
    )
    if review.held:
        unasked, bare = len(review.unasked), len(review.unexplained)
        asked, requests = len(review.asked), len(review.requests)
        lines += [
            f"  asked and done       {asked:5}  changes, of {requests} requests",
            f"  asked and missing    {len(review.missing):5}  requests",
            f"  done and not asked   {unasked:5}  changes, {bare} of them without a reason",
        ]
    if review.problems:
        lines.append(f"  problems             {len(review.problems):5}")
    counted = Counter((e.change.layer, e.change.risk) for e in review.changes)
    layers = sorted({layer for layer, _ in counted})
    if layers:
        width = max(len(layer) for layer in [*layers, "layer"])
        lines += ["", f"  {'layer':<{width}}  " + "  ".join(f"{risk:>11}" for risk in RISKS)]
        lines += [
            f"  {layer:<{width}}  " + "  ".join(f"{counted[layer, risk]:>11}" for risk in RISKS)
            for layer in layers
        ]
    return lines


def _object(whole: ObjectKey, entries: list[ReviewedChange], *, side_by_side: bool) -> list[str]:
    lines = _wrapped(str(whole), "", "  ")
    for entry in entries:
        lines += _entry(entry, within=whole)
        if side_by_side:
            lines += _beside(entry)
    return lines


def _entry(entry: ReviewedChange, within: ObjectKey | None = None) -> Iterator[str]:
    change = entry.change
    what = change.title
    if within is not None and change.key == within:
        what = f"{change.action} {change.facet}".strip()
    elif within is not None:
        what = what.replace(f" {within.name}.", " ")
    revision = f"  [{entry.revision}]" if entry.revision else ""
    yield from _wrapped(f"{_MARKS[change.action]} {what}{revision}", "  ", "      ")
    if change.parts:
        counted = Counter(part.kind for part in change.parts)
        yield from _wrapped(", ".join(f"{n} {kind}" for kind, n in counted.items()), "      ")
    for detail in change.details:
        yield from _wrapped(detail, "      ", "        ")
    yield from _wrapped(f"{change.risk}: {change.why}", "      ", "        ")
    if entry.requests:
        for request in entry.requests:
            text = request.text.partition(": ")[2]
            yield from _wrapped(f"asked: {text}", "      ", "        ")
    elif entry.reason:
        yield from _wrapped(f"not asked: {entry.reason}", "      ", "        ")


def _beside(entry: ReviewedChange) -> Iterator[str]:
    """Both texts, half a line each; what is longer goes on below."""
    half = (WIDTH - 9) // 2
    left, right = (list(_folded(t, half)) for t in (entry.change.before, entry.change.after))
    for at in range(max(len(left), len(right))):
        one = left[at] if at < len(left) else ""
        two = right[at] if at < len(right) else ""
        yield f"      {one:<{half}} | {two}".rstrip()


def _folded(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        while len(line) > width:
            yield line[:width]
            line = line[width:]
        yield line


def _wrapped(text: str, first: str, later: str | None = None) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        indent = first if not lines else (later or first)
        if len(indent) + len(line) <= WIDTH and line.isprintable():
            lines += [indent + line.rstrip()] if line.strip() else []
            continue
        lines += textwrap.wrap(
            line,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=later or first,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
