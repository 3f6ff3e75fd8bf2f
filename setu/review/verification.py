"""Runs the standing checks on a database that is at the head of the chain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import errors as states
from sqlalchemy import Connection

from setu.chain.repository import head_of
from setu.chain.settings import Settings
from setu.chain.standing import StandingCheck, standing_checks
from setu.db.connection import apply_session_settings
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError, VerifyError

# After these nobody knows whether a check holds.
_SAYS_NOTHING = (
    states.InsufficientPrivilege,
    states.QueryCanceled,
    states.LockNotAvailable,
    states.DeadlockDetected,
    states.DiskFull,
)


@dataclass(frozen=True)
class Verified:
    """The outcome of one check; ``error`` is None where it holds."""

    check: StandingCheck
    seconds: float
    error: VerifyError | None


def verify_database(connection: Connection, root: Path, settings: Settings) -> Iterator[Verified]:
    """Run each standing check, by name, and roll it back.

    Raises :class:`RevisionStateError` when the database is not at the head: the checks say what
    must hold there, and nowhere else. What kept a check from being made is raised as it is.
    """
    apply_session_settings(connection, settings.session_settings())
    current, head = current_revision(connection), head_of(root)
    connection.rollback()
    if current != head:
        raise RevisionStateError(
            f"The database is at {current or 'no revision'}, and the chain ends in {head}.",
            context=["What `setu verify` checks must hold at the end of the chain."],
            hint="Run `setu upgrade`, or take the version of this repository that the database was "
            "deployed from",
        )
    driver: Any = connection.connection.dbapi_connection
    for check in standing_checks(root):
        started = time.monotonic()
        error: VerifyError | None = None
        try:
            check.run(driver, settings.edition)
        except VerifyError as failure:
            error = failure
        cause = error.__cause__ if error else None
        if isinstance(cause, _SAYS_NOTHING) or (
            driver.closed and isinstance(cause, psycopg2.Error)
        ):
            raise cause
        driver.rollback()
        yield Verified(check, time.monotonic() - started, error)


def broken_checks(connection: Connection, root: Path, settings: Settings) -> list[str]:
    """Names of the standing checks that do not hold in the database."""
    return [
        verified.check.name
        for verified in verify_database(connection, root, settings)
        if verified.error is not None
    ]
