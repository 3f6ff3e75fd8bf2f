"""What a run up or down the chain would do, before it does anything.

Locks are observed, not guessed: the steps run in a scratch database that stands where the real one
stands, and the locks that each holds at its end on objects that were there before are read. Rows,
disk and time come from the real database (``setu.review.amounts``) and a rate that is measured in
the scratch one. What cannot be undone is read from the steps (``setu.review.undoing``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection

from setu.chain.repository import steps_to
from setu.chain.script import Script
from setu.chain.settings import Settings
from setu.chain.step import Part, Step
from setu.chain.unfinished import UnfinishedStep, unfinished_step
from setu.db.connection import autocommit, connected
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError
from setu.review.amounts import Amount, Amounts, measured
from setu.review.scratch import (
    ScratchError,
    ScratchServer,
    missing_roles,
    of_server,
    run_steps,
    with_stand_ins,
)
from setu.review.undoing import Undoing, bodies_of, loses, refusals, way_back

_MODES: Final = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
_ORDER: Final = {mode: place for place, mode in enumerate(_MODES)}
#: From here on writers of the object wait.
_STRONG: Final = _ORDER["ShareLock"]
_RELATIONS: Final = """
SELECT c.oid, n.nspname || '.' || c.relname
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^(pg_|_timescaledb|information_)'"""
_HELD: Final = """
SELECT l.relation, l.mode FROM pg_catalog.pg_locks AS l
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted"""
_SAMPLE_ROWS: Final = 50_000


@dataclass(frozen=True)
class Lock:
    """A lock on an object that is there before the step."""

    mode: str
    object: str

    @property
    def blocks_writers(self) -> bool:
        """Whether writers of the object wait for the step to end."""
        return self.mode in [m for k, m in _MODES.items() if _ORDER[k] >= _STRONG]


@dataclass(frozen=True)
class PlannedStep:
    """One step. ``locks`` is None where they could not be observed; then ``stated`` says them."""

    revision: str
    name: str
    what: str
    transaction: bool
    statements: tuple[str, ...]
    stated: str
    locks: tuple[Lock, ...] | None
    loses: str
    undone: str
    refuses: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class RunPlan:
    """A whole run; ``refusals`` are what pre-flight says, ``warnings`` what it only mentions.

    ``back`` is what undoing the run would lose, and on what it would refuse.
    """

    start: str | None
    end: str | None
    direction: str
    steps: tuple[PlannedStep, ...]
    rate: float
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    back: tuple[Undoing, ...] = ()

    @property
    def rows(self) -> int:
        """Rows to move, all steps together."""
        return sum(step.rows for step in self.steps)

    @property
    def bytes(self) -> int:
        """Disk that is needed beside what is used now."""
        return sum(step.bytes for step in self.steps)

    @property
    def seconds(self) -> float:
        """An estimate of how long it takes."""
        return sum(step.seconds for step in self.steps)

    @property
    def exit_code(self) -> int:
        """2 where the run would refuse, else 0."""
        return 2 if self.refusals else 0


@dataclass(frozen=True)
class Way:
    """From where to where; None is before the first revision."""

    start: str | None
    end: str | None
    steps: tuple[Step, ...]
    #: The script that runs.
    part: Part

    @property
    def direction(self) -> str:
        """What the command is called."""
        return "upgrade" if self.part == "up" else "downgrade"


def way(root: Path, text: str, current: str | None) -> Way:
    """The way that ``from:to``, ``to`` or nothing (``head``) means.

    Raises :class:`~setu.errors.RevisionStateError` for a revision that is not in the chain.
    """
    chain = steps_to(root)
    known = [step.revision for step in chain]
    left, colon, right = text.partition(":")
    start = _named(left, known) if colon else current
    end = _named(right if colon else left, known)
    if start is not None and start not in known:
        raise RevisionStateError(
            f"The database is at {start}, which this version of the chain does not know.",
            hint="Take the version that it was last deployed from, or a newer one",
        )
    # How many steps a database at each of the two has behind it.
    before, after = (0 if name is None else known.index(name) + 1 for name in (start, end))
    if after >= before:
        return Way(start, end, tuple(chain[before:after]), "up")
    return Way(start, end, tuple(reversed(chain[after:before])), "down")


def _named(text: str, known: Sequence[str]) -> str | None:
    if text in ("", "head"):
        return known[-1]
    if text == "base":
        return None
    if text not in known:
        raise RevisionStateError(
            f"The chain has no revision {text}.", hint="`setu history` lists them"
        )
    return text


@dataclass(frozen=True)
class Reading:
    """What is read of the database that a run is planned for."""

    current: str | None
    chosen: Way
    amounts: Amounts
    unfinished: UnfinishedStep | None


def read_database(connection: Connection, root: Path, text: str, settings: Settings) -> Reading:
    """Where the connected database stands, the way to go, and what it has to move.

    :param text: ``from:to``, ``to``, or nothing for the head.
    """
    current = current_revision(connection)
    found = Reading(
        current,
        way(root, text, current),
        measured(connection, settings),
        unfinished_step(connection),
    )
    connection.rollback()
    return found


