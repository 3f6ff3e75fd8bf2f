"""``setu release``: freeze revisions, so that what was reviewed is what runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from setu.chain.checksums import FILE, write_released
from setu.chain.repository import repository_root, steps_to


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("release")(release)


def release(
    revision: Annotated[str, typer.Argument(help="The last revision to release.")],
) -> None:
    """Write the checksums of all steps up to a revision; from then on they may not change."""
    root = repository_root()
    new = write_released(root, steps_to(root, revision))
    console = Console(highlight=False)
    for key in new:
        console.print(f"released {key}", markup=False)
    console.print(f"{len(new)} new lines in {FILE}.", markup=False)
