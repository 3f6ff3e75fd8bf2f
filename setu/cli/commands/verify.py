"""``setu verify``: does what must hold at any time hold now?"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.commands.drift import drift_of_database
from setu.db.connection import connected, database_url
from setu.review.verification import verify_database


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("verify")(verify)


def verify(
    setting: Annotated[
        list[str] | None, typer.Option("-x", help="A setting, name=value; may be repeated.")
    ] = None,
) -> None:
    """Run the standing checks on a database at the head, and name all drift. It changes nothing.

    Exit code 0: all holds, and nothing differs. 2: not so. 1: it could not be told.
    """
    console = Console(highlight=False)
    root = repository_root()
    settings = Settings.from_x_arguments(setting or [])
    failed: list[str] = []
    with connected(database_url(), "verify") as connection:
        for outcome in verify_database(connection, root, settings):
            word, style = ("holds", "green") if outcome.error is None else ("FAILS", "bold red")
            line = Text(word, style=style)
            line.append(f"  {outcome.check.name}  {outcome.seconds:.1f} s", style="default")
            console.print(line)
            if outcome.error is not None:
                failed.append(outcome.check.name)
                console.print(Text(str(outcome.error)), soft_wrap=True)
    if failed:
        console.print(f"{len(failed)} of the standing checks do not hold.", style="bold red")
    drifted = 0
    if (root / "schema_new").is_dir():
        drift = drift_of_database(settings)
        console.print(Text(drift.render().rstrip()), soft_wrap=True)
        drifted = drift.exit_code
    if failed or drifted:
        raise typer.Exit(2)
