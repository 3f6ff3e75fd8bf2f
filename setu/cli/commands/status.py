"""``setu status`` and ``setu report``: how the pipelines are, and what became of v1's rows."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from setu.db.connection import connected, database_url
from setu.ops.health import Thresholds, judge, read_health
from setu.ops.presentation import account_tables, health_tables, verdict
from setu.ops.reconciliation import read_accounts


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("status")(status)
    app.command("report")(report)


def status(
    run_age: Annotated[float, typer.Option(help="Seconds since the last run.")] = 300,
    lag: Annotated[float, typer.Option(help="Seconds that the oldest waiting row may wait.")] = 600,
    error_rate: Annotated[float, typer.Option(help="Part of the day's runs that may fail.")] = 0.1,
) -> None:
    """Show lag, last runs, rejects, jobs and offsets. Exit code 1 when a pipeline is unhealthy."""
    console = Console(highlight=False)
    with connected(database_url(), "status") as connection:
        health = read_health(connection)
    for made in health_tables(health):
        console.print(made)
    findings = judge(health, Thresholds(run_age, lag, error_rate))
    console.print(verdict(findings))
    if findings:
        raise typer.Exit(1)


def report() -> None:
    """Show what became of v1's rows: migrated, merged, left out and why; payloads by reason."""
    console = Console(highlight=False)
    with connected(database_url(), "report") as connection:
        found = read_accounts(connection)
    for made in account_tables(found):
        console.print(made)
    if found.orphans is None:
        console.print("The archive was dropped: the counts are kept, the rows are not.")
