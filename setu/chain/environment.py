"""What ``alembic/env.py`` does: settings, connection, deploy lock, pre-flight, and the run.

Only what Alembic publishes is used: the module ``alembic.context``, the configuration with the
command line's options, and the script directory.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg2
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError, RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from alembic import command
from setu.chain.paused_jobs import paused_jobs_sql, resume_jobs
from setu.chain.releases import Release, verify_released
from setu.chain.repository import refuse_two_heads
from setu.chain.runner import Run, run_step
from setu.chain.scaffold import place_revision
from setu.chain.settings import Settings
from setu.chain.step import Step
from setu.chain.unfinished import TABLE as UNFINISHED
from setu.chain.unfinished import to_take_back, unfinished_step_sql
from setu.db.acting_role import act_as_owner, offline_owner_sql
from setu.db.connection import (
    VARIABLE,
    apply_session_settings,
    autocommit,
    connected,
    connection_lost,
    database_url,
)
from setu.db.deploy_lock import deploy_lock, offline_lock_sql, offline_unlock_sql
from setu.db.session_settings import stable_settings_sql
from setu.db.version_table import (
    SCHEMA,
    TABLE,
    current_revision,
    migration_context,
    schema_sql,
)
from setu.errors import OutputError, RevisionStateError, SetuError

#: Key in ``Config.attributes`` for a program that calls ``alembic.command.stamp`` or ``revision``.
COMMAND = "setu.command"

PreflightCheck = Callable[..., None]
#: Called with the connection and the settings by ``alembic check``; raises where all is not well.
DriftCheck = Callable[[Connection, Settings], None]
log = logging.getLogger("setu.chain.environment")


class Purpose(Enum):
    """What Alembic's command does to the database; the value is shown to other deploys."""

    MOVE = "migrate"
    STAMP = "stamp"
    READ = "read"
    WRITE = "write a revision"


@dataclass(frozen=True)
class _Plan:
    """Where the database stands, where it will stand (None: before the first revision), and how."""

    current: str | None
    target: str | None
    direction: str
    #: The revision of the first step.
    first: str


def run(
    context: ModuleType, preflight: PreflightCheck, drift_check: DriftCheck | None = None
) -> None:
    """Run Alembic's command in this environment.

    :param context: the module ``alembic.context``.
    :param preflight: :func:`setu.preflight.check`, called before the first step. Raises
        :class:`SetuError` for what is foreseen.
    :param drift_check: what ``alembic check`` does.
    """
    try:
        _run(context, preflight, drift_check)
    except Exception as error:
        known = _setu_error(error)
        if known is None or known is error:
            raise
        raise known from error


def _run(context: ModuleType, preflight: PreflightCheck, drift_check: DriftCheck | None) -> None:
    settings = Settings.from_x_arguments(context.get_x_argument(as_dictionary=False))
    refuse_two_heads(Path(context.script.dir).resolve().parent, context.script)
    if command.merge in _called(context):
        raise RevisionStateError(
            "There is nothing to merge: the chain has one line, and no revision with two parents.",
            hint="Let the later of two revisions follow the other: CONTRIBUTING.md, two revisions "
            "at once",
        )
    purpose = _purpose(context)
    if purpose is Purpose.WRITE:
        place_revision(context)
        return
    released: dict[str, Release] = {}
    if purpose is Purpose.MOVE:
        releases = verify_released(Path(context.script.dir).resolve().parent)
        released = {name: release for release in releases for name in release.steps}
    if context.is_offline_mode():
        _offline(context, settings, released)
        return
    if _lists_only(context):
        _configure(context, settings, may_run=False, dialect_name="postgresql", as_sql=True)
        context.run_migrations()
        return
    # Pre-flight says the same of a move, beside what else it finds.
    writes = purpose is Purpose.STAMP
    with connected(database_url(), purpose.value, writes=writes) as connection:
        apply_session_settings(connection, settings.session_settings())
        if purpose is Purpose.READ:
            _refuse_several_revisions(connection)
            if command.check in _called(context) and drift_check is not None:
                drift_check(connection, settings)
                return
            if command.current in _called(context):
                _say_if_unknown(connection)
            _configure(context, settings, may_run=False, connection=connection, dont_mutate=True)
            _migrate(context)
            return
        if purpose is Purpose.STAMP and COMMAND not in context.config.attributes:
            log.warning(
                "The revision is written without a look at the database. `setu adopt` takes in a "
                "running v1 after a check; `setu drift` says what differs from the revision."
            )
        with deploy_lock(connection, settings.seconds("deploy_lock_wait")):
            act_as_owner(connection)
            may_run = purpose is Purpose.MOVE
            if may_run:
                _refuse_several_revisions(connection)
            _configure(context, settings, may_run=may_run, released=released, connection=connection)
            # A program that calls Alembic may only want to look.
            mutates = not context.get_context().opts.get("dont_mutate")
            plan = _plan(context) if may_run and mutates else None
            connection.rollback()
            if mutates:
                if plan:
                    _check_before(plan, connection, settings, preflight)
                for statement in (schema_sql(), paused_jobs_sql(), unfinished_step_sql()):
                    connection.exec_driver_sql(statement)
                connection.commit()
            try:
                if may_run and mutates:
                    _take_back(context, connection, plan)
                _migrate(context)
            except BaseException:
                # What failed first is the better message.
                with suppress(SetuError, SQLAlchemyError, psycopg2.Error):
                    _resume_jobs(connection)
                raise
            _resume_jobs(connection)


