"""Tables for people, of health and of what became of the rows of v1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Final

from setu.ops.reconciliation import RowReport

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def shown(value: object) -> str:
    """A value as text: thousands apart, times to the second with their zone, none as a dash.

    What would begin a new line or command a terminal is written as its escape.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], str(value))


def brief(count: int) -> str:
    """A count in seven characters at most: exact below a million."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if count >= size:
            return f"{count * 10 // size / 10:.1f} {unit}"
    return f"{count:,}"


def span(seconds: float | None) -> str:
    """A time in its largest unit, in six characters."""
    if seconds is None:
        return "–"
    if abs(seconds) < 99.95:
        return f"{seconds:.1f} s"
    for unit, size in (("min", 60), ("h", 3600)):
        if abs(seconds) < 99.5 * size:
            return f"{seconds / size:.0f} {unit}"
    days = seconds / 86_400
    return f"{days:.0f} d" if abs(days) < 999.5 else f"{days / 365.25:.0f} y"


def paragraph(text: str, indent: int) -> Iterator[str]:
    """A sentence in lines of 80 columns, those after the first indented more; no word is cut."""
    yield from wrap(
        " ".join(text.split()),
        80,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def plain_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[str]:
    """A table as lines of plain text, the same on a terminal and in a pipe; nothing when empty.

    Columns whose name begins with ``#`` stand to the right. No cell is cut or wrapped.
    """
    cells = [[shown(value) for value in row] for row in rows]
    if not cells:
        return
    heads = [column.removeprefix("#") for column in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    right = [column.startswith("#") for column in columns]
    yield ""
    yield title
    for line in (heads, *cells):
        placed = (
            cell.rjust(width) if end else cell.ljust(width)
            for cell, width, end in zip(line, widths, right, strict=True)
        )
        yield ("  " + "  ".join(placed)).rstrip()


def reconciliation_lines(report: RowReport) -> Iterator[str]:
    """What became of v1's rows, in 80 columns; names are not cut."""
    yield from plain_table(
        "v1's rows; they stay in _archive until it is dropped"
        if report.orphans is not None
        else "v1's rows; the archive was dropped, and these counts are what is left",
        ("table", "#v1 rows", "#migrated", "#merged", "#left out"),
        ((a.table, a.v1_rows, a.migrated, a.merged, a.left_out) for a in report.tables),
    )
    rounded = [a for a in report.tables if a.rounded]
    yield from plain_table(
        "Rounded: values that had more digits than v2 holds",
        ("table", "#rows"),
        ((a.table, a.rounded) for a in rounded),
    )
    notes = [a for a in report.tables if a.note]
    if notes:
        yield ""
        yield "Why"
        for account in notes:
            first, *rest = wrap(account.note, 74) or [""]
            yield (
                f"  {account.table}: {first}"
                if len(account.table) + len(first) < 76
                else (f"  {account.table}:")
            )
            if len(account.table) + len(first) >= 76:
                rest = [first, *rest]
            yield from (f"    {line}" for line in rest)
    yield from plain_table(
        "Left out: rows of machines that v1's master does not know",
        ("company", "machine", "#rows"),
        ((o.company_id, o.machine_id, o.rows) for o in report.orphans or ()),
    )
    if report.payloads:
        p = report.payloads
        rows: list[tuple[object, ...]] = [
            ("processed by v1", p.processed_by_v1, "stay in _archive"),
            ("flattened", p.flattened, f"{p.bronze_rows:,} bronze rows"),
        ]
        rows += [
            (f"rejected: {reason}", count, "wait in _etl.rejected_rows")
            for reason, count in p.rejected.items()
        ]
        yield from plain_table("Payloads of bronze.raw_telemetry", ("what", "#payloads", ""), rows)
