"""The life of one machine tool, as its controller would report it to a gateway.

A machine processes jobs: cycles of one program with loading between them, now and then a stop with
a code, sometimes with an alarm, pauses at the change of shift. Meanwhile it reports status, energy,
FOCAS amounts, tools and maintenance at fixed intervals.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

STATUS_S = 12
ENERGY_S = 300
FOCAS_S = 300
TOOL_S = 600
PROGRAM_S = 3600
MAINTENANCE_S = 86_400
SHIFT_S = 28_800
PAUSE_S = 900

#: Code and number, as the gateways of the fleet send them, with how often each is the reason.
STOPS = (("NO-OP", 1, 5), ("TOOL", 2, 3), ("SETUP", 3, 3), ("POWER", 4, 1))
ALARMS = (("1001", "Door open"), ("2041", "Spindle too hot"), ("3007", "Low coolant"))


class Report(NamedTuple):
    """What the controller reports: when, for which bronze table, and the business columns."""

    at: datetime
    table: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class _Stretch:
    """A time in which a machine does one thing: a cycle, loading, a stop, a pause."""

    begin: datetime
    end: datetime
    status: str
    program: str


class Machine:
    """One machine of a fleet.

    :param name: with ``seed`` it decides everything: the same two give the same life.
    :param start: when its life begins, with a time zone. Open rows come first, and are completed.
    """

    def __init__(self, name: str, seed: int, start: datetime) -> None:
        self._chance = random.Random(f"{seed}/{name}")
        self._begin = start.astimezone(UTC)
        self._programs = [f"O{self._chance.randrange(1000, 9999)}" for _ in range(4)]
        self._operator = f"OP-{self._chance.randrange(1, 60)}"
        self._parts = self._good = 0
        self._cutting = 0.0

    def reports(self, end: datetime) -> Iterator[Report]:
        """All reports from the start until ``end``, in order of time."""
        return takewhile(lambda report: report.at < end, self._life())

    def _life(self) -> Iterator[Report]:
        clock = self._begin + timedelta(seconds=self._chance.randrange(120))
        while True:
            program = self._chance.choice(self._programs)
            standard = self._chance.randrange(120, 900)
            loading = self._chance.randrange(20, 90)
            for _ in range(self._chance.randrange(10, 60)):
                clock = yield from self._part(clock, program, standard, loading)

    def _part(
        self, clock: datetime, program: str, standard: int, loading: int
    ) -> Generator[Report, None, datetime]:
        """One part: a pause or a stop where it is due, loading, and the cycle; the time after."""
        pause = PAUSE_S - _second_of_shift(clock)
        if pause > 0:
            clock = yield from self._wait(clock, pause, "Idle", program)
        if self._chance.random() < 0.03:
            clock = yield from self._stop(clock, program)
        load = max(1.0, self._chance.gauss(loading, loading / 5))
        clock = yield from self._wait(clock, load, "Idle", program)
        begin = clock
        lasts = max(5.0, self._chance.gauss(standard, standard / 25))
        end = begin + timedelta(seconds=round(lasts, 3))
        rest = (program, loading, standard, 300)
        if self._chance.random() < 0.1:
            yield Report(begin, "raw_machine_cycles", (_iso(begin), None, *rest))
        yield from self._meanwhile(_Stretch(begin, end, "Running", program))
        yield Report(end, "raw_machine_cycles", (_iso(begin), _iso(end), *rest))
        self._parts += 1
        self._good += self._chance.random() > 0.01
        self._cutting += lasts * 0.8
        return end

    def _stop(self, clock: datetime, program: str) -> Generator[Report, None, datetime]:
        code, number, _ = self._chance.choices(STOPS, [often for *_, often in STOPS])[0]
        lasts = min(7200.0, self._chance.lognormvariate(5.5, 1.0))
        end = clock + timedelta(seconds=round(lasts, 3))
        rest = (program, code, number, 300)
        yield Report(clock, "raw_machine_downtime", (_iso(clock), None, *rest))
        if self._chance.random() < 0.4:
            alarm = self._chance.choice(ALARMS)
            yield Report(clock, "raw_machine_alarms", (_iso(clock), *alarm))
        yield from self._meanwhile(_Stretch(clock, end, "Stopped", program))
        yield Report(end, "raw_machine_downtime", (_iso(clock), _iso(end), *rest))
        return end

    def _wait(
        self, clock: datetime, seconds: float, status: str, program: str
    ) -> Generator[Report, None, datetime]:
        end = clock + timedelta(seconds=round(seconds, 3))
        yield from self._meanwhile(_Stretch(clock, end, status, program))
        return end

    def _meanwhile(self, stretch: _Stretch) -> Iterator[Report]:
        """What is reported at fixed intervals while the machine does one thing."""
        due = [
            (at, table)
            for table, every in _EVERY.items()
            for at in _ticks(stretch.begin, stretch.end, every)
        ]
        for at, table in sorted(due):
            yield Report(at, table, (_iso(at), *self._amounts(table, stretch)))

    def _amounts(self, table: str, stretch: _Stretch) -> tuple[object, ...]:
        chance = self._chance
        runs = stretch.status == "Running"
        if table == "raw_machine_status":
            return (stretch.program, stretch.status, self._operator, 40)
        if table == "raw_machine_energy":
            spindle = round(chance.uniform(0.2, 1.5) if runs else 0.02, 3)
            servo = round(chance.uniform(0.05, 0.3), 3)
            return ("Machine", servo, spindle, round(spindle + servo + 0.1, 3))
        if table == "raw_machine_focas":
            parts, rejects = self._parts, self._parts - self._good
            cutting = min(self._cutting, float(FOCAS_S))
            self._parts = self._good = 0
            self._cutting = 0.0
            running = float(FOCAS_S) if runs else 0.0
            return (float(parts), float(rejects), float(FOCAS_S), running, cutting)
        if table == "raw_machine_tool_usage":
            return (f"T{chance.randrange(1, 24)}", 500, chance.randrange(1, 500))
        if table == "raw_machine_focas_program_production":
            return (stretch.program, chance.randrange(3, 30), 25, 60, 420)
        return ("OK", chance.randrange(3), chance.randrange(2))


_EVERY = {
    "raw_machine_status": STATUS_S,
    "raw_machine_energy": ENERGY_S,
    "raw_machine_focas": FOCAS_S,
    "raw_machine_tool_usage": TOOL_S,
    "raw_machine_focas_program_production": PROGRAM_S,
    "raw_machine_pm_status": MAINTENANCE_S,
    "raw_machine_am_status": MAINTENANCE_S,
}


def _ticks(begin: datetime, end: datetime, every: int) -> Iterator[datetime]:
    """The multiples of ``every`` seconds since 1970 within a half-open stretch."""
    at = -(-begin.timestamp() // every) * every
    while at < end.timestamp():
        yield datetime.fromtimestamp(at, UTC)
        at += every


def _second_of_shift(at: datetime) -> int:
    return int(at.timestamp()) % SHIFT_S


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
