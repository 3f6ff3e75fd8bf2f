"""What the loads must come to, in plain Python.

The model sees all rows at once: it knows nothing of batches, order, watermarks or a cache. Rows are
dictionaries by column name. An instant is a ``datetime`` or the text ``infinity`` or ``-infinity``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
Key = tuple[Any, ...]

INTEGERS = range(-(2**31), 2**31)
FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=24855)
FUTURE_LIMIT = timedelta(days=1)
LONGEST_KEY = 2600


@dataclass(frozen=True)
class Fact:
    """A fact table: its time column, its third key column, and the kind of each own column.

    Kinds: ``text``, ``end``, ``integer`` (from an integer), ``count`` (an integer from a double),
    ``decimal`` (numeric(12, 3) from a double), ``code`` (a downtime code).
    """

    name: str
    instant: str
    own: Mapping[str, str]
    key: str | None = None
    key_may_miss: bool = False

    @property
    def word(self) -> str:
        """How reason codes call the time column."""
        return "start" if self.instant.endswith("_start") else "time"

    @property
    def sent(self) -> tuple[str, ...]:
        """The columns that a source sends for it."""
        more = ("down_code",) if "down_id" in self.own else ()
        return (self.instant, *((self.key,) if self.key else ()), *self.own, *more)


def _own(kind: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, kind)


_INTEGERS = {"std_load_unload": "integer", "std_cycle_time": "integer"}
CYCLES = Fact(
    "machine_cycles",
    "cycle_start",
    {"cycle_end": "end", "program_no": "text", **_INTEGERS, "down_threshold": "integer"},
)
OTHER_FACTS = (
    Fact(
        "machine_downtime",
        "down_start",
        {"down_end": "end", "program_no": "text", "down_id": "code", "down_threshold": "integer"},
    ),
    Fact(
        "machine_status",
        "event_time",
        {**_own("text", "program_no", "status", "operator_id"), "target": "integer"},
    ),
    Fact("machine_alarms", "event_time", _own("text", "alarm_desc"), "alarm_no", True),
    Fact(
        "machine_energy",
        "event_time",
        _own("decimal", "servo_energy", "spindle_energy", "total_energy"),
        "category",
        True,
    ),
    Fact(
        "machine_focas", "event_time", _own("count", "part_count", "rej_count", "pot", "ot", "ct")
    ),
    Fact(
        "machine_focas_program_production",
        "event_time",
        {"actual_count": "integer", "target_count": "integer", **_INTEGERS},
        "program_no",
    ),
    Fact(
        "machine_tool_usage", "event_time", _own("count", "target_count", "actual_count"), "tool_no"
    ),
    *(
        Fact(
            f"machine_{kind}_status",
            "event_time",
            {
                "status": "text",
                f"{kind}_corrected_count": "integer",
                f"{kind}_pending_count": "integer",
            },
        )
        for kind in ("pm", "am")
    ),
)


# ------------------------------------------------------------------------------------- master data


@dataclass(frozen=True)
class Shift:
    """A running shift; start and end are times since midnight, days 0 or 1."""

    shift_id: int
    name: str | None
    start: timedelta
    end: timedelta
    from_day: int = 0
    to_day: int = 0


@dataclass(frozen=True)
class Plant:
    """A plant, as far as shifts go."""

    timezone: str = "Asia/Kolkata"
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A registered machine; its plant may be none, and so may its gateway."""

    company: int
    plant: Plant
    device: str | None = None


@dataclass(frozen=True)
class Codes:
    """Downtime codes: the catalogue by text, and what each company means by its numbers."""

    by_text: Mapping[str, int]
    by_number: Mapping[int, Mapping[int, int]]

    def read(self, company: int, number: int | None, text: str | None) -> int | None:
        """The code that is meant: the text decides, then the company's number."""
        if text is not None and text in self.by_text:
            return self.by_text[text]
        return self.by_number.get(company, {}).get(number) if number is not None else None

    def doubt(self, company: int, number: int | None, text: str | None) -> bool:
        """Whether something of it was not read as it was sent."""
        by_text = self.by_text.get(text) if text else None
        by_number = self.by_number.get(company, {}).get(number) if number is not None else None
        return bool(
            (text and by_text is None)
            or (number is not None and by_number is None)
            or (by_text is not None and by_number is not None and by_text != by_number)
        )


