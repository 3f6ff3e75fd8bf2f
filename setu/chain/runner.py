"""Runs steps in Alembic's context, online and offline.

Online, each statement goes to the driver as it stands, one by one, so that an error can name file,
line and statement. A step in a transaction is tried again as a whole when it cannot have a lock
soon; a step outside a transaction, statement by statement. Offline, the same statements are
written as a script for psql.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from alembic.runtime.migration import MigrationContext
from psycopg2.extensions import QueryCanceledError
from sqlalchemy.exc import SQLAlchemyError

from alembic import op
from setu.chain.script import Script, Statement
from setu.chain.settings import Settings
from setu.chain.step import Part, Step
from setu.db.notices import streamed_notices
from setu.errors import (
    DeployInterruptedError,
    LockTimeoutError,
    SetuError,
    StatementError,
    VerifyError,
)

log = logging.getLogger("setu.chain.runner")

LOCK_STATES = ("55P03", "40P01")
#: A job that runs meanwhile can change a catalog row that a step changes, too; PostgreSQL has no
#: state of its own for that. The step is as fit to be tried again as after a lock timeout.
CONCURRENT_CHANGE = "tuple concurrently"
SAVEPOINT = "setu_step"
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
SHOWN_LINES = 12
SHOWN_WIDTH = 160


@dataclass(frozen=True)
class Run:
    """What ``env.py`` hands to the steps of one run, as Alembic's option ``setu``."""

    settings: Settings = field(default_factory=Settings)
    may_run: bool = True
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class _Position:
    """Where a step is when something goes wrong, for the message."""

    step: Step
    part: Part
    before: str
    transaction: bool
    on_demand: bool = False


