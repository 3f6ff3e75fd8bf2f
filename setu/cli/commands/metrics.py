"""``setu metrics``: what Prometheus scrapes, once."""

from __future__ import annotations

import typer

from setu.db.connection import database_url
from setu.ops.metrics import exposition


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("metrics")(metrics)


def metrics() -> None:
    """Print the metrics of the pipelines as Prometheus reads them.

    For the textfile collector of node_exporter, or to look at. `setu worker --listen` serves them.
    A database that cannot be read gives `setu_up 0`, and the reason on standard error.

    Example: setu metrics > /var/lib/node_exporter/setu.prom
    """
    why: list[str] = []
    typer.echo(exposition(database_url(), say=why.append), nl=False)
    for reason in why:
        typer.echo(reason, err=True)
