"""Four cycles recorded from an Okuma lathe, with what must come of them in silver.

From the MTConnect Institute's demonstration log of 8 August 2022. They arrived out of order, which
is what makes them worth keeping.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class RecordedCycle:
    """A cycle as it was recorded, with the gap before it and its run time, in whole seconds."""

    cycle_start: datetime
    cycle_end: datetime
    gap: int | None
    run_time: int


def _at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2022-08-08T{clock}").replace(tzinfo=UTC)


# In the order of arrival.
OKUMA_CYCLES = (
    RecordedCycle(_at("13:51:36.771"), _at("13:54:43.501"), 249, 187),
    RecordedCycle(_at("13:37:22.796"), _at("13:47:27.759"), None, 605),
    RecordedCycle(_at("14:21:10.511"), _at("14:30:19.443"), 1389, 549),
    RecordedCycle(_at("13:57:44.329"), _at("13:58:01.081"), 181, 17),
)
