"""``setu revision``: a new revision with its step."""

from __future__ import annotations

from typing import Annotated

import typer

from alembic import command
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, repository_root
from setu.chain.scaffold import RELEASE


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("revision")(revision)


def revision(
    message: Annotated[str, typer.Argument(help="What changes, as 'add spindle hours'.")],
    release: Annotated[
        str | None, typer.Option(help="The version to come, where it is not the next minor one.")
    ] = None,
) -> None:
    """Make a revision: its number, folder and file, and its up.sql, down.sql and verify.sql."""
    config = alembic_config(repository_root())
    config.attributes[COMMAND] = command.revision
    config.attributes[RELEASE] = release
    command.revision(config, message)
