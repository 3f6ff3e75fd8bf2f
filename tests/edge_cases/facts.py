"""Edge-case rows of v1's silver tables beside machine_cycles.

All tables get the same moments, machines and shifts (:func:`_events`); each brings its own values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

import psycopg2.extensions
from psycopg2.extras import execute_values

from tests.edge_cases.values import LONG_NAME, QUOTED, SHIFT_IDS, WIDE, as_written, edges

_Connection = psycopg2.extensions.connection
_Row = tuple[object, ...]

_MINUTES = timedelta(minutes=5)
_INTEGER_MAX = 2_147_483_647
_INTEGER_MIN = -2_147_483_648
# Halves on both sides of zero, where rounding to even differs from rounding away from it; a
# negative zero; what is not zero, but rounds to it; the ends of integer, once rounded.
_COUNTS = (0.5, -0.5, 1.5, 2.5, -2.5, 7.0, -0.0, 1e-300, 2_147_483_647.4, -2_147_483_648.4)
# The same for numeric(12,3); and sums that no decimal holds.
_ENERGIES = (0.0005, -0.0005, 1.0015, 0.1 + 0.2, -0.0, 1e-300, 999_999_999.999, -999_999_999.999)


@dataclass(frozen=True)
class _Table:
    """A silver table: its own columns, the values of a plain row, and edge cases.

    ``other`` stands for the plain values in a row that is sent again with other ones;
    ``anyone`` says that no foreign key ties the company.
    """

    name: str
    columns: tuple[str, ...]
    plain: _Row
    other: _Row
    edge_case: tuple[_Row, ...] = ()
    shift: bool = True
    anyone: bool = False


def _number_rows(numbers: Sequence[float], width: int, before: _Row = ()) -> tuple[_Row, ...]:
    return tuple((*before, *([number] * width)) for number in numbers)


_TABLES = (
    _Table(
        "machine_status",
        ("program_no", "status", "operator_id", "target"),
        ("O1", "Running", "7", 12),
        ("O1", "Stopped", "7", 12),
        (
            ("", "", "", 0),
            ("O1", "RUNNING", "op", _INTEGER_MAX),
            (QUOTED, QUOTED, QUOTED, _INTEGER_MIN),
            (WIDE, WIDE, WIDE, -1),
            ("O1", "Idle", None, None),
        ),
    ),
    _Table(
        "machine_alarms",
        ("alarm_no", "alarm_desc"),
        ("1001", "Spindle too hot"),
        ("1002", "Spindle too hot"),
        (("", "An empty number is no null"), (QUOTED, QUOTED), (WIDE, WIDE), (LONG_NAME, "")),
    ),
    _Table(
        "machine_energy",
        ("category", "servo_energy", "spindle_energy", "total_energy"),
        ("all", 1.5, 2.25, 3.75),
        ("all", 1.5, 2.25, 4.0),
        (
            *_number_rows(_ENERGIES, 3, ("all",)),
            ("", 1.0, 2.0, 3.0),
            (QUOTED, 1.0, None, 1.0),
            (WIDE, None, 1.0, 1.0),
        ),
    ),
    _Table(
        "machine_focas",
        ("part_count", "rej_count", "pot", "ot", "ct"),
        (12.0, 0.0, 3600.0, 1800.0, 900.0),
        (12.5, 0.0, 3600.0, 1800.0, 900.0),
        _number_rows(_COUNTS, 5),
    ),
    _Table(
        "machine_tool_usage",
        ("tool_no", "target_count", "actual_count"),
        ("T1", 100.0, 12.0),
        ("T1", 100.0, 12.5),
        (
            *_number_rows(_COUNTS, 2, ("T2",)),
            ("", 1.0, None),
            (QUOTED, None, 1.0),
            (WIDE, 1.0, 1.0),
        ),
        anyone=True,
    ),
    _Table(
        "machine_pm_status",
        ("status", "pm_corrected_count", "pm_pending_count"),
        ("Pending", 3, 4),
        ("Done", 7, 0),
        (("", 0, 0), (QUOTED, _INTEGER_MAX, _INTEGER_MIN), (WIDE, -1, None)),
        anyone=True,
    ),
    _Table(
        "customer_feedback",
        ("user_id", "batch_no", "question_id", "question_category", "rating_value", "comments"),
        ("u-1", "B-1", "q-1", "Quality", 5, "Good"),
        ("u-1", "B-1", "q-1", "Quality", 1, "Bad"),
        (
            # Empty and null are two answers to v1, and one key to v2.
            ("", "", "", "", 0, ""),
            (None, "", None, "", 0, ""),
            ("u-404", None, "q-1", None, _INTEGER_MIN, QUOTED),
            (QUOTED, QUOTED, QUOTED, QUOTED, _INTEGER_MAX, QUOTED),
            (WIDE, WIDE, WIDE, WIDE, -1, WIDE * 50),
        ),
        shift=False,
    ),
)

# (down_code, down_id): as master has them, at odds with it, and unknown to it.
_CODES: tuple[tuple[str | None, int | None], ...] = (
    ("NO-OP", 1),
    ("NO-OP", 7),
    ("POWER", 5),
    ("SETUP", 5),
    ("TOOL", 2),
    ("TOOL", 3),
    ("TOOL", 4),
    ("NO-OP", 5),
    ("NO-OP", None),
    (None, 1),
    ("GONE", 999),
    ("GONE", None),
    (None, 999),
    ("no-op", 1),
    (" NO-OP", 11),
    ("", 0),
    (QUOTED, -1),
    (LONG_NAME, _INTEGER_MAX),
    (WIDE, 12),
    ("AGELESS", 8),
    (None, _INTEGER_MIN),
    (None, None),
)


@dataclass(frozen=True)
class _Event:
    """A row without its own values; ``kind`` says which of a table's values it takes."""

    at: datetime
    machine: str = "M-1"
    company: str = "north"
    created: datetime | None = None
    shift: str | None = "A"
    kind: str = "plain"


