"""``setu diff``: what differs between any two schemas."""

from __future__ import annotations

from typing import Annotated

import typer

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.commands.schema_diff import write_review
from setu.cli.options import Out
from setu.cli.output import AsJson
from setu.review.render import FORMATS
from setu.review.schema_diff import review_sides


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diff")(diff)


def diff(
    left: Annotated[str, typer.Argument(help="What there was: see below.")],
    right: Annotated[str, typer.Argument(help="What there is: see below.")],
    setting: Annotated[
        list[str] | None, typer.Option("-x", help="A setting, name=value, for folders.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A kind of object to leave out; may be repeated.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    out: Out = None,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="As text: with both texts of each change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two sides, change by change, each with its class.

    A side is a folder of SQL files, a git revision or tag (v1.0, or v1.0:schema), a revision of the
    chain that ships with its catalog (0503), a database's address, or a file that `setu catalog
    snapshot` wrote. Exit code 0: no difference. 2: some. 1: it could not be determined.

    Example: setu diff v2.0 schema_new
    """
    settings = Settings.from_x_arguments(setting or [])
    review = review_sides(left, right, repository_root(), settings, ignore or ())
    write_review(review, "json" if as_json else format_, out, side_by_side=side_by_side)