def wall_instant(wall: datetime, timezone: str) -> datetime:
    """When a clock shows a time: the later of two such instants, or the jump that skips it."""
    zone = ZoneInfo(timezone)
    at = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    before, after = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            after = middle
        else:
            before = middle
    return after


@lru_cache(maxsize=100_000)
def shifts_on(plant: Plant, day: date) -> tuple[tuple[datetime, datetime, Shift], ...]:
    """The shifts of a business date with their begin and end."""
    midnight = datetime.combine(day, datetime.min.time())
    found = []
    for shift in plant.shifts:
        starts, ends = (
            wall_instant(midnight + timedelta(days=days) + time, plant.timezone)
            for days, time in ((shift.from_day, shift.start), (shift.to_day, shift.end))
        )
        if starts < ends:
            found.append((starts, ends, shift))
    return tuple(found)


def shift_at(plant: Plant, instant: datetime) -> tuple[int, str | None, date]:
    """Shift id, its name and the business date: each shift is one piece of time."""
    wall = instant.astimezone(ZoneInfo(plant.timezone)).replace(tzinfo=None)
    for days_back in range(-1, 3):
        day = wall.date() - timedelta(days=days_back)
        for starts, ends, shift in shifts_on(plant, day):
            if starts <= instant < ends:
                return shift.shift_id, shift.name, day
    return 0, "UNKNOWN", wall.date()


# ------------------------------------------------------------------------------------------ values


def rounded(value: Decimal | float) -> int:
    """The nearest whole number, half away from zero."""
    return int(Decimal(value).to_integral_value(ROUND_HALF_UP))


def to_decimal(value: float) -> Decimal:
    """Three places, half away from zero, of the 15 digits that a double stands for."""
    return Decimal(f"{value:.15g}").quantize(Decimal("0.001"), ROUND_HALF_UP)


def fits(kind: str, value: Any) -> bool:
    """Whether a value goes into silver."""
    if value is None or kind not in ("integer", "count", "decimal"):
        return True
    if not isfinite(value):
        return False
    if kind == "decimal":
        return abs(value) < 1e10 and abs(to_decimal(value)) < 10**9
    return rounded(value) in INTEGERS


def _converted(kind: str, row: Row, name: str, codes: Codes, company: int) -> Any:
    value = row.get(name)
    if kind == "code":
        return codes.read(company, value, row.get("down_code"))
    if value is None or kind in ("text", "end"):
        return value
    return to_decimal(value) if kind == "decimal" else rounded(value)


# ------------------------------------------------------------------------------------------- loads


def reason(
    fact: Fact, row: Row, machines: Mapping[int, Machine], checks_sender: bool = True
) -> str | None:
    """Why a row cannot be loaded; None when it can.

    ``device_id`` may be left out: the machine's own. ``arrival`` likewise: never too early.
    """
    instant = row.get(fact.instant)
    if row["machine_iot_id"] not in machines:
        return "unknown_machine"
    device = machines[row["machine_iot_id"]].device
    if checks_sender and device and row.get("device_id") not in (None, device):
        return "sender_mismatch"
    if instant is None:
        return f"missing_{fact.word}"
    if isinstance(instant, str) or not FIRST_INSTANT <= instant < END_OF_TIME:
        return f"{fact.word}_out_of_range"
    if "arrival" in row and instant > row["arrival"] + FUTURE_LIMIT:
        return f"{fact.word}_in_future"
    if fact.key and not fact.key_may_miss and row.get(fact.key) is None:
        return "missing_key"
    if fact.key and len((row.get(fact.key) or "").encode()) > LONGEST_KEY:
        return "key_too_long"
    for end in (row.get(name) for name, kind in fact.own.items() if kind == "end"):
        if end == "-infinity" or (isinstance(end, datetime) and end < instant):
            return "end_before_start"
        if end == "infinity" or (isinstance(end, datetime) and end - instant > LONGEST):
            return "end_out_of_range"
    if not all(fits(kind, row.get(name)) for name, kind in fact.own.items()):
        return "value_out_of_range"
    return None


