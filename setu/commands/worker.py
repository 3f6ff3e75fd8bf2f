"""``setu worker``: the loads on schedule, where the server has no scheduler."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import Annotated

import typer

from setu.database import database_url
from setu.worker import Schedule, Worker


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("worker")(worker)


def worker(
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two rounds.")] = 60.0,
    slice_seconds: Annotated[
        float,
        typer.Option("--slice", min=0.1, help="Seconds of one call; a stop waits at most so long."),
    ] = 10.0,
    retention: Annotated[
        bool, typer.Option(help="Drop loaded bronze chunks daily; needs the deploying role.")
    ] = True,
    drop_after: Annotated[str, typer.Option(help="Age at which a loaded chunk goes.")] = "30 days",
) -> None:
    """Run every enabled pipeline each interval until SIGTERM or Ctrl-C."""
    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        say(f"{signal.Signals(number).name}: stopping after the current batch")
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    say("started")
    Worker(
        database_url(), Schedule(interval, slice_seconds, retention, drop_after), say, stop
    ).run()
    say("stopped")


def say(line: str) -> None:
    """One line with the time, for a log."""
    typer.echo(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}")