def _refuse_several_revisions(connection: Connection) -> None:
    current_revision(connection)
    connection.rollback()


def _resume_jobs(connection: Connection) -> None:
    if not connection.closed and not connection.invalidated:
        with autocommit(connection) as driver:
            resume_jobs(driver)


def _purpose(context: ModuleType) -> Purpose:
    """Only commands that write the revision have a destination.

    ``stamp``, and ``revision``, which writes files and needs no database, say what they are.
    """
    if command.revision in _called(context):
        return Purpose.WRITE
    try:
        context.get_revision_argument()
    except KeyError:
        return Purpose.READ
    return Purpose.STAMP if command.stamp in _called(context) else Purpose.MOVE


def _lists_only(context: ModuleType) -> bool:
    """Whether all that is wanted is the list of revisions, and no database is named."""
    options = context.config.cmd_opts
    indicates = getattr(options, "indicate_current", False)
    return command.history in _called(context) and not indicates and not os.environ.get(VARIABLE)


def _called(context: ModuleType) -> tuple[object, ...]:
    """What was called: Alembic's command, and what its caller says that it is."""
    called = getattr(context.config.cmd_opts, "cmd", None) or ()
    return (*called, context.config.attributes.get(COMMAND))


def _say_if_unknown(connection: Connection) -> None:
    """Alembic says nothing at all of a database that is not in the chain."""
    if current_revision(connection) is None:
        log.warning(
            "This database is not in the chain. What to do: `setu adopt` takes in a running v1; "
            "`alembic upgrade head` fills an empty database."
        )
    connection.rollback()


