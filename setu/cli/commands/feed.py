"""``setu feed``: gateway SQLite files into bronze."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import psycopg2.extensions
import typer

from setu.cli.exit_codes import COULD_NOT, REJECTED
from setu.cli.output import AsJson, print_json, say
from setu.cli.signals import stop_on_signal
from setu.db.address import Address
from setu.db.connection import open_driver
from setu.errors import SetuError
from setu.ingest.gateway import BATCH_ROWS, FeedReport
from setu.ingest.gateway import feed as feed_files
from setu.ingest.gateway_faults import GatewayFileError
from setu.ingest.gateway_places import gateway_files
from setu.ingest.rejections import Rejection, append_rejections
from setu.ingest.watch import Watcher, counted

SHOWN_REJECTIONS = 10


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("feed")(feed)


def feed(
    files: Annotated[
        list[Path],
        typer.Argument(help="SQLite files of gateways, or directories that hold them."),
    ],
    database_url: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="The database to feed.", show_envvar=True)
    ],
    batch_rows: Annotated[
        int, typer.Option(min=1, help="Rows in one batch, which is one transaction.")
    ] = BATCH_ROWS,
    rejects: Annotated[
        Path, typer.Option(help="Rejected rows are added here whole, a line of JSON each.")
    ] = Path("rejects.jsonl"),
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and feed what changes, until Ctrl-C or SIGTERM.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="With --watch: seconds between looks.")] = 5,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also send rows recorded as stored: bronze lost them."),
    ] = False,
    accept_no_wal: Annotated[
        bool,
        typer.Option(
            "--accept-no-wal",
            help="Take a file in WAL mode without its -wal for one that was closed cleanly.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Feed gateway files into bronze; run it again with the same files after a failure.

    Exit code 0: all rows are stored. 3: some were rejected. 1: a file or the database could not be
    used; other files were fed.

    Example: setu feed gateways/ --rejects rejects.jsonl
    """
    keep = append_rejections(rejects)
    shown = 0

    def on_rejection(rejection: Rejection) -> None:
        nonlocal shown
        keep(rejection)
        shown += 1
        if shown <= SHOWN_REJECTIONS:
            typer.echo(f"rejected: {rejection}", err=True)

    address = Address.parse(database_url)

    def connect() -> psycopg2.extensions.connection:
        connection: psycopg2.extensions.connection = open_driver(address, "feed", writes=True)
        return connection

    if watch:
        rejected = _watch(connect, files, every, batch_rows, accept_no_wal, on_rejection)
        raise typer.Exit(REJECTED if rejected else 0)

    found = gateway_files(files)
    if not found:
        raise SetuError(
            "there is no gateway file to feed",
            context=[f"looked in: {place}" for place in files],
            hint="Give files, or a directory that holds them",
        )

    def on_batch(report: FeedReport) -> None:
        typer.echo(f"{report.stored:>10,} rows stored", err=True)

    def on_refused(error: GatewayFileError) -> None:
        typer.echo(error.message, err=True)

    connection = connect()
    try:
        report = feed_files(
            connection,
            found,
            batch_rows=batch_rows,
            again=again,
            accept_no_log=accept_no_wal,
            on_batch=on_batch,
            on_rejection=on_rejection,
            on_refused=on_refused,
        )
    finally:
        connection.close()
    if as_json:
        print_json("feed", _as_json(report, len(found)))
    else:
        typer.echo(counted(report))
        if report.refused:
            typer.echo(f"{len(report.refused)} of {len(found)} files gave no row, as said above")
        if report.rejected:
            typer.echo(f"Rejected rows are in {rejects}: correct them at their gateway, feed again")
    if report.refused:
        raise typer.Exit(COULD_NOT)
    if report.rejected:
        raise typer.Exit(REJECTED)


def _as_json(report: FeedReport, files: int) -> dict[str, object]:
    return {
        "files": files,
        "rows_read": report.read,
        "rows_stored": report.stored,
        "rows_stored_before": report.already_stored,
        "rows_rejected": report.rejected,
        "batches": report.batches,
        "files_refused": [
            {"state": error.state, "what": error.title, "hint": error.hint}
            for error in report.refused
        ],
    }


def _watch(
    connect: Callable[[], psycopg2.extensions.connection],
    places: list[Path],
    every: float,
    batch_rows: int,
    accept_no_wal: bool,
    on_rejection: Callable[[Rejection], None],
) -> int:
    """Follow the places until a signal; how many rows were rejected."""

    for place in places:
        if not place.exists():
            raise SetuError(f"{place} is not there", hint="Give a directory or a file to follow")
    with stop_on_signal() as stop:
        watcher = Watcher(
            connect, places, every, say, stop, batch_rows, accept_no_wal, on_rejection
        )
        say(f"following {', '.join(map(str, places))}")
        watcher.run()
    say("stopped")
    return watcher.rejected
