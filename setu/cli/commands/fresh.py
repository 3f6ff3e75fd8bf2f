"""``setu fresh``: v2 in an empty database."""

from __future__ import annotations

import typer

from setu.chain.fresh import apply_fresh, refuse_unless_empty
from setu.chain.repository import head_of, repository_root
from setu.chain.settings import Settings
from setu.cli.options import Setting
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.db.deploy_lock import deploy_lock
from setu.preflight import check


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fresh")(fresh)


def fresh(
    setting: Setting = None,
    as_json: AsJson = False,
) -> None:
    """Make v2 in an empty database, without the chain, and mark it as the head.

    Example: setu fresh -x bronze_chunk_interval='12 hours'
    """
    settings = Settings.from_x_arguments(setting or [])
    root = repository_root()
    with (
        connected(database_url(), "fresh", writes=True) as connection,
        deploy_lock(connection, settings.seconds("deploy_lock_wait")),
    ):
        refuse_unless_empty(connection, root)
        connection.rollback()
        check(
            connection,
            settings=settings,
            current=None,
            target=head_of(root),
            direction="upgrade",
            root=root,
        )
        connection.rollback()
        head = apply_fresh(connection, root, settings)
    if as_json:
        print_json("fresh", {"revision": head})
        return
    typer.echo(f"The database is v2, and now marked as {head}.")
