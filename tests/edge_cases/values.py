"""Edge-case names and times, for all the makers of v1 rows."""

from __future__ import annotations

import os
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import copysign

from psycopg2.extensions import AsIs

from setu.simulate.fleet import last_midnight

WEEK = timedelta(days=7)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INDIA = timedelta(hours=5, minutes=30)
TICK = timedelta(microseconds=1)

#: Taken once: what a run computes before and after a midnight must agree. Some days earlier, chunks
#: of a week begin on other days of the history.
LAST_MIDNIGHT = last_midnight() - timedelta(days=int(os.environ.get("SETU_TEST_DAYS_AGO", "0")))

# PostgreSQL cuts identifiers, not values, at 63 bytes: as a value it must come through whole.
LONG_NAME = "M" + "-0123456789" * 5 + "-012345"
QUOTED = "a 'single', a \"double\", a \\ and a $tag$"
WIDE = "オークマ旋盤 Düsseldorf मशीन"

# As a shift id of a row: mapped in some plants, in others not, or nowhere.
SHIFT_IDS = ("UNKNOWN", "", "Z", "1", "02", "2", "0", "70000", "SHIFT-1", "a", " A", WIDE)


def as_written(row: Sequence[object]) -> tuple[object, ...]:
    """The row for psycopg2, which writes a negative zero as a numeric, where it loses its sign."""
    return tuple(
        AsIs("'-0'::double precision")
        if isinstance(cell, float) and cell == 0 and copysign(1, cell) < 0
        else cell
        for cell in row
    )


def clock_changes(until: datetime) -> list[datetime]:
    """The last two changes of daylight saving before ``until``, in Europe and in North America."""
    changes: list[datetime] = []
    for year in (until.year - 1, until.year):
        changes += [
            _sunday(year, 3, -1) + timedelta(hours=1),
            _sunday(year, 10, -1) + timedelta(hours=1),
            _sunday(year, 3, 2) + timedelta(hours=7),
            _sunday(year, 11, 1) + timedelta(hours=6),
        ]
    return sorted(change for change in changes if change < until)[-4:]


def chunk_boundary(until: datetime) -> datetime:
    """The start of a 7-day chunk, a week or two before ``until``."""
    return EPOCH + (until - EPOCH) // WEEK * WEEK - WEEK


def edges(until: datetime) -> list[datetime]:
    """Midnights, a shift change, chunk boundaries, clock changes: each with both its sides."""
    midnight = until - timedelta(days=5)
    moments = [
        midnight,
        midnight - INDIA,
        midnight - INDIA + timedelta(hours=6),
        chunk_boundary(until),
        chunk_boundary(until) - WEEK,
        *clock_changes(until),
    ]
    offsets = (-timedelta(hours=1), -TICK, timedelta(0), TICK, timedelta(hours=1))
    return [moment + offset for moment in moments for offset in offsets]


def _sunday(year: int, month: int, which: int) -> datetime:
    sundays = [
        datetime(year, month, day, tzinfo=UTC)
        for day in range(1, monthrange(year, month)[1] + 1)
        if datetime(year, month, day).weekday() == 6
    ]
    return sundays[which if which < 0 else which - 1]
