"""What ``alembic/env.py`` does: settings, connection, deploy lock, pre-flight, and the run."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import RevisionStep
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from setu.chain.checksums import verify_released
from setu.chain.runner import Run
from setu.chain.settings import Settings
from setu.db.connection import apply_session_settings, connected, database_url
from setu.db.deploy_lock import deploy_lock, offline_lock_sql, offline_unlock_sql
from setu.errors import DatabaseConnectionError, RevisionStateError, SetuError

# Alembic hands a command's work over as a function; these are the ones that change a database.
_MOVES = ("upgrade", "downgrade")
_WRITES = {
    "upgrade": "upgrade",
    "downgrade": "downgrade",
    "do_stamp": "stamp",
    "do_ensure_version": "ensure_version",
}


def run(environment: EnvironmentContext) -> None:
    """Run Alembic's command in this environment.

    Raises :class:`SetuError` for what is foreseen.
    """
    try:
        _run(environment)
    except Exception as error:
        known = _setu_error(error)
        if known is None or known is error:
            raise
        raise known from error


def _run(environment: EnvironmentContext) -> None:
    settings = Settings.from_x_arguments(environment.get_x_argument(as_dictionary=False))
    command = getattr(environment.context_opts.get("fn"), "__name__", "")
    if command in _MOVES:
        verify_released(Path(environment.script.dir).resolve().parent)
    if environment.is_offline_mode():
        _offline(environment, settings)
        return
    purpose = _WRITES.get(command, "read")
    with connected(database_url(), purpose) as connection:
        apply_session_settings(connection, settings.session_settings())
        if command not in _WRITES:
            _configure(environment, settings, connection=connection)
            _migrate(environment)
            return
        with deploy_lock(connection, settings.seconds("deploy_lock_wait")):
            _configure(environment, settings, connection=connection)
            if command in _MOVES:
                _check_before(environment, connection, settings)
            _migrate(environment)


def _setu_error(error: BaseException) -> SetuError | None:
    """The foreseen failure in an exception, or in what it arose from.

    A lost connection makes the roll back fail too, which would hide what happened first.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, SetuError):
            return seen
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return DatabaseConnectionError(
            "The connection was lost.",
            context=[str(error.orig).strip()],
            hint="see why in the server's log, then run the same command again",
        )
    return None


def _configure(environment: EnvironmentContext, settings: Settings, **where: Any) -> None:
    command = getattr(environment.context_opts.get("fn"), "__name__", "")
    handed = Run(settings, may_run=command in _MOVES)
    environment.configure(transaction_per_migration=True, setu=handed, **where)


def _migrate(environment: EnvironmentContext) -> None:
    with environment.begin_transaction():
        environment.run_migrations()


def _plan(
    environment: EnvironmentContext,
) -> tuple[str | None, Sequence[RevisionStep]]:
    """The revision at which the database stands, and the steps that the command will run."""
    context = environment.get_context()
    try:
        current = context.get_current_revision()
        steps = list(environment.context_opts["fn"]((current,) if current else (), context))
    except ResolutionError as error:
        raise _unknown_revision(str(error)) from error
    except CommandError as error:
        if isinstance(error.__cause__, ResolutionError):
            raise _unknown_revision(str(error.__cause__)) from error
        raise
    return current, steps


def _unknown_revision(message: str) -> RevisionStateError:
    return RevisionStateError(
        f"A revision is not known here: {message}",
        hint="check the name given; if the database names it, take the version of this repository "
        "that it was last deployed from, or a newer one",
    )


def _check_before(
    environment: EnvironmentContext, connection: Connection, settings: Settings
) -> None:
    """Pre-flight of the plan, when there is one and something to do."""
    current, steps = _plan(environment)
    connection.rollback()
    if not steps or importlib.util.find_spec("setu.preflight") is None:
        return
    after = steps[-1].to_revisions_no_deps
    importlib.import_module("setu.preflight").check(
        connection,
        settings=settings,
        current=current,
        target=after[0] if after else None,
        direction="upgrade" if steps[0].is_upgrade else "downgrade",
    )
    connection.rollback()


def _offline(environment: EnvironmentContext, settings: Settings) -> None:
    _configure(
        environment,
        settings,
        dialect_name="postgresql",
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    context = environment.get_context()
    write = context.impl.static_output
    write(_preamble(settings, context.get_current_heads()))
    _migrate(environment)
    write(offline_unlock_sql())


def _preamble(settings: Settings, heads: Sequence[str]) -> str:
    """The head of an offline script: guards, deploy lock, session settings."""
    calls = "\n".join(
        f"    PERFORM pg_catalog.set_config({_literal(name)}, {_literal(value)}, false);"
        for name, value in settings.session_settings().items()
    )
    expected = ", ".join(_literal(head) for head in heads)
    return f"""-- For psql. It stops at the first error; the step that failed is rolled back.
\\set ON_ERROR_STOP on
\\set AUTOCOMMIT on
{offline_lock_sql()}

DO $setu$
DECLARE
    v_expected text[] := ARRAY[{expected}]::text[];
    v_actual text[] := '{{}}';
BEGIN
    IF to_regclass('alembic_version') IS NOT NULL THEN
        EXECUTE 'SELECT coalesce(array_agg(version_num::text), ''{{}}'') FROM alembic_version'
        INTO v_actual;
    END IF;
    IF v_actual <> v_expected THEN
        RAISE EXCEPTION 'cannot run this script because the database is at revision %, not %',
            v_actual, v_expected
            USING HINT = 'Make the script for the revision at which the database is.';
    END IF;
END
$setu$;

DO $setu$
BEGIN
{calls}
END
$setu$;"""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
