"""``setu catch-up``: v2 follows what v1 has changed, in the days before the swap."""

from __future__ import annotations

import typer

from setu.db.connection import connected, database_url
from setu.ops.catch_up import catch_up as follow


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("catch-up")(catch_up)


def catch_up() -> None:
    """Bring v2 up to date with what v1 has changed since `alembic upgrade 0106`.

    v1 works on meanwhile. Run it daily until the swap, so that little is left for it.

    Example: setu catch-up
    """
    with connected(database_url(), "catch-up", writes=True) as connection:
        follow(
            connection, lambda notice: typer.echo(notice.strip().removeprefix("NOTICE:").strip())
        )
