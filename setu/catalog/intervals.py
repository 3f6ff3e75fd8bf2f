"""Intervals as the server prints them in its default style."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_UNITS: Final = {
    "year": (12, 0, 0),
    "mon": (1, 0, 0),
    "month": (1, 0, 0),
    "week": (0, 7, 0),
    "day": (0, 1, 0),
    "hour": (0, 0, 3_600_000_000),
    "hr": (0, 0, 3_600_000_000),
    "min": (0, 0, 60_000_000),
    "minute": (0, 0, 60_000_000),
    "sec": (0, 0, 1_000_000),
    "second": (0, 0, 1_000_000),
    "ms": (0, 0, 1_000),
    "millisecond": (0, 0, 1_000),
    "us": (0, 0, 1),
    "microsecond": (0, 0, 1),
    "y": (12, 0, 0),
    "d": (0, 1, 0),
    "h": (0, 0, 3_600_000_000),
    "s": (0, 0, 1_000_000),
}
_PART: Final = re.compile(
    r"\s*(?:(?P<sign>[-+])?(?P<h>\d+):(?P<m>\d\d)(?::(?P<s>\d\d(?:\.\d+)?))?"
    r"|(?P<number>[-+]?\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)|(?P<bare>0))\s*"
)


@dataclass(frozen=True)
class Interval:
    """Months, days and microseconds, which PostgreSQL keeps apart."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read ``7 days``, ``1 hour 30 min``, ``01:30:00``. Raises ``ValueError``."""
        rest = text.strip().lower()
        months, days, micros, at = 0, 0, 0, 0
        if not rest:
            raise ValueError(text)
        while at < len(rest):
            part = _PART.match(rest, at)
            if part is None or part.end() == at:
                raise ValueError(text)
            at = part.end()
            if part["h"] is not None:
                amount = int(part["h"]) * 3_600_000_000 + int(part["m"]) * 60_000_000
                amount += int(Decimal(part["s"] or "0") * 1_000_000)
                micros += -amount if part["sign"] == "-" else amount
            elif part["unit"] is not None:
                unit = _UNITS.get(part["unit"]) or _UNITS.get(part["unit"].removesuffix("s"))
                if unit is None:
                    raise ValueError(text)
                number = Decimal(part["number"])
                months += int(number * unit[0])
                days += int(number * unit[1])
                micros += int(number * unit[2])
        return cls(months, days, micros)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            self.months + other.months,
            self.days + other.days,
            self.microseconds + other.microseconds,
        )

    def __sub__(self, other: Interval) -> Interval:
        return self + other.times(-1)

    def times(self, factor: int) -> Interval:
        """The interval so many times over."""
        return Interval(self.months * factor, self.days * factor, self.microseconds * factor)

    def __str__(self) -> str:
        parts = []
        years, months = divmod(self.months, 12)
        for amount, word in ((years, "year"), (months, "mon"), (self.days, "day")):
            if amount:
                parts.append(f"{amount} {word}{'' if amount == 1 else 's'}")
        if self.microseconds or not parts:
            sign = "-" if self.microseconds < 0 else ""
            seconds, micros = divmod(abs(self.microseconds), 1_000_000)
            text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            parts.append(text + (f".{micros:06}".rstrip("0") if micros else ""))
        return " ".join(parts)

    def width(self) -> Interval:
        """As the width of a chunk: a month counts 30 days, 24 hours are a day."""
        whole, rest = divmod(self.microseconds, 86_400_000_000)
        return Interval(0, self.months * 30 + self.days + whole, rest)
