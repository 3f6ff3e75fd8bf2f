"""``setu plan``: what an upgrade or downgrade would do, before it does anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated

import typer

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.options import Out, Scratch, Setting
from setu.cli.output import AsJson
from setu.cli.scratch_server import scratch_server
from setu.db.connection import connected, database_url
from setu.errors import SetuError
from setu.preflight import Plan
from setu.preflight.check import inspect
from setu.review.plan import RunPlan, make_plan, read_database
from setu.review.plan_output import document, markdown, text

FORMATS = ("text", "markdown", "json")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("plan")(plan)


def plan(
    revisions: Annotated[
        str, typer.Argument(help="to, or from:to; up or down. By default the head.")
    ] = "head",
    setting: Setting = None,
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    out: Out = None,
    scratch: Scratch = None,
    as_json: AsJson = False,
) -> None:
    """Show the steps, locks, rows, disk and time of a run, and what would stop it.

    It changes nothing: the steps run in a scratch database, which is dropped again. Exit code 0: it
    can run. 2: something would stop it. 1: it could not be determined.

    Example: setu plan 0106
    """
    format_ = "json" if as_json else format_
    if format_ not in FORMATS:
        raise SetuError(
            f"There is no format {format_!r}.",
            context=[f"formats: {', '.join(FORMATS)}"],
            hint="Choose one of these",
        )
    made = plan_of_database(revisions, Settings.from_x_arguments(setting or []), scratch)
    if format_ == "json":
        written = json.dumps(document(made), indent=2, ensure_ascii=False) + "\n"
    else:
        written = markdown(made) if format_ == "markdown" else text(made)
    if out is None:
        typer.echo(written, nl=False)
    else:
        out.write_text(written, encoding="utf-8")
        typer.echo(f"{out}: {len(made.steps)} steps", err=True)
    if made.exit_code:
        raise typer.Exit(made.exit_code)


def plan_of_database(revisions: str, settings: Settings, scratch: str | None = None) -> RunPlan:
    """The plan of a run on the database in DATABASE_URL, with what pre-flight says of it."""
    address, root = database_url(), repository_root()
    with connected(address, "plan") as connection:
        reading = read_database(connection, root, revisions, settings)
        chosen, found = reading.chosen, []
        if chosen.start == reading.current and chosen.steps:
            preflight = Plan(chosen.direction, chosen.start, chosen.end)
            found = inspect(connection, preflight, settings, root)
            connection.rollback()
    with scratch_server(address, scratch) as server:
        made = make_plan(reading, root, settings, server)
    return replace(
        made,
        refusals=tuple("\n".join(f.lines()) for f in found if f.stops),
        warnings=tuple("\n".join(f.lines()) for f in found if not f.stops),
    )
