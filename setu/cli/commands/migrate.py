"""``setu upgrade``, ``downgrade``, ``current``, ``history``: Alembic's, with the chain it ships."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Annotated, Any

import typer
from alembic.config import Config
from alembic.script import ScriptDirectory

from alembic import command
from setu.chain.repository import alembic_config, head_of, repository_root
from setu.cli.options import Setting
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.db.version_table import current_revision

_Sql = Annotated[bool, typer.Option("--sql", help="Write a script for psql; change nothing.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for function in (upgrade, downgrade, current, history):
        app.command(function.__name__)(function)


def upgrade(
    revision: Annotated[str, typer.Argument(help="Where to go; from:to with --sql.")] = "head",
    setting: Setting = None,
    sql: _Sql = False,
) -> None:
    """Take the database up the chain, after pre-flight.

    Example: setu upgrade head -x lock_timeout='500 ms'
    """
    command.upgrade(_config(command.upgrade, setting), revision, sql=sql)


def downgrade(
    revision: Annotated[str, typer.Argument(help="Where to go back to; from:to with --sql.")],
    setting: Setting = None,
    sql: _Sql = False,
) -> None:
    """Take the database back down the chain, after pre-flight.

    Example: setu downgrade 0001
    """
    command.downgrade(_config(command.downgrade, setting), revision, sql=sql)


def current(as_json: AsJson = False) -> None:
    """Show the revision at which the database stands.

    Example: setu current
    """
    if as_json:
        with connected(database_url(), "current") as connection:
            at = current_revision(connection)
        head = head_of(repository_root())
        print_json("current", {"revision": at, "head": head, "is_head": at == head})
        return
    command.current(_config(command.current))


def history(as_json: AsJson = False) -> None:
    """List the revisions of the chain.

    Example: setu history
    """
    if as_json:
        head_of(repository_root())  # Refuses two heads, as Alembic's environment does.
        revisions = [
            {
                "revision": script.revision,
                "down_revision": script.down_revision,
                "title": script.doc,
            }
            for script in ScriptDirectory.from_config(_config(command.history)).walk_revisions()
        ]
        print_json("history", {"revisions": revisions})
        return
    command.history(_config(command.history))


def _config(called: Callable[..., Any], settings: list[str] | None = None) -> Config:
    config = alembic_config(repository_root())
    config.cmd_opts = Namespace(cmd=(called,), x=settings or [], raiseerr=True)
    return config
