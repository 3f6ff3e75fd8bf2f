"""How reports reach Kafka: through gateways that go offline, send again, and have wrong clocks."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from setu.simulate.machine import Machine, Report

RESENT = 20
HOUR = timedelta(hours=1)
#: A controller whose clock is wrong says this much later than it is.
CLOCK_AHEAD = timedelta(days=365 * 100)


@dataclass(frozen=True)
class Fleet:
    """What is made up; the same fleet always sends the same messages.

    :param machines: how many, from 1; ``per_gateway`` of them share a gateway.
    :param start: when it begins and ``end`` when it stops, with time zones.
    :param outages: share of a gateway's hours in which it buffers and sends at their end.
    :param resends: share of its hours after which a gateway sends its last messages once more.
    :param clock_faults: share of a machine's hours in which its clock is a hundred years ahead.
    """

    machines: int
    start: datetime
    end: datetime
    seed: int = 1
    per_gateway: int = 10
    partitions: int = 12
    outages: float = 0.01
    resends: float = 0.02
    clock_faults: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the machines, in order."""
        return tuple(self.name_of(machine) for machine in range(self.machines))

    def name_of(self, machine: int) -> str:
        """The name of a machine, counted from 0."""
        return f"SIM-{machine + 1:05d}"

    def device_of(self, machine: int) -> str:
        """The device id under which a machine's gateway speaks for it: one a machine."""
        return f"SIM-D-{machine + 1:05d}"

    def gateway_of(self, machine: int) -> str:
        """The gateway through which a machine sends, and whose file it is in."""
        return f"SIM-GW-{machine // self.per_gateway + 1:04d}"


class Message(NamedTuple):
    """A message in Kafka: when it arrived, for which bronze table, and its columns.

    ``machine`` counts from 0. The integer key that v2 knows it by comes in when it is written.
    """

    sent_at: datetime
    table: str
    partition: int
    offset: int
    gateway: str
    device_id: str
    machine: int
    values: tuple[object, ...]


class _Sent(NamedTuple):
    sent_at: datetime
    order: int
    machine: int
    report: Report


def messages(fleet: Fleet) -> Iterator[Message]:
    """All messages of a fleet, in order of arrival; offsets have no gaps in any partition."""
    gateways = range(0, fleet.machines, fleet.per_gateway)
    offsets: defaultdict[int, int] = defaultdict(int)
    for sent in heapq.merge(*(_gateway(fleet, first) for first in gateways)):
        partition = sent.machine // fleet.per_gateway % fleet.partitions
        yield Message(
            sent.sent_at,
            sent.report.table,
            partition,
            offsets[partition],
            fleet.gateway_of(sent.machine),
            fleet.device_of(sent.machine),
            sent.machine,
            sent.report.values,
        )
        offsets[partition] += 1


def _gateway(fleet: Fleet, first: int) -> Iterator[_Sent]:
    """What one gateway sends, in order of sending."""
    numbers = range(first, min(first + fleet.per_gateway, fleet.machines))
    last: deque[_Sent] = deque(maxlen=RESENT)
    hour = fleet.start.astimezone(UTC)
    order = first
    offline = _happens(fleet, "outage", first, hour, fleet.outages)
    reports = heapq.merge(*(_machine(fleet, number) for number in numbers))
    for at, machine, report in reports:
        while at >= hour + HOUR:
            hour += HOUR
            offline = _happens(fleet, "outage", first, hour, fleet.outages)
            if _happens(fleet, "resend", first, hour, fleet.resends):
                for again in tuple(last):
                    yield _Sent(hour, order, again.machine, again.report)
                    order += fleet.machines
        sent = _Sent(hour + HOUR if offline else at, order, machine, report)
        order += fleet.machines
        last.append(sent)
        yield sent


def _machine(fleet: Fleet, number: int) -> Iterator[tuple[datetime, int, Report]]:
    """What one machine reports, its clock faults among it."""
    name = fleet.name_of(number)
    reports = Machine(name, fleet.seed, fleet.start).reports(fleet.end)
    if not fleet.clock_faults:
        yield from ((report.at, number, report) for report in reports)
        return
    for report in reports:
        hour = report.at.replace(minute=0, second=0, microsecond=0)
        if _happens(fleet, "clock", number, hour, fleet.clock_faults):
            yield report.at, number, report._replace(values=_ahead(report.values))
        else:
            yield report.at, number, report


def _ahead(values: tuple[object, ...]) -> tuple[object, ...]:
    """The values of a report by a clock that is a hundred years ahead."""
    return tuple(
        (datetime.fromisoformat(value) + CLOCK_AHEAD).isoformat(timespec="milliseconds")
        if isinstance(value, str) and value.endswith("+00:00")
        else value
        for value in values
    )


def _happens(fleet: Fleet, what: str, who: int, hour: datetime, share: float) -> bool:
    return share > 0 and _chance(f"{fleet.seed}/{what}/{who}/{hour.isoformat()}") < share


@lru_cache(maxsize=100_000)
def _chance(key: str) -> float:
    """A number from 0 up to 1 that depends on the key alone."""
    return random.Random(key).random()
