"""``setu worker``: the loads on schedule, where the server has no scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated

import typer

from setu.cli.output import say
from setu.cli.signals import stop_on_signal
from setu.db.connection import database_url
from setu.ops.answers import answering
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("worker")(worker)


def worker(
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two rounds.")] = 60.0,
    slice_seconds: Annotated[
        float,
        typer.Option(
            "--slice",
            min=0.1,
            help="Seconds of one call of a load, which then ends with its batch; a stop waits for "
            "it. Keep it below the time after which a supervisor kills (Docker: 10 s).",
        ),
    ] = Schedule.slice_seconds,
    retention: Annotated[
        bool, typer.Option(help="Drop loaded bronze chunks daily; needs the deploying role.")
    ] = True,
    drop_after: Annotated[str, typer.Option(help="Age at which a loaded chunk goes.")] = "30 days",
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Check the alert rules each minute, too.")
    ] = False,
    listen: Annotated[
        str,
        typer.Option(
            help="HOST:PORT on which to answer /live and /ready, and /metrics where prometheus-"
            "client is installed (pip install 'setu[metrics]')."
        ),
    ] = "",
    stuck_after: Annotated[
        float, typer.Option(min=1, help="Seconds of one call after which /live says no.")
    ] = 900.0,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say what found nothing to do, too.")
    ] = False,
) -> None:
    """Do what the server's jobs would, each interval, until SIGTERM or Ctrl-C.

    It says what it did and what failed, and nothing when there is nothing to do. Bad settings end
    it at its start, with exit code 1; a server that is away does not. A second signal ends it at
    once.

    Example: setu worker --listen 127.0.0.1:9187
    """
    schedule = Schedule(interval, slice_seconds, retention, drop_after, alerts, verbose)
    with stop_on_signal(
        lambda name: say(
            f"{name}: stopping when the running call returns, within about {slice_seconds:g} s"
        )
    ) as stop:
        worker = Worker(database_url(), schedule, say, stop)
        worker.check()
        with answering(listen, worker, stuck_after) as address:
            say(f"started, answers on {address}" if address else "started")
            _run_aside(worker.run)
    say("stopped")


def _run_aside(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread: while libpq waits for an answer, its thread handles no signal."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    # A daemon, so that a second signal ends the process whatever the server is about.
    thread = threading.Thread(target=run, name="worker", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
