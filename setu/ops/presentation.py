"""Tables for people, of health and of what became of the rows of v1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from setu.ops.health import Health
from setu.ops.reconciliation import RowReport

_NUMBER = "right"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; columns whose name begins with ``#`` hold numbers and stand to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        if column.startswith("#"):
            made.add_column(column[1:], justify="right")
        else:
            made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(value)) for value in row))
    return made


def shown(value: object) -> str:
    """A value as text: thousands apart, times to the second with their zone, none as a dash."""
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
    return str(value)


def rejects_table(health: Health) -> Table:
    """Rejected rows by reason."""
    return table(
        "Rejected rows",
        ("pipeline", "reason", "#waiting", "#resent", "the last one"),
        ((r.pipeline, r.reason, r.waiting, r.resent, r.last_detail) for r in health.rejects),
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


def reconciliation_tables(report: RowReport) -> list[Table]:
    """What became of v1's rows."""
    made = [
        table(
            "v1's rows (the archive was dropped: these counts are what is left)"
            if report.orphans is None
            else "v1's rows (all of them stay in _archive until it is dropped)",
            ("table", "#v1 rows", "#migrated", "#merged", "#left out", "#rounded", "why"),
            (
                (a.table, a.v1_rows, a.migrated, a.merged, a.left_out, a.rounded, a.note)
                for a in report.tables
            ),
        )
    ]
    if report.orphans:
        made.append(
            table(
                "Left out: rows of machines that v1's master does not know",
                ("company", "machine", "#rows"),
                ((o.company_id, o.machine_id, o.rows) for o in report.orphans),
            )
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
        made.append(table("Payloads of bronze.raw_telemetry", ("what", "#payloads", ""), rows))
    return made
