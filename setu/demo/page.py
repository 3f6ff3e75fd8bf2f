"""The demo as one HTML page: before and after, where v1's rows went, and how long steps held locks.

The page stands alone: no scripts, no files beside it, nothing fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import wrap

from setu.chain.repository import repository_root, steps_to
from setu.demo.progress import StepTime
from setu.demo.stage import Check
from setu.ops.reconciliation import RowReport, TableRows

WIDTH = 920
LOCK_COLUMNS = 56
_COLORS = {"migrated": "#2f7d5b", "merged": "#c98a1b", "left out": "#a33b3b"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem;
       color: #1c2430; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
svg { width: 100%; height: auto; } text { font: 13px system-ui, sans-serif; fill: #1c2430; }
.quiet { fill: #5b6675; } .box { fill: #f2f5f8; stroke: #c3ccd6; }
ul.claims { list-style: none; padding: 0; } .claims li::before { margin-right: .5rem; }
.holds::before { content: "✓"; color: #2f7d5b; } .fails::before { content: "✗"; color: #a33b3b; }
.legend span { display: inline-block; margin-right: 1.2rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
@media (prefers-color-scheme: dark) {
  body { background: #11161d; color: #dbe3ec; } text { fill: #dbe3ec; } .quiet { fill: #93a1b1; }
  .box { fill: #1a222c; stroke: #3a4756; } }
"""

_BEFORE = (
    ("bronze", ("raw_telemetry: one JSON document a poll", "dead_letter_queue")),
    ("silver", ("nine tables, text keys, text shifts", "no unique key: duplicates, orphans")),
    ("gold", ("eight aggregates, four views", "OEE from two constants")),
    ("master", ("keys: (machine_id, company_id)", "one time zone for all plants")),
)
_AFTER = (
    ("bronze", ("ten flat typed hypertables", "id bigint, index (id, time DESC)")),
    ("silver", ("integer keys, business date, shift", "one unique key a fact")),
    ("gold", ("the same names on the new keys", "OEE from data, by business date")),
    ("_etl", ("watermarks, run log, rejects", "ten loads, each a job every minute")),
)


def render_page(
    report: RowReport | None, steps: Sequence[StepTime], checks: Sequence[Check]
) -> str:
    """The page, as HTML.

    :param report: what became of v1's rows. :param steps: the steps that ran, in order, both ways.
    """
    parts = [
        "<h1>SETU: v1 to v2, and back</h1>",
        "<h2>Before and after</h2>",
        _svg(_layers("v1", _BEFORE, 0) + _layers("v2", _AFTER, WIDTH // 2 + 20), 310),
        "<h2>Where v1's rows went</h2>",
        _legend(_COLORS),
        _flow([found for found in report.tables if found.v1_rows] if report else []),
        "<h2>What each step took, and its lock</h2>",
        "<p>Every bar is a step of the chain, in the order in which it ran. The lock is what the "
        "step's own header states.</p>",
        _timeline(steps),
        "<h2>What was proven</h2>",
        _claims(checks),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>SETU: the demo</title><style>{_STYLE}</style></head>\n<body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _svg(content: str, height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{content}</svg>'


def _text(x: float, y: float, words: str, *, quiet: bool = False, anchor: str = "start") -> str:
    style = ' class="quiet"' if quiet else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def _layers(title: str, layers: Iterable[tuple[str, Sequence[str]]], left: int) -> str:
    """One version as a stack of its schemas."""
    width = WIDTH // 2 - 20
    drawn = [_text(left, 18, title)]
    for number, (name, lines) in enumerate(layers):
        top = 30 + number * 70
        drawn.append(f'<rect class="box" x="{left}" y="{top}" width="{width}" height="60" rx="6"/>')
        drawn.append(_text(left + 14, top + 36, name))
        drawn += [
            _text(left + 100, top + 27 + line * 20, words, quiet=True)
            for line, words in enumerate(lines)
        ]
    return "".join(drawn)


def _legend(colors: dict[str, str]) -> str:
    items = "".join(
        f'<span><i style="background:{color}"></i>{escape(name)}</span>'
        for name, color in colors.items()
    )
    return f'<p class="legend">{items}</p>'


def _flow(tables: Sequence[TableRows]) -> str:
    """A bar a table: its rows of v1, parted by what became of them."""
    drawn = []
    left, width = 260, WIDTH - 260 - 90
    most = max((found.v1_rows for found in tables), default=1)
    for number, found in enumerate(tables):
        y = number * 28 + 20
        drawn.append(_text(left - 10, y, found.table, anchor="end"))
        x = float(left)
        shares = (found.migrated, found.merged, found.left_out)
        for color, rows in zip(_COLORS.values(), shares, strict=True):
            long = max(2.0, rows / most * width) if rows else 0.0
            drawn.append(
                f'<rect x="{x:.1f}" y="{y - 13}" width="{long:.1f}" height="16" fill="{color}">'
                f"<title>{rows:,}</title></rect>"
            )
            x += long
        drawn.append(_text(x + 8, y, f"{found.v1_rows:,}", quiet=True))
    return _svg("".join(drawn), max(1, len(tables)) * 28 + 16)


def _timeline(steps: Sequence[StepTime]) -> str:
    """A bar a step, one below the other, at the time at which it ran."""
    locks = _locks()
    total = sum(step.seconds for step in steps) or 1.0
    left, width = 170, 300
    drawn, before, y = [], 0.0, 18
    for step in steps:
        x = left + before / total * width
        long = max(1.5, step.seconds / total * width)
        color = "#3566a8" if step.part == "up" else "#8a5ca8"
        label = f"{step.revision} {step.part}  {step.seconds:.1f} s"
        drawn.append(_text(0, y, label))
        drawn.append(
            f'<rect x="{x:.1f}" y="{y - 12}" width="{long:.1f}" height="14" fill="{color}"/>'
        )
        lock = wrap(locks.get((step.revision, step.part), ""), LOCK_COLUMNS)
        for words in lock or [""]:
            drawn.append(_text(left + width + 16, y, words, quiet=True))
            y += 17
        y += 7
        before += step.seconds
    legend = _legend({"up": "#3566a8", "down": "#8a5ca8"})
    return legend + _svg("".join(drawn), y)


def _locks() -> dict[tuple[str, str], str]:
    """What the header of each step says of its lock."""
    return {
        (step.revision, part): step.script("up" if part == "up" else "down").header.values["lock"]
        for step in steps_to(repository_root())
        for part in ("up", "down")
    }


def _claims(checks: Sequence[Check]) -> str:
    items = "".join(
        f'<li class="{"holds" if check.holds else "fails"}">{escape(check.claim)}'
        f"{escape(f' ({check.detail})') if check.detail else ''}</li>"
        for check in checks
    )
    return f'<ul class="claims">{items}</ul>'
