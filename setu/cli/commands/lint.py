"""``setu lint``: the rules of the chain that need no server."""

from __future__ import annotations

import typer
from rich.console import Console

from setu.chain.repository import repository_root, steps_to
from setu.errors import StepError
from setu.review.lint import lint as problems_of
from setu.review.sql_style import check_style
from setu.review.squawk import check_steps, squawk_program


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lint")(lint)


def lint() -> None:
    """Check every revision, its step and its SQL: names, headers, style, squawk, checksums."""
    root = repository_root()
    console = Console(highlight=False)
    problems = problems_of(root)
    problems += [str(violation) for violation in check_style(root)]
    squawk = squawk_program()
    if squawk is None:
        console.print("squawk is not installed, so its rules were not checked.", markup=False)
    elif not problems:
        problems += check_steps(root, squawk)
    if problems:
        raise StepError(
            "The chain breaks its rules.", context=problems, hint="Correct each of the lines above"
        )
    count = len(steps_to(root))
    console.print(f"{count} revisions are in order.", markup=False)
