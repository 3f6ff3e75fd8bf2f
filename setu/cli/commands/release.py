"""``setu release``: freeze revisions, so that what was reviewed is what runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from setu.chain.releases import FOLDER, write_release
from setu.chain.repository import repository_root
from setu.errors import ReleaseError
from setu.review.expected import freeze_catalog
from setu.review.lint import lint


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("release")(release)


def release(
    version: Annotated[str, typer.Argument(help="The version, such as 2.0.")],
) -> None:
    """Write all steps that are not released out as text, with their checksums.

    From then on they may not change, and schema_new/ is free to.
    """
    root = repository_root()
    problems = lint(root)
    if problems:
        raise ReleaseError(
            f"{version} cannot be released: the chain breaks its rules.",
            context=problems,
            hint="Correct each of the lines above",
        )
    made = write_release(root, version)
    catalog = freeze_catalog(root)
    console = Console(highlight=False)
    for step in made.steps:
        console.print(f"released {step}", markup=False)
    console.print(
        f"{made.version} ends in revision {made.revision}: {len(made.steps)} steps, "
        f"{len(made.files)} files, {len(made.settings)} settings, in {FOLDER}/{made.version}.json.",
        markup=False,
    )
    console.print(f"{catalog.relative_to(root)} has its schema.", markup=False)
    console.print("Commit the files below sql/, and tag the commit.", markup=False)