@dataclass
class Outcome:
    """What there must be afterwards; ``rejects`` by the row's place in the input."""

    silver: dict[Key, dict[str, Any]]
    rejects: dict[int, str] = field(default_factory=dict)
    state: dict[int, tuple[datetime, datetime | None]] = field(default_factory=dict)
    loaded: int = 0
    merged: int = 0
    doubtful_codes: int = 0


def load(
    fact: Fact,
    rows: Sequence[Row],
    machines: Mapping[int, Machine],
    codes: Codes,
    history: Mapping[Key, Row] | None = None,
    checks_sender: bool = True,
) -> Outcome:
    """All rows of bronze, in the order of their arrival, loaded over what silver held before."""
    before = history or {}
    outcome = Outcome({key: dict(row) for key, row in before.items()})
    silver = outcome.silver
    timed: set[Key] = set()
    for place, row in enumerate(rows):
        why = reason(fact, row, machines, checks_sender)
        if why:
            outcome.rejects[place] = why
            continue
        key = key_of(fact, row)
        machine = machines[key[0]]
        own = {
            name: _converted(kind, row, name, codes, machine.company)
            for name, kind in fact.own.items()
        }
        outcome.doubtful_codes += "down_id" in own and codes.doubt(
            machine.company, row.get("down_id"), row.get("down_code")
        )
        if key in silver:
            outcome.merged += 1
            # The known value that arrived last counts; null never erases.
            silver[key].update({n: value for n, value in own.items() if value is not None})
        else:
            outcome.loaded += 1
            silver[key] = _placed(machine, row[fact.instant]) | own
            timed.add(key)
        if own.get("cycle_end") not in (None, before.get(key, {}).get("cycle_end")):
            timed.add(key)
    if fact is CYCLES:
        _stitch(silver, before, timed)
        for machine_key, start in sorted(silver):
            outcome.state[machine_key] = (start, silver[machine_key, start]["cycle_end"])
    return outcome


def key_of(fact: Fact, row: Row) -> Key:
    """The key that a row has in silver."""
    key: Key = (row["machine_iot_id"], row[fact.instant])
    return (*key, row.get(fact.key) or "") if fact.key else key


def _placed(machine: Machine, instant: datetime) -> dict[str, Any]:
    shift_id, name, logical_date = shift_at(machine.plant, instant)
    return {
        "logical_date": logical_date,
        "company_iot_id": machine.company,
        "shift_id": shift_id,
        "shift_name": name,
    }


def _stitch(silver: dict[Key, dict[str, Any]], history: Mapping[Key, Row], timed: Set[Key]) -> None:
    """Run time of each cycle and its gap from the machine's one before.

    ``timed`` are the cycles that are new or were sent with another end, if only for a while.
    History stands as it is, unless the cycle is among them, or the one before it.
    """
    previous = _previous(silver)
    for key, cycle in silver.items():
        start, end = key[1], cycle["cycle_end"]
        if key in timed:
            cycle["actual_cycle_time"] = None if end is None else rounded(_seconds(end - start))
        last = previous[key]
        if key in history and last not in timed:
            continue
        last_end = silver[last]["cycle_end"] if last else None
        gap = None if last_end is None else max(0, rounded(_seconds(start - last_end)))
        cycle["actual_load_unload"] = None if gap is None else min(gap, INTEGERS[-1])


def _previous(keys: Iterable[Key]) -> dict[Key, Key | None]:
    """For each cycle the one before it of the same machine."""
    ordered = sorted(keys)
    return {
        key: last if last and last[0] == key[0] else None
        for last, key in zip([None, *ordered], ordered, strict=False)
    }


def _seconds(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1)) / 10**6