def handover(revision_file: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """``upgrade`` and ``downgrade`` of a revision file: both run the step of the same stem.

    :param revision_file: the revision's ``__file__``.
    """

    def upgrade() -> None:
        run_step(Step.of_revision_file(revision_file), "up", op.get_context())

    def downgrade() -> None:
        run_step(Step.of_revision_file(revision_file), "down", op.get_context())

    return upgrade, downgrade


def run_step(step: Step, part: Part, context: MigrationContext) -> None:
    """Run one direction of a step, and its ``verify.sql`` after an upgrade.

    :param part: ``up`` or ``down``.
    :param context: Alembic's context; online it holds the one connection. Raises
        :class:`~setu.errors.SetuError`, which names what failed and how the database stands.
    """
    run = context.opts.get("setu") or Run()
    if not run.may_run:
        raise SetuError(
            f"Revision {step.revision} was about to run without the deploy lock.",
            context=["Alembic's command is not one that the environment knows to move a database."],
            hint="teach it there",
        )
    script = step.script(part)
    verify = step.script("verify") if part == "up" else None
    if context.as_sql:
        _write(step, script, verify, context, run.settings)
        return
    started = time.monotonic()
    before = _revision_before(step, part, context)
    where = _Position(step, part, before, script.header.transaction)
    edition = run.settings.edition
    statements = script.statements(edition)
    checks = verify.statements(edition) if verify else []
    log.info("%s %s: %s …", step.revision, part, script.header.values.get("what", step.stem))
    if script.header.transaction:
        _run_in_transaction(where, statements, checks, context, run)
    else:
        _outside_transaction(where, statements, context, run)
        for statement in checks:
            _execute(where, "verify", statement, _driver(context), done=len(statements))
    log.info(
        "%s %s: done in %.1f s (%d statements%s)",
        step.revision,
        part,
        time.monotonic() - started,
        len(statements),
        ", verified" if verify else "",
    )


def check_step(step: Step, connection: Any, settings: Settings) -> None:
    """Run a step's ``verify.sql`` on demand.

    :param connection: a psycopg2 connection; the caller rolls back. Raises :class:`VerifyError`.
    """
    where = _Position(step, "verify", step.revision, transaction=True, on_demand=True)
    for statement in step.script("verify").statements(settings.edition):
        _execute(where, "verify", statement, connection)


def _revision_before(step: Step, part: Part, context: MigrationContext) -> str:
    """The revision at which the database stands while the step runs."""
    if part == "down":
        return step.revision
    if context.script is None:
        return "the one before"
    down = context.script.get_revision(step.revision).down_revision
    return str(down) if down else "base (empty)"


def _driver(context: MigrationContext) -> Any:
    """The psycopg2 connection beneath Alembic's."""
    assert context.connection is not None
    return context.connection.connection.dbapi_connection


def _plain(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _run_in_transaction(
    where: _Position,
    statements: Sequence[Statement],
    checks: Sequence[Statement],
    context: MigrationContext,
    run: Run,
) -> None:
    connection = _driver(context)
    for last in _attempts(where, run):
        _plain(connection, f"SAVEPOINT {SAVEPOINT}")
        try:
            for statement in statements:
                _execute(where, where.part, statement, connection)
            for statement in checks:
                _execute(where, "verify", statement, connection)
        except LockTimeoutError as error:
            if last:
                raise _exhausted(error, run) from error
            _plain(connection, f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
            _plain(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")
            log.warning("%s %s: %s", where.step.revision, where.part, error.title)
            continue
        _plain(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")
        return


def _outside_transaction(
    where: _Position, statements: Sequence[Statement], context: MigrationContext, run: Run
) -> None:
    failure: StatementError | None = None
    try:
        with context.autocommit_block():
            try:
                _run_alone(where, statements, context, run)
            except StatementError as error:
                failure = error
    except SQLAlchemyError:
        # Leaving the block fails on a lost connection; what lost it is the better message.
        if failure is None:
            raise
    if failure is not None:
        raise failure


def _run_alone(
    where: _Position, statements: Sequence[Statement], context: MigrationContext, run: Run
) -> None:
    connection = _driver(context)
    for done, statement in enumerate(statements):
        for last in _attempts(where, run):
            try:
                _execute(where, where.part, statement, connection, done=done)
            except LockTimeoutError as error:
                if last:
                    raise _exhausted(error, run) from error
                log.warning("%s %s: %s", where.step.revision, where.part, error.title)
                continue
            break


def _attempts(where: _Position, run: Run) -> Iterator[bool]:
    """Yield whether this attempt is the last, with growing, jittered pauses in between."""
    attempts = run.settings.integer("lock_attempts")
    for attempt in range(1, attempts + 1):
        if attempt > 1:
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 2))
            pause *= random.uniform(0.5, 1.0)
            log.info(
                "%s %s: attempt %d of %d in %.1f s",
                where.step.revision,
                where.part,
                attempt,
                attempts,
                pause,
            )
            run.sleep(pause)
        yield attempt == attempts


def _exhausted(error: LockTimeoutError, run: Run) -> LockTimeoutError:
    attempts, timeout = run.settings.text("lock_attempts"), run.settings.text("lock_timeout")
    return LockTimeoutError(
        error.title,
        context=[*error.context, f"Tried {attempts} times, waiting {timeout} for each lock."],
        hint=error.hint,
        sqlstate=error.sqlstate,
    )


def _execute(
    where: _Position, part: Part, statement: Statement, connection: Any, *, done: int = 0
) -> None:
    """Run one statement, or raise the error that names it."""
    notice = _notice_logger(where)
    try:
        with streamed_notices(connection, notice), connection.cursor() as cursor:
            cursor.execute(statement.text)
    except psycopg2.Error as error:
        raise _statement_error(where, part, statement, error, connection, done) from error


def _notice_logger(where: _Position) -> Callable[[str], None]:
    def notice(text: str) -> None:
        log.info("%s %s: %s", where.step.revision, where.part, text.strip())

    return notice


def _statement_error(
    where: _Position,
    part: Part,
    statement: Statement,
    error: psycopg2.Error,
    connection: Any,
    done: int,
) -> StatementError:
    diag = error.diag
    state = error.pgcode
    message = (diag.message_primary or str(error) or type(error).__name__).strip()
    lost = bool(connection.closed)
    direction = {"up": "upgrade", "down": "downgrade", "verify": "verification"}[part]
    origin = _error_origin(statement, diag)
    lines = [f"{direction} of {where.step.name}", f"at {origin}"]
    if origin != statement.origin:
        lines.append(f"in the statement that begins at {statement.origin}")
    lines += [f"    {line}" for line in _shortened(statement.text)]
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
        hint = "see why in the server's log, then run the same command again"
    elif state in LOCK_STATES or (state == "XX000" and message.startswith(CONCURRENT_CHANGE)):
        kind, title = LockTimeoutError, f"Revision {revision} did not get its locks."
        hint = (
            "see in pg_locks and pg_stat_activity who holds them, then run the same command again"
        )
    elif isinstance(error, QueryCanceledError):
        kind, title = DeployInterruptedError, f"Revision {revision} was cancelled."
        hint = "run the same command again when it may go on"
    elif where.on_demand:
        kind, title = VerifyError, f"Revision {revision} does not hold in this database."
        hint = "see what changed the database since the revision was applied, and mend that"
    elif part == "verify":
        kind, title = VerifyError, f"Revision {revision} does not pass its verify.sql."
        hint = "mend what the message names, then run the same command again"
    else:
        title = f"Revision {revision} failed."
        hint = "mend the cause, then run the same command again"
        if not where.transaction:
            hint += "; the step is written so that it can be repeated"
    return kind(title, context=lines, hint=hint, sqlstate=state)


def _error_origin(statement: Statement, diag: Any) -> object:
    """File and line of an error: by position, by line of a DO body, or the statement's first."""
    if diag.statement_position:
        return statement.origin_at(int(diag.statement_position))
    inline = "PL/pgSQL function inline_code_block line "
    for line in reversed((diag.context or "").splitlines()):
        if line.startswith(inline):
            number = line.removeprefix(inline).split(" ")[0]
            return statement.origin_of_body_line(int(number)) or statement.origin
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


def _state(where: _Position, part: Part, done: int, lost: bool) -> str:
    """What the database looks like after the failure."""
    if where.on_demand:
        return "The check changes nothing."
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


def _write(
    step: Step,
    script: Script,
    verify: Script | None,
    context: MigrationContext,
    settings: Settings,
) -> None:
    """Write a step into the offline script."""
    write = context.impl.static_output
    if script.header.transaction:
        _write_statements(script.statements(settings.edition), write)
    else:
        write(f"-- {step.name} runs outside a transaction; it can be run again after a failure")
        with context.autocommit_block():
            _write_statements(script.statements(settings.edition), write)
    if verify:
        _write_statements(verify.statements(settings.edition), write)


def _write_statements(statements: Sequence[Statement], write: Callable[[str], None]) -> None:
    for statement in statements:
        end = "\n;" if "--" in statement.text.rsplit("\n", 1)[-1] else ";"
        comment = f"{statement.comment}\n" if statement.comment else ""
        write(f"-- {statement.origin}\n{comment}{statement.text}{end}")
