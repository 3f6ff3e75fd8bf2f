"""``setu release``: freeze revisions, so that what was reviewed is what runs."""

from __future__ import annotations

from typing import Annotated

import typer

from setu.chain.releases import FOLDER, write_release
from setu.chain.repository import repository_root
from setu.cli.commands.lint import all_problems, what_to_do
from setu.cli.output import AsJson, print_json
from setu.errors import ReleaseError
from setu.review.expected import freeze_catalog


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("release")(release)


def release(
    version: Annotated[str, typer.Argument(help="The version, such as 2.0.")],
    as_json: AsJson = False,
) -> None:
    """Write all steps that are not released out as text, with their checksums.

    From then on they may not change, and schema_new/ is free to.

    Example: setu release 2.1
    """
    root = repository_root()
    # What lint refuses could not be corrected once it is released.
    problems = all_problems(root)
    if problems:
        raise ReleaseError(
            f"{version} cannot be released: the chain breaks its rules.",
            context=problems,
            hint=what_to_do(problems),
        )
    made = write_release(root, version)
    catalog = freeze_catalog(root)
    if as_json:
        print_json(
            "release",
            {
                "version": made.version,
                "revision": made.revision,
                "steps": list(map(str, made.steps)),
            },
        )
        return
    for step in made.steps:
        typer.echo(f"released {step}")
    typer.echo(
        f"{made.version} ends in revision {made.revision}: {len(made.steps)} steps, "
        f"{len(made.files)} files, {len(made.settings)} settings, in {FOLDER}/{made.version}.json."
    )
    typer.echo(f"{catalog.relative_to(root)} has its schema.")
    typer.echo("Commit the files below sql/, and tag the commit.")
