"""The message of a statement that failed: what, where, why, and how the database stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import QueryCanceledError

from setu.chain.batches import Batch
from setu.chain.script import Statement
from setu.chain.step import Part, Step
from setu.errors import (
    DeployInterruptedError,
    LockTimeoutError,
    StatementError,
    StepGaveWayError,
    VerifyError,
)

LOCK_STATES = ("55P03", "40P01")
#: ``serialization_failure``: what a step says that finds, with its locks, that it comes too early.
TRY_AGAIN = "40001"
DISK_FULL = "53100"
SHOWN_LINES = 12
SHOWN_WIDTH = 160


def met_another_change(error: psycopg2.Error) -> bool:
    """Whether another session changed the same catalog row at the same moment.

    A job can, and the deploy of another database, since roles belong to the server. PostgreSQL has
    no state for that: of a row that both add it says that its key is there twice, of one that both
    change that it was concurrently updated or deleted, in English always; only of a role that was
    dropped does it say so in the server's language. The step is as fit to be tried again as after
    a lock timeout.
    """
    if error.pgcode == "23505":
        return error.diag.schema_name == "pg_catalog"
    said = error.diag.message_primary or ""
    return re.search(r"concurrently (updated|deleted|dropped)", said) is not None


@dataclass(frozen=True)
class Position:
    """Where a step is when something goes wrong, for the message."""

    step: Step
    part: Part
    before: str
    transaction: bool


def statement_error(
    where: Position,
    part: Part,
    statement: Statement,
    error: psycopg2.Error,
    connection: Any,
    done: int,
) -> StatementError:
    """The error for a statement of a step that failed; ``done`` statements came before it."""
    diag = error.diag
    state = error.pgcode
    message = (diag.message_primary or str(error) or type(error).__name__).strip()
    lost = bool(connection.closed)
    direction = {"up": "upgrade", "down": "downgrade", "verify": "verification"}[part]
    lines = [f"{direction} of {where.step.name}", *_place(statement, diag)]
    lines.append(f"SQLSTATE {state}: {message}" if state else message)
    for label, text in (
        ("DETAIL", diag.message_detail),
        ("HINT", diag.message_hint),
        ("CONTEXT", diag.context),
    ):
        if text:
            lines.append(f"{label}: {text}")
    lines.append(_state(where, part, done, lost))
    revision = where.step.revision
    kind: type[StatementError] = StatementError
    if lost:
        kind, title = DeployInterruptedError, f"The connection was lost in revision {revision}."
        hint = "See why in the server's log, then run the same command again"
    elif met_another_change(error):
        kind, title = LockTimeoutError, f"Another session got ahead of revision {revision}."
        hint = "Run the same command again when no other deploy or job changes what it names"
    elif state == TRY_AGAIN:
        kind, title = StepGaveWayError, f"Revision {revision} gave way: {message}."
        hint = diag.message_hint or "Run the same command again when what it names is over"
    elif state in LOCK_STATES:
        kind, title = LockTimeoutError, f"Revision {revision} did not get its locks."
        hint = (
            "See in pg_locks and pg_stat_activity who holds them, then run the same command again"
        )
    elif state == DISK_FULL:
        title = f"The server's disk is full in revision {revision}."
        hint = "Free some space, then run the same command again"
    elif isinstance(error, QueryCanceledError):
        kind, title = DeployInterruptedError, f"Revision {revision} was cancelled."
        hint = "Run the same command again when it may go on"
    elif part == "verify":
        kind, title = VerifyError, f"Revision {revision} does not pass its verify.sql."
        hint = "Correct what the message names, then run the same command again"
    else:
        title = f"Revision {revision} failed."
        hint = "Correct the cause, then run the same command again"
        if not where.transaction:
            hint += "; the step is written so that it can be repeated"
    return kind(title, context=lines, hint=hint, sqlstate=state)


def lost_between(where: Position, error: psycopg2.Error) -> DeployInterruptedError:
    """The error for a connection that is lost between two statements of a step."""
    revision = where.step.revision
    direction = {"up": "upgrade", "down": "downgrade", "verify": "verification"}[where.part]
    kept = (
        "The step was rolled back: nothing of it was kept"
        if where.transaction
        else "Statements of the step before it are committed"
    )
    return DeployInterruptedError(
        f"The connection was lost in revision {revision}.",
        context=[
            f"{direction} of {where.step.name}, between two statements",
            str(error).strip() or "The server closed it.",
            f"{kept}, the database stands at revision {where.before}.",
        ],
        hint="See why in the server's log, then run the same command again",
        sqlstate=error.pgcode,
    )


def _place(statement: Statement, diag: Any) -> list[str]:
    """Where it failed, and the statement."""
    if isinstance(statement, Batch):
        return [f"in one of the statements from {statement.first} to {statement.last}"]
    origin = _error_origin(statement, diag)
    lines = [f"at {origin}"]
    if origin != statement.origin:
        lines.append(f"in the statement that begins at {statement.origin}")
    return lines + [f"    {line}" for line in _shortened(statement.text)]


def _error_origin(statement: Statement, diag: Any) -> object:
    """File and line of an error: by position, by line of a DO body, or the statement's first."""
    if diag.statement_position:
        return statement.origin_at(int(diag.statement_position))
    for line in reversed((diag.context or "").splitlines()):
        # Whatever the language, the line of the body is the one number.
        number = re.search(r"\d+", line) if "inline_code_block" in line else None
        if number:
            return statement.origin_of_body_line(int(number.group())) or statement.origin
    return statement.origin


def _shortened(text: str) -> list[str]:
    lines = text.splitlines()
    shown = [
        line if len(line) <= SHOWN_WIDTH else line[: SHOWN_WIDTH - 1] + "…"
        for line in lines[:SHOWN_LINES]
    ]
    if len(lines) > SHOWN_LINES:
        shown.append(f"… ({len(lines) - SHOWN_LINES} more lines)")
    return shown


def _state(where: Position, part: Part, done: int, lost: bool) -> str:
    """What the database looks like after the failure."""
    stands = f"the database stands at revision {where.before}"
    if where.transaction:
        return f"The step was rolled back: nothing of it was kept, {stands}."
    if part == "verify":
        return f"All {done} statements of the step are committed, but {stands} still."
    unsure = " The statement itself may have committed part of its work."
    if lost:
        unsure = " Whether the statement itself took effect is not known."
    if done == 0:
        return f"It is the step's first statement, and {stands}.{unsure}"
    return f"{done} earlier statements of the step are committed; {stands} still.{unsure}"
