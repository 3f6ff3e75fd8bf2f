"""``setu schema-diff``: what v2 changes, compared with the change requests."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from setu.chain.repository import repository_root
from setu.cli.options import Out
from setu.cli.output import AsJson
from setu.errors import SetuError
from setu.review.render import FORMATS, terminal
from setu.review.schema_diff import Review, review_schemas


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("schema-diff")(schema_diff)


def schema_diff(
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    out: Out = None,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="As text: with both texts of each change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare schema/ with schema_new/, and both with the change requests. Needs no server.

    Exit code 0: every request is fulfilled, and every other change is explained. 2: not so. 1: it
    could not run.

    Example: setu schema-diff --format html --out review.html
    """
    # What is read is kept to the end: to search it for garbage, now or at the end, takes as long as
    # a third of the work.
    gc.disable()
    try:
        form = "json" if as_json else format_
        write_review(review_schemas(repository_root()), form, out, side_by_side=side_by_side)
    finally:
        gc.freeze()
        gc.enable()


def write_review(
    review: Review, format_: str, out: Path | None, *, side_by_side: bool = False
) -> None:
    """Write a review in a format, and leave with its exit code."""
    if format_ not in FORMATS:
        raise SetuError(
            f"There is no format {format_!r}.",
            context=[f"formats: {', '.join(FORMATS)}"],
            hint="Choose one of these",
        )
    plain = format_ == "text"
    text = terminal(review, side_by_side=side_by_side) if plain else FORMATS[format_](review)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        typer.echo(f"{out}: {len(review.changes)} changes", err=True)
    if review.exit_code:
        raise typer.Exit(review.exit_code)