def edge_case_facts(connection: _Connection, end: datetime) -> None:
    """Add the rows; needs the companies and machines of ``edge_case_rows``. Commits nothing."""
    for table in _TABLES:
        names = ("time", "company_id", "machine_id", *table.columns, "created_at")
        rows: list[_Row] = []
        edge_case = cycle(table.edge_case)
        for event in _events(end, anyone=table.anyone, edge_case=len(table.edge_case)):
            match event.kind:
                case "null":
                    # machine_tool_usage.tool_no is the one that v1 insists on.
                    values: _Row = tuple(
                        "" if name == "tool_no" else None for name in table.columns
                    )
                case "other":
                    values = table.other
                case "edge_case":
                    values = next(edge_case)
                case _:
                    values = table.plain
            row = (event.at, event.company, event.machine, *values, event.created)
            rows.append((*row, event.shift) if table.shift else row)
        _write(connection, table.name, (*names, "shift_id") if table.shift else names, rows)
    _write(connection, "machine_downtime", _DOWNTIME, list(_downtimes(end)))


def unconvertible_numbers(connection: _Connection, *, until: datetime) -> None:
    """Add numbers that v2's types cannot hold: too large once rounded, infinite, no number.

    Needs ``edge_case_rows`` first. Commits nothing.
    """
    at = until - timedelta(days=3)
    inf, nan = float("inf"), float("nan")
    counts = (2_147_483_647.5, 2_147_483_647.499_999_5, -2_147_483_648.5, 1e300, inf, -inf, nan)
    # numeric(12,3) has a NaN of its own. The second is printed as the first, and rounds as it.
    energies = (999_999_999.9995, 999_999_999.999_499_96, -1e9, 1e300, inf, -inf)
    for table in _TABLES:
        if table.name not in ("machine_energy", "machine_focas", "machine_tool_usage"):
            continue
        numbers = energies if table.name == "machine_energy" else counts
        # One column at a time, and the others whole.
        first = next(n for n, value in enumerate(table.plain) if isinstance(value, float))
        rows: list[_Row] = [
            (
                at + (column * len(numbers) + place) * _MINUTES, "north", "M-1",
                *table.plain[:column], number, *table.plain[column + 1 :],
            )
            for column in range(first, len(table.plain))
            for place, number in enumerate(numbers)
        ]  # fmt: skip
        _write(connection, table.name, ("time", "company_id", "machine_id", *table.columns), rows)


