"""Processes what v1 has changed since the backfill, in the days before the swap."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from setu.chain.repository import SWAP_REVISION
from setu.chain.settings import Settings
from setu.db.acting_role import act_as_owner
from setu.db.connection import apply_session_settings, autocommit
from setu.db.deploy_lock import deploy_lock
from setu.db.notices import streamed_notices
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError


def catch_up(connection: Connection, receive: Callable[[str], None]) -> None:
    """Let v2 follow v1's changes, pass by pass, each its own transaction; v1 waits for nothing.

    :param receive: gets the server's notices as they come. Raises :class:`RevisionStateError` where
        v1's changes are not noted, since the backfill has not run or v2 is live.
    """
    settings = Settings()
    apply_session_settings(connection, settings.session_settings())
    with deploy_lock(connection, settings.seconds("deploy_lock_wait")):
        act_as_owner(connection)
        revision = current_revision(connection)
        swapped = revision is not None and revision >= SWAP_REVISION
        with autocommit(connection) as driver, driver.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.to_regprocedure('_stage.catch_up()') IS NOT NULL")
            if not cursor.fetchone()[0]:
                raise RevisionStateError(
                    f"There is nothing to catch up with at revision {revision or 'base (empty)'}.",
                    context=[
                        f"v2 is live since {SWAP_REVISION}: nobody writes to v1's tables any more."
                        if swapped
                        else "v1's tables do not note yet what changes in them."
                    ],
                    hint="" if swapped else "Run `alembic upgrade 0106` first",
                )
            with streamed_notices(driver, receive):
                cursor.execute("CALL _stage.catch_up()")
