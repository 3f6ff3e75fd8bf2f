"""``setu lint``: the rules of the chain that need no server."""

from __future__ import annotations

import typer
from rich.console import Console

from setu.chain.checksums import verify_released
from setu.chain.repository import repository_root, steps_to
from setu.errors import StepError
from setu.review.lint import lint as problems_of


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lint")(lint)


def lint() -> None:
    """Check every revision and its step: names, headers, includes, checksums."""
    root = repository_root()
    problems = problems_of(root)
    if problems:
        raise StepError(
            "The chain breaks its rules.", context=problems, hint="mend each of the lines above"
        )
    verify_released(root)
    count = len(steps_to(root))
    Console(highlight=False).print(f"{count} revisions are in order.", markup=False)
