"""Faults of TimescaleDB that touch what SETU does, by the version that ended each.

Taken from TimescaleDB's release notes, 2.18 to 2.29.2. What loses rows stops a run; the others are
said, with what to watch for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Fault:
    """One fault: versions from ``first`` up to, not with, ``fixed`` have it."""

    number: int
    first: Version
    fixed: Version
    what: str
    stops: bool = False

    def __str__(self) -> str:
        """The fault, with its number and the version that ended it."""
        version = ".".join(str(part) for part in self.fixed)
        return f"{self.what} (#{self.number}, ended by {version})"


FAULTS: Final = (
    Fault(
        7673,
        (2, 18, 0),
        (2, 18, 1),
        "INSERT … ON CONFLICT into a compressed chunk drops the rows after the first conflict",
        stops=True,
    ),
    Fault(
        9276,
        (2, 18, 0),
        (2, 25, 2),
        "ON CONFLICT into compressed chunks mistakes NULL and DEFAULT in its search for duplicates",
    ),
    Fault(
        9767,
        (2, 18, 0),
        (2, 27, 0),
        "ALTER EXTENSION timescaledb UPDATE can fail where chunks were dropped by retention",
    ),
    Fault(
        9360,
        (2, 18, 0),
        (2, 26, 4),
        "After a failover a job may stay at -infinity and never start: alter_job(id, next_start => "
        "now()) starts it",
    ),
    Fault(9486, (2, 18, 0), (2, 26, 2), "The scheduler can crash while it looks for a job's owner"),
    Fault(
        9929,
        (2, 18, 0),
        (2, 28, 0),
        "Jobs can wait for ever where background workers are scarce",
    ),
    Fault(
        10423,
        (2, 20, 0),
        (2, 29, 2),
        "DISTINCT over partly compressed chunks can leave out rows; SET "
        "timescaledb.enable_compressed_skipscan = off avoids it",
    ),
    Fault(
        10221,
        (2, 19, 0),
        (2, 29, 0),
        "A refresh policy can skip the last bucket of what changed: an aggregate lacks it until a "
        "later refresh covers it",
    ),
    Fault(
        9392,
        (2, 25, 0),
        (2, 26, 2),
        "A condition on time that is computed as it runs, such as one with now(), can be left out "
        "where a chunk seems to fulfil it whole, and rows come that it excludes",
    ),
    Fault(
        9902,
        (2, 19, 0),
        (2, 27, 2),
        "GROUP BY over compressed chunks can take one column for another where not all of them are "
        "selected; SET timescaledb.enable_vectorized_aggregation = off avoids it",
    ),
    Fault(
        9921,
        (2, 18, 0),
        (2, 29, 2),
        "IS NULL over compressed chunks can give wrong rows where a sparse index is used",
    ),
)


def faults_of(version: Version) -> Iterator[Fault]:
    """The faults that a version of TimescaleDB has."""
    return (fault for fault in FAULTS if fault.first <= version < fault.fixed)