def _setu_error(error: BaseException) -> SetuError | None:
    """The foreseen failure in an exception, or in what it arose from.

    A lost connection makes the roll back fail too, which would hide what happened first.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, SetuError):
            return seen
        if isinstance(seen, ResolutionError) or str(seen).startswith("Can't locate revision"):
            return _unknown_revision(str(seen))
        if isinstance(seen, RevisionError | CommandError):
            return RevisionStateError(
                f"Alembic refuses this run: {seen}",
                hint="`setu current` says where the database stands, `setu history` what there is",
            )
        if isinstance(seen, AssertionError) and _is_of_an_empty_name(seen):
            return RevisionStateError(
                "No revision is given: its name is empty.",
                hint="Give one, such as head; `setu history` lists them",
            )
        if isinstance(seen, OSError) and (unwritten := OutputError.of(seen)) is not None:
            return unwritten
        seen = seen.__cause__ or seen.__context__
    return connection_lost(error)


def _is_of_an_empty_name(error: AssertionError) -> bool:
    """Whether Alembic looked for a revision without a name, as of a variable that is not set."""
    return traceback.extract_tb(error.__traceback__)[-1].name == "_revision_for_ident"


def _configure(
    context: ModuleType,
    settings: Settings,
    *,
    may_run: bool,
    released: Mapping[str, Release] | None = None,
    **where: Any,
) -> None:
    handed = Run(settings, may_run=may_run, released=released or {})
    context.configure(
        transaction_per_migration=True,
        setu=handed,
        version_table=TABLE,
        version_table_schema=SCHEMA,
        **where,
    )


def _migrate(context: ModuleType) -> None:
    with context.begin_transaction():
        context.run_migrations()


def _plan(context: ModuleType) -> _Plan | None:
    """What the command will do; None where it has nothing to do."""
    script: ScriptDirectory = context.script
    current = context.get_context().get_current_revision()
    target = context.get_revision_argument()
    if isinstance(target, tuple):  # `heads`: the chain has one
        (target,) = target
    if _goes_down(script, current, target):
        if command.upgrade in _called(context):
            _say_that_nothing_is_above(context, current, target)
            return None
        steps = list(script.iterate_revisions(current, target, select_for_downgrade=True))
        if not steps:
            return None
        end = _one(steps[-1].down_revision)
        return _Plan(current, end, "downgrade", steps[0].revision)
    steps = list(script.iterate_revisions(target, current))
    return _Plan(current, steps[0].revision, "upgrade", steps[-1].revision) if steps else None


def _say_that_nothing_is_above(
    context: ModuleType, current: str | None, target: str | None
) -> None:
    """An upgrade to a revision that is passed has nothing to do; no script of it can be meant."""
    target = target or "base"
    said = f"{target} lies below {current}, so there is nothing to upgrade"
    if context.is_offline_mode():
        raise RevisionStateError(
            f"{said}.", hint=f"For the way back, run: alembic downgrade {current}:{target} --sql"
        )
    log.warning("%s; `setu downgrade %s` goes back", said, target)


def _goes_down(script: ScriptDirectory, current: str | None, target: str | None) -> bool:
    if target is None or target.startswith("-"):
        return True
    if current is None or target.startswith("+"):
        return False
    below = {revision.revision for revision in script.iterate_revisions(current, "base")}
    return _resolved(script, target) in below - {current}


def _resolved(script: ScriptDirectory, target: str) -> str | None:
    """The whole id of a revision that may be given by its beginning."""
    found = script.get_revision(target.split("-")[0].split("+")[0])
    return found.revision if found else None


def _one(down_revision: str | list[str] | tuple[str, ...] | None) -> str | None:
    return down_revision if isinstance(down_revision, str) else None


def _unknown_revision(message: str) -> RevisionStateError:
    return RevisionStateError(
        f"A revision is not known here: {message}",
        hint="Check the name given; if the database names it, take the version of this repository "
        "that it was last deployed from, or a newer one",
    )


def _check_before(
    plan: _Plan, connection: Connection, settings: Settings, preflight: PreflightCheck
) -> None:
    preflight(
        connection,
        settings=settings,
        current=plan.current,
        target=plan.target,
        direction=plan.direction,
    )
    connection.rollback()


def _take_back(context: ModuleType, connection: Connection, plan: _Plan | None) -> None:
    """Undo the step that an earlier run left unfinished, unless this run goes on with it."""
    script: ScriptDirectory = context.script
    here = migration_context(connection, setu=context.get_context().opts["setu"])
    before = {r.revision: _one(r.down_revision) for r in script.walk_revisions()}
    found = to_take_back(
        connection, plan.first if plan else None, here.get_current_revision(), before
    )
    connection.rollback()
    if found is None:
        return
    revision, part = found
    log.warning("%s was begun and has not ended; it is taken back first", revision)
    with here.begin_transaction():
        run_step(Step.of_revision_file(script.get_revision(revision).path), part, here)


def _offline(context: ModuleType, settings: Settings, released: Mapping[str, Release]) -> None:
    _configure(
        context,
        settings,
        may_run=True,
        released=released,
        dialect_name="postgresql",
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    migration = context.get_context()
    write = migration.impl.static_output
    plan = _plan(context)
    write(_preamble(settings, migration.get_current_heads(), plan.first if plan else ""))
    _migrate(context)
    write(offline_unlock_sql())


def _preamble(settings: Settings, heads: tuple[str, ...], first: str) -> str:
    """The head of an offline script: guards, deploy lock, session settings.

    :param first: the revision of the first step.
    """
    calls = "\n".join(
        f"    PERFORM pg_catalog.set_config({_literal(name)}, {_literal(value)}, false);"
        for name, value in settings.session_settings().items()
    )
    expected = ", ".join(_literal(head) for head in heads)
    return f"""-- For psql. It stops at the first error; the step that failed is rolled back.
\\set ON_ERROR_STOP on
\\set AUTOCOMMIT on
{stable_settings_sql()}

{offline_lock_sql()}

DO $setu$
DECLARE
    v_expected text[] := ARRAY[{expected}]::text[];
    v_actual text[] := '{{}}';
    v_unfinished text;
BEGIN
    IF pg_catalog.current_setting('timescaledb.restoring', true) = 'on' THEN
        RAISE EXCEPTION 'cannot run this script because timescaledb.restoring is on'
            USING HINT = 'Call timescaledb_post_restore() when the restore has ended';
    END IF;
    IF pg_catalog.to_regclass('{SCHEMA}.{TABLE}') IS NOT NULL THEN
        EXECUTE 'SELECT coalesce(array_agg(v.version_num::text), ''{{}}'')'
            ' FROM {SCHEMA}.{TABLE} AS v'
        INTO v_actual;
    END IF;
    IF v_actual <> v_expected THEN
        RAISE EXCEPTION 'cannot run this script because the database is at revision %, not %',
            v_actual, v_expected
            USING HINT = 'Make the script for the revision of the database';
    END IF;
    IF pg_catalog.to_regclass('{UNFINISHED}') IS NOT NULL THEN
        EXECUTE 'SELECT u.revision FROM {UNFINISHED} AS u WHERE u.revision <> $1'
        INTO v_unfinished USING {_literal(first)};
    END IF;
    IF v_unfinished IS NOT NULL THEN
        RAISE EXCEPTION 'cannot run this script because revision % was begun and has not ended',
            v_unfinished
            USING HINT = 'Run alembic online, which takes it back first; '
                'or go on with it to its end, and then run this script';
    END IF;
END
$setu$;

DO $setu$
BEGIN
{calls}
END
$setu$;

{offline_owner_sql()}

{schema_sql()}

{unfinished_step_sql()}"""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
