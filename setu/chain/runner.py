"""Runs steps in Alembic's context, online and offline.

Online, each statement goes to the driver as it stands, so that an error can name file, line and
statement; neighbours that only write catalogs go together. A step in a transaction is tried again
as a whole when it cannot have a lock soon; a step outside a transaction, statement by statement.
Offline, the same statements are written as a script for psql.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from alembic import op
from setu.chain.batches import SAVEPOINT as BATCH_SAVEPOINT
from setu.chain.batches import batches, joined
from setu.chain.blockers import Blockers, watched_for_blockers
from setu.chain.failures import Position, lost_between, statement_error
from setu.chain.lock_budget import bounded
from setu.chain.paused_jobs import pause_jobs, rest_new_jobs_sql
from setu.chain.progress import Progress
from setu.chain.releases import Release
from setu.chain.script import Origin, Script, Statement
from setu.chain.settings import Settings
from setu.chain.step import Part, Step
from setu.chain.unfinished import begin_sql, end_sql
from setu.chain.workers import working_beside
from setu.db.acting_role import offline_resume_sql, resume_owner
from setu.db.notices import streamed_notices
from setu.errors import (
    DeployInterruptedError,
    LockTimeoutError,
    SetuError,
    StatementError,
    StepGaveWayError,
)

log = logging.getLogger("setu.chain.runner")

SAVEPOINT = "setu_step"
_REST_NEW_JOBS = Statement(
    rest_new_jobs_sql(), "", False, (Origin("setu/chain/paused_jobs.py", 1),)
)
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 1.0
#: The attempts that a message suggests before readers are cancelled.
READERS_MAY_STAY = 5


@dataclass(frozen=True)
class Run:
    """What ``env.py`` hands to the steps of one run, as Alembic's option ``setu``."""

    settings: Settings = field(default_factory=Settings)
    may_run: bool = True
    #: The release of each released step, by the step's name.
    released: Mapping[str, Release] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep


def sql_step(revision_file: str) -> tuple[Callable[[], None], Callable[[], None]]:
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
            hint="Teach it there",
        )
    script = step.script(part)
    verify = step.script("verify") if part == "up" else None
    if context.as_sql:
        _write(step, part, script, verify, context, run)
        return
    started = time.monotonic()
    stands_at = context.get_current_revision() or "base (empty)"
    where = Position(step, part, stands_at, script.header.transaction)
    edition = run.settings.edition
    statements = script.statements(edition)
    checks = verify.statements(edition) if verify else []
    pause_jobs(context, run.settings, sleep=run.sleep)
    driver = _driver(context)
    log.info("%s %s: %s …", step.revision, part, script.header.values.get("what", step.stem))
    settings = _released_settings(step, run)
    try:
        resume_owner(driver)
        _set(driver, settings)
        if script.header.transaction:
            _run_in_transaction(where, statements, checks, context, run, _before(script))
        else:
            for note in begin_sql(step, part):
                _plain(driver, note)
            _outside_transaction(where, statements, context, run, script.header.workers)
            for statement in checks:
                _execute(where, "verify", statement, driver, done=len(statements))
        _plain(driver, end_sql())
        _set(driver, _restored(settings, run))
    except psycopg2.Error as error:
        # What surrounds the statements has no message of its own.
        if not driver.closed:
            raise
        raise lost_between(where, error) from error
    log.info(
        "%s %s: done in %.1f s (%d statements%s)",
        step.revision,
        part,
        time.monotonic() - started,
        len(statements),
        ", verified" if verify else "",
    )


def _before(script: Script) -> Statement | None:
    """What to run outside the transaction before each attempt."""
    text = script.header.before
    return Statement(text, "", False, (Origin(script.file, 1),)) if text else None


def _released_settings(step: Step, run: Run) -> dict[str, str]:
    """Session settings that a released step has of its own: the defaults of its release."""
    release = run.released.get(step.name)
    return run.settings.for_released(release.settings) if release else {}


def _restored(settings: Mapping[str, str], run: Run) -> dict[str, str]:
    """What the session settings of a released step are set to after it."""
    own = run.settings.session_settings()
    return {name: own.get(name, "") for name in settings}


