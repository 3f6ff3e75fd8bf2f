"""What a worker does and when, and the settings under which it could never do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2

from setu.errors import SetuError

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0


class BadScheduleError(SetuError):
    """A setting under which the worker could never do its work."""


@dataclass(frozen=True)
class Schedule:
    """When and how long; all in seconds.

    ``slice_seconds`` bounds one call of a load, which ends after the batch that is at work then:
    so long may a stop take. The default is half of what Docker gives a container before it kills.
    ``drop_after`` is PostgreSQL's interval.
    """

    interval: float = 60.0
    slice_seconds: float = 5.0
    retention: bool = True
    drop_after: str = "30 days"
    alerts: bool = False
    #: Say what found nothing to do, too.
    verbose: bool = False


@dataclass(frozen=True)
class Chore:
    """A procedure beside the loads that a job calls elsewhere."""

    what: str
    procedure: str
    every: float
    config: Mapping[str, object]


def chores(schedule: Schedule) -> tuple[Chore, ...]:
    """What the jobs of schema_new/_etl/jobs.sql do beside the loads and the daily retention."""
    budget = f"{schedule.slice_seconds:g} seconds"
    found = [
        Chore("shift calendar", "master.sp_extend_shift_calendar", HOUR, {"days_ahead": 60}),
        Chore("reports", "gold.sp_roll_up", 5 * MINUTE, {"max_runtime": budget}),
    ]
    if schedule.alerts:
        found.append(Chore("alerts", "alerting.sp_run_engine", MINUTE, {}))
    return tuple(found)


def check_times(schedule: Schedule) -> None:
    """The times are seconds above 0, a day at most. Raises :class:`BadScheduleError`."""
    for name in ("interval", "slice_seconds"):
        value = getattr(schedule, name)
        if not 0 < value <= DAY:
            raise BadScheduleError(
                f"{name.removesuffix('_seconds')} is {value:g}: it must be above 0, a day at most.",
                hint="Give seconds, such as 60",
            )


def check_age(schedule: Schedule, cursor: Any) -> None:
    """The age at which chunks go is an interval, and not so short that it takes what is new."""
    if not schedule.retention:
        return
    try:
        cursor.execute("SELECT %s::interval >= INTERVAL '1 day'", (schedule.drop_after,))
        [long_enough] = cursor.fetchone()
    except psycopg2.DataError as error:
        raise BadScheduleError(
            f"drop-after is no interval: {first_line(error)}.",
            hint="Give PostgreSQL's interval, such as '30 days'",
        ) from None
    if not long_enough:
        raise BadScheduleError(
            f"drop-after is {schedule.drop_after}: bronze would keep less than a day.",
            hint="Give a day or more, such as '30 days'",
        )


def check_rights(cursor: Any) -> None:
    """The role may call the loads, where there are any yet."""
    cursor.execute(
        "SELECT quote_ident(current_user), p.oid::regprocedure::text FROM pg_proc AS p"
        " INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace"
        " WHERE n.nspname = '_etl' AND p.proname LIKE 'sp\\_load\\_%'"
        " AND NOT (has_schema_privilege(n.oid, 'USAGE')"
        " AND has_function_privilege(p.oid, 'EXECUTE')) ORDER BY 2 LIMIT 1"
    )
    if refused := cursor.fetchone():
        raise BadScheduleError(
            f"Role {refused[0]} may not call {refused[1]}.",
            hint=f"GRANT setu_etl TO {refused[0]}, or give another user in DATABASE_URL",
        )


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
