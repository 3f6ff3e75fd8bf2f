"""Holds a database against the ``verify.sql`` of every revision that it has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from setu.chain.repository import steps_to
from setu.chain.runner import check_step
from setu.chain.settings import Settings
from setu.chain.step import Step
from setu.db.connection import apply_session_settings
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError, StatementError


@dataclass(frozen=True)
class Verified:
    """The outcome for one revision; ``error`` is None where it holds."""

    step: Step
    seconds: float
    error: StatementError | None


def verify_database(connection: Connection, root: Path, settings: Settings) -> Iterator[Verified]:
    """Run ``verify.sql`` of each applied revision, in order, and roll each back.

    Raises :class:`RevisionStateError` when the database is at no revision, or an unknown one.
    """
    apply_session_settings(connection, settings.session_settings())
    current = current_revision(connection)
    connection.rollback()
    if current is None:
        raise RevisionStateError(
            "This database is at no revision, so there is nothing to verify.",
            hint="`alembic upgrade head` on an empty one; `alembic stamp 0001` on a v1 database",
        )
    for step in steps_to(root, current):
        started = time.monotonic()
        error: StatementError | None = None
        driver: Any = connection.connection.dbapi_connection
        try:
            check_step(step, driver, settings)
        except StatementError as failure:
            error = failure
        driver.rollback()
        yield Verified(step, time.monotonic() - started, error)


def broken_steps(connection: Connection, root: Path, settings: Settings) -> list[str]:
    """Names of the steps that do not hold in the database."""
    return [
        verified.step.name
        for verified in verify_database(connection, root, settings)
        if verified.error is not None
    ]