def _set(connection: Any, settings: Mapping[str, str]) -> None:
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))


def _driver(context: MigrationContext) -> Any:
    """The psycopg2 connection beneath Alembic's."""
    assert context.connection is not None
    return context.connection.connection.dbapi_connection


def _plain(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _run_in_transaction(
    where: Position,
    statements: Sequence[Statement],
    checks: Sequence[Statement],
    context: MigrationContext,
    run: Run,
    before: Statement | None,
) -> None:
    connection = _driver(context)
    # Before the first: under locks nothing is left to think about.
    together = list(batches(bounded(statements)))
    with closing(_attempts(where, run, connection)) as attempts:
        for attempt in attempts:
            if before is not None:
                with context.autocommit_block():
                    _execute(where, where.part, before, _driver(context))
            _plain(connection, f"SAVEPOINT {SAVEPOINT}; SET LOCAL setu.attempt = {attempt.number}")
            try:
                for batch in together:
                    _execute_together(where, batch, connection, last=attempt.last)
                for statement in checks:
                    _execute(where, "verify", statement, connection)
                _execute(where, where.part, _REST_NEW_JOBS, connection)
            except LockTimeoutError as error:
                if attempt.last:
                    raise _exhausted(error, run, attempt.blockers) from error
                _plain(connection, f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
                _plain(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")
                log.warning("%s %s: %s", where.step.revision, where.part, error.title)
                continue
            _plain(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")
            return


def _outside_transaction(
    where: Position,
    statements: Sequence[Statement],
    context: MigrationContext,
    run: Run,
    shared: str | None,
) -> None:
    failure: StatementError | None = None
    try:
        with context.autocommit_block():
            try:
                _run_alone(where, statements, context, run, shared)
            except StatementError as error:
                failure = error
    except SQLAlchemyError:
        # Leaving the block fails on a lost connection; what lost it is the better message.
        if failure is None:
            raise
    if failure is not None:
        raise failure


def _run_alone(
    where: Position,
    statements: Sequence[Statement],
    context: MigrationContext,
    run: Run,
    shared: str | None,
) -> None:
    connection = _driver(context)
    for done, statement in enumerate(statements):
        with closing(_attempts(where, run, connection)) as attempts:
            for attempt in attempts:
                try:
                    if statement.text.strip() == shared:
                        _execute_beside(where, statement, connection, run, done)
                    else:
                        _execute(where, where.part, statement, connection, done=done)
                except LockTimeoutError as error:
                    if attempt.last:
                        raise _exhausted(error, run, attempt.blockers) from error
                    log.warning("%s %s: %s", where.step.revision, where.part, error.title)
                    continue
                break


@dataclass(frozen=True)
class _Attempt:
    number: int
    last: bool
    blockers: Blockers


def _attempts(where: Position, run: Run, connection: Any) -> Generator[_Attempt, None, None]:
    """Yield an attempt at a time, with growing, jittered pauses in between.

    From the second on, and in the only one, a second session looks who is in the way.
    """
    attempts = run.settings.integer("lock_attempts")
    if attempts > 1:
        yield _Attempt(1, False, Blockers())
    with watched_for_blockers(connection) as blockers:
        for attempt in range(min(attempts, 2), attempts + 1):
            if attempt > 1:
                _pause(where, run, attempt, attempts)
            blockers.begin(cancels=0 < run.settings.integer("cancel_readers_after") < attempt)
            yield _Attempt(attempt, attempt == attempts, blockers)


def _pause(where: Position, run: Run, attempt: int, attempts: int) -> None:
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


def _exhausted(error: LockTimeoutError, run: Run, blockers: Blockers) -> LockTimeoutError:
    attempts, timeout = run.settings.integer("lock_attempts"), run.settings.text("lock_timeout")
    tried = "Tried once" if attempts == 1 else f"Tried {attempts} times"
    if isinstance(error, StepGaveWayError):
        context = [*error.context, f"{tried}."]
        return StepGaveWayError(
            error.title, context=context, hint=error.hint, sqlstate=error.sqlstate
        )
    context = [*error.context, f"{tried}, waiting {timeout} for each lock."]
    hint = error.hint
    if blockers.described():
        context += ["In the way at the last attempt:"]
        context += [f"    {line}" for line in blockers.described()]
        hint = "Wait for these sessions or end them, then run the same command again"
        if blockers.can_be_cancelled and not blockers.cancels:
            hint += (
                f"; -x cancel_readers_after={READERS_MAY_STAY} with more than {READERS_MAY_STAY} "
                "lock_attempts cancels them, since they only read so far"
            )
    return LockTimeoutError(error.title, context=context, hint=hint, sqlstate=error.sqlstate)


def _execute(
    where: Position,
    part: Part,
    statement: Statement,
    connection: Any,
    *,
    done: int = 0,
    progress: Progress | None = None,
) -> None:
    """Run one statement, or raise the error that names it."""
    progress = progress or _progress(where)
    try:
        with streamed_notices(connection, progress.receive), connection.cursor() as cursor:
            cursor.execute(statement.text)
    except psycopg2.Error as error:
        raise statement_error(where, part, statement, error, connection, done) from error
    finally:
        progress.end()


def _execute_together(
    where: Position, batch: Sequence[Statement], connection: Any, *, last: bool
) -> None:
    """Run statements in one trip to the server; where one fails, one by one, to name it.

    :param last: whether a lock that is not obtained ends the run. If not, nobody reads which it
        was, and nobody should wait for the deploy once more.
    """
    if len(batch) == 1:
        _execute(where, where.part, batch[0], connection)
        return
    try:
        _execute(where, where.part, joined(batch), connection)
    except DeployInterruptedError:
        raise
    except StatementError as error:
        if isinstance(error, LockTimeoutError) and not last:
            raise
        _plain(connection, f"ROLLBACK TO SAVEPOINT {BATCH_SAVEPOINT}")
        for statement in batch:
            _execute(where, where.part, statement, connection)
        _plain(connection, f"RELEASE SAVEPOINT {BATCH_SAVEPOINT}")


def _execute_beside(
    where: Position, statement: Statement, connection: Any, run: Run, done: int
) -> None:
    """Run a statement in as many sessions as are asked for."""
    more = run.settings.integer("backfill_workers") - 1
    if more > 0 and connection.info.backend_pid == 0:
        log.info("%s %s: this server has one session only", where.step.revision, where.part)
        more = 0
    progress = _progress(where)
    settings = run.settings.session_settings()
    with working_beside(more, statement.text, settings, progress.receive):
        _execute(where, where.part, statement, connection, done=done, progress=progress)


def _progress(where: Position) -> Progress:
    return Progress(f"{where.step.revision} {where.part}")


def _write(
    step: Step,
    part: Part,
    script: Script,
    verify: Script | None,
    context: MigrationContext,
    run: Run,
) -> None:
    """Write a step into the offline script."""
    write = context.impl.static_output
    settings = run.settings
    released = _released_settings(step, run)
    _write_settings(released, write)
    write(offline_resume_sql())
    if script.header.transaction:
        before = _before(script)
        if before is not None:
            with context.autocommit_block():
                _write_statements([before], write)
        _write_statements(list(bounded(script.statements(settings.edition))), write)
    else:
        write(f"-- {step.name} runs outside a transaction; it can be run again after a failure")
        for note in begin_sql(step, part):
            write(f"{note};")
        with context.autocommit_block():
            _write_statements(script.statements(settings.edition), write)
    if verify:
        _write_statements(verify.statements(settings.edition), write)
    write(f"{end_sql()};")
    _write_settings(_restored(released, run), write)


def _write_settings(settings: Mapping[str, str], write: Callable[[str], None]) -> None:
    for name, value in settings.items():
        quoted = value.replace("'", "''")
        write(f"SELECT pg_catalog.set_config('{name}', '{quoted}', false);")


def _write_statements(statements: Sequence[Statement], write: Callable[[str], None]) -> None:
    for statement in statements:
        end = "\n;" if "--" in statement.text.rsplit("\n", 1)[-1] else ";"
        comment = f"{statement.comment}\n" if statement.comment else ""
        write(f"-- {statement.origin}\n{comment}{statement.text}{end}")