def _write(
    connection: _Connection, table: str, columns: Sequence[str], rows: Sequence[_Row]
) -> None:
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            f"INSERT INTO silver.{table} ({', '.join(columns)}) VALUES %s",
            map(as_written, rows),
            page_size=1000,
        )


def _events(end: datetime, *, anyone: bool, edge_case: int) -> Iterator[_Event]:
    start = end - timedelta(days=10)
    # Sent again: the same to the last bit, with other values, earlier, and at no known time.
    yield _Event(start, created=end)
    yield _Event(start, created=end)
    yield _Event(start, created=end - _MINUTES, kind="other")
    yield _Event(start, created=end + _MINUTES, kind="other", shift="B")
    yield _Event(start, created=None, kind="null")
    yield _Event(start, created=None, kind="null", shift=None)
    # The same machine id in another company is another machine.
    yield _Event(start, company="south", created=end)
    # Orphans: no such machine; the machine of another company; a company without any, or none.
    yield _Event(start, machine="M-404", created=end)
    yield _Event(start, machine="M-2", company="south", created=end)
    yield _Event(start, company="empty", created=end)
    yield _Event(start, machine="m-1", created=end)
    yield _Event(start, machine="", created=end)
    if anyone:
        yield _Event(start, company="nobody", created=end)
        yield _Event(start, company="", created=None, kind="null", shift=None)
    # Null wherever null is allowed.
    yield _Event(start + _MINUTES, machine="M-2", created=None, shift=None, kind="null")
    # Values at their ends, twice each.
    start += timedelta(hours=1)
    for number in range(2 * edge_case):
        yield _Event(start + number * _MINUTES, machine="M-3", shift="24h", kind="edge_case")
    # Shift ids of all kinds, mapped or not.
    start += timedelta(hours=4)
    for number, shift in enumerate(SHIFT_IDS):
        at = start + number * _MINUTES
        yield _Event(at, machine="M-2", shift=shift)
        yield _Event(at, machine=QUOTED, company="south", shift=shift)
        yield _Event(at, machine=WIDE, company=WIDE, shift=shift)
    yield _Event(start, machine=LONG_NAME, company="south", created=end)
    for at in edges(end):
        yield _Event(at, created=end)
        yield _Event(at, machine=WIDE, company=WIDE, created=end, shift=None)


_DOWNTIME = (
    "down_start", "down_end", "company_id", "machine_id", "down_code", "down_id", "down_threshold",
    "created_at", "shift_id",
)  # fmt: skip


def _downtimes(end: datetime) -> Iterator[_Row]:
    def row(
        event: _Event,
        until: datetime | None,
        code: tuple[str | None, int | None] = ("NO-OP", 1),
        threshold: int | None = 300,
    ) -> _Row:
        return (
            event.at, until, event.company, event.machine, *code, threshold, event.created,
            event.shift,
        )  # fmt: skip

    for event in _events(end, anyone=False, edge_case=4):
        match event.kind:
            case "null":
                yield row(event, None, (None, None), None)
            case "other":
                yield row(event, event.at + 2 * _MINUTES, ("TOOL", 2))
            case _:
                yield row(event, event.at + _MINUTES)
    # Each code in each company that might mean it.
    start = end - timedelta(days=8)
    for number, code in enumerate(_CODES):
        for machine, company in (("M-1", "north"), ("M-1", "south"), (WIDE, WIDE)):
            at = start + number * _MINUTES
            yield row(_Event(at, machine, company, end), at + _MINUTES, code)
    # End before start, end at start, open for good, days long; thresholds at their ends.
    start += timedelta(days=1)
    yield row(_Event(start, created=end), start - _MINUTES, threshold=_INTEGER_MAX)
    yield row(_Event(start + _MINUTES, created=end), start + _MINUTES, threshold=_INTEGER_MIN)
    yield row(_Event(start + 2 * _MINUTES, created=end), None, threshold=0)
    yield row(_Event(start + 3 * _MINUTES, created=end), start + timedelta(days=4))
