"""``setu archive drop``: v1's archived rows, for good."""

from __future__ import annotations

from typing import Annotated

import typer

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.options import Setting
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.db.rights import OWNER
from setu.ops.archive import check_droppable, drop_archive
from setu.review.verification import broken_checks

_group = typer.Typer(help="v1's archived rows.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.add_typer(_group, name="archive")


@_group.callback()
def _archive() -> None:
    """v1's archived rows."""


@_group.command("drop")
def drop(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    setting: Setting = None,
    as_json: AsJson = False,
) -> None:
    """Drop v1's tables in _archive. After it no downgrade goes back to v1.

    Example: setu archive drop
    """
    settings = Settings.from_x_arguments(setting or [])
    url = database_url()
    root = repository_root()
    with connected(url, "archive drop", writes=True, role=OWNER) as connection:
        check_droppable(connection, root)
        connection.rollback()
        if not yes:
            typer.confirm(
                f"Drop v1's rows in {url} for good? No downgrade can bring them back",
                abort=True,
            )
        dropped = drop_archive(
            connection, root, settings, lambda: broken_checks(connection, root, settings)
        )
    if as_json:
        print_json(
            "archive drop",
            {"dropped": [{"table": table.table, "bytes": table.size} for table in dropped]},
        )
        return
    for table in dropped:
        typer.echo(f"dropped _archive.{table.table}, {table.size / 1e6:,.1f} MB")
    typer.echo("Keys and row counts are kept: `setu report` still counts.")
