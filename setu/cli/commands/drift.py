"""``setu drift``: is the database what its revision should have?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.options import Out, Scratch
from setu.cli.output import AsJson
from setu.cli.scratch_server import scratch_server
from setu.db.connection import connected, database_url
from setu.errors import SetuError
from setu.review.drift import Drift, find_drift

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("drift")(drift)


def drift(
    setting: Annotated[
        list[str] | None, typer.Option("-x", help="A setting, name=value, as at the upgrade.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    out: Out = None,
    scratch: Scratch = None,
    as_json: AsJson = False,
) -> None:
    """Name every difference between the database and its revision. It changes nothing.

    Exit code 0: no difference. 2: some. 1: it could not be determined.

    Example: setu drift
    """
    format_ = "json" if as_json else format_
    if format_ not in FORMATS:
        raise SetuError(
            f"There is no format {format_!r}.",
            context=[f"formats: {', '.join(FORMATS)}"],
            hint="Choose one of these",
        )
    settings = Settings.from_x_arguments(setting or [])
    found = drift_of_database(settings, scratch)
    text = found.render()
    if format_ == "json":
        text = json.dumps(found.document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"{out}: {len(found.differences)} differences", err=True)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def drift_of_database(settings: Settings, scratch: str | None = None) -> Drift:
    """The drift of the database in DATABASE_URL."""
    address = database_url()
    with scratch_server(address, scratch) as server, connected(address, "drift") as connection:
        return find_drift(connection, repository_root(), settings, server)