def make_plan(reading: Reading, root: Path, settings: Settings, scratch: ScratchServer) -> RunPlan:
    """Plan a run on the database that was read. Works in a scratch database alone, so that a server
    of one session will do."""
    current, chosen, amounts = reading.current, reading.chosen, reading.amounts
    chain = steps_to(root)
    bodies = bodies_of(chain)
    moved = amounts.of_steps(chosen.steps, chosen.part)
    with scratch.database() as made, connected(made, "plan") as copy:
        before = steps_to(root, chosen.start) if chosen.start else []
        # Who may do what takes no lock: one role stands in for all.
        role = str(copy.exec_driver_sql("SELECT current_user").scalar_one())
        stand_ins = dict.fromkeys(missing_roles(copy, root), role)
        run_steps(copy, root, before, settings, stand_ins)
        rate = _measured_rate(copy)
        steps = tuple(
            _planned(
                copy, step, chosen.part, settings, moved[step.revision], rate, bodies, stand_ins
            )
            for step in chosen.steps
        )
    notes = []
    if chosen.start != current:
        notes.append(
            f"The database is at {current or 'no revision'}: rows and time are those of now, and"
            " what would refuse is not known"
        )
    begun = reading.unfinished
    if begun is not None and chosen.start == current:
        first = chosen.steps[0].revision if chosen.steps else None
        follows = "goes on with it" if begun.revision == first else "takes it back first"
        notes.append(
            f"{begun.revision} {begun.part} was begun at {begun.begun_at} and has not ended: "
            f"the run {follows}"
        )
    if amounts.unknown:
        notes.append(
            f"Rows are not all counted: this role may not read {', '.join(amounts.unknown)}"
        )
    return RunPlan(
        chosen.start,
        chosen.end,
        chosen.direction,
        steps,
        rate,
        notes=tuple(notes),
        back=tuple(way_back(chosen.steps, chosen.part, chain, settings.edition)),
    )


def _planned(
    copy: Connection,
    step: Step,
    part: Part,
    settings: Settings,
    moved: Amount,
    rate: float,
    bodies: Mapping[str, str],
    stand_ins: Mapping[str, str],
) -> PlannedStep:
    script = step.script(part)
    started = time.monotonic()
    locks = _observed(copy, script, settings, stand_ins)
    seconds = time.monotonic() - started
    values = script.header.values
    return PlannedStep(
        step.revision,
        step.name,
        values.get("what", ""),
        script.header.transaction,
        tuple(_first_line(s.text) for s in script.statements(settings.edition)),
        values.get("lock", ""),
        locks,
        loses(step, part),
        values.get("down", ""),
        refusals(step, part, bodies, settings.edition),
        moved.rows,
        moved.bytes,
        seconds + ((moved.rows + moved.reads) / rate if rate else 0.0),
    )


def _observed(
    copy: Connection, script: Script, settings: Settings, stand_ins: Mapping[str, str]
) -> tuple[Lock, ...] | None:
    """Run a script in the scratch database, and say which locks it held on what was there."""
    copy.rollback()
    statements = [
        replace(s, text=with_stand_ins(s.text, stand_ins))
        for s in script.statements(settings.edition)
        if not of_server(s)
    ]
    if not script.header.transaction:
        with autocommit(copy) as alone:
            for statement in statements:
                _run(alone, statement)
        return None
    driver: Any = copy.connection.dbapi_connection
    with driver.cursor() as cursor:
        cursor.execute(_RELATIONS)
        known = dict(cursor.fetchall())
    driver.commit()
    for statement in statements:
        _run(driver, statement)
    with driver.cursor() as cursor:
        cursor.execute(_HELD)
        held = cursor.fetchall()
    driver.commit()
    strongest: dict[str, str] = {}
    for relation, mode in held:
        name = known.get(relation)
        if name is not None and _ORDER[mode] > _ORDER.get(strongest.get(name, ""), -1):
            strongest[name] = mode
    found = sorted(strongest.items(), key=lambda item: (-_ORDER[item[1]], item[0]))
    return tuple(Lock(_MODES[mode], name) for name, mode in found if mode != "AccessShareLock")


def _run(driver: Any, statement: Any) -> None:
    try:
        with driver.cursor() as cursor:
            cursor.execute(statement.text)
    except psycopg2.Error as error:
        raise ScratchError(
            "The steps do not run in a scratch database.",
            context=[f"at {statement.origin}", str(error).strip()],
        ) from error


def _measured_rate(copy: Connection) -> float:
    """Rows a second from one table into another with an index, on this server."""
    driver: Any = copy.connection.dbapi_connection
    with driver.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE public.setu_rate_from AS SELECT g AS id, now() AS at, g::text AS name"
            f" FROM generate_series(1, {_SAMPLE_ROWS}) AS g"
        )
        cursor.execute("CREATE TABLE public.setu_rate_to (id integer, at timestamptz, name text)")
        cursor.execute("CREATE INDEX ON public.setu_rate_to (id, at)")
        started = time.monotonic()
        cursor.execute(
            "INSERT INTO public.setu_rate_to SELECT id, at, name FROM public.setu_rate_from"
        )
        rate = _SAMPLE_ROWS / max(time.monotonic() - started, 0.001)
        cursor.execute("DROP TABLE public.setu_rate_from, public.setu_rate_to")
    driver.commit()
    return rate


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]
