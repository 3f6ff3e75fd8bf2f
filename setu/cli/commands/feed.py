"""``setu feed``: gateway SQLite files into bronze."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setu.db.address import Address
from setu.db.connection import open_driver
from setu.ingest.gateway import BATCH_ROWS, FeedReport, Rejection, append_rejections
from setu.ingest.gateway import feed as feed_files

SHOWN_REJECTIONS = 10


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("feed")(feed)


def feed(
    files: Annotated[list[Path], typer.Argument(help="SQLite files of gateways, all together.")],
    database_url: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="The database to feed.", show_envvar=True)
    ],
    batch_rows: Annotated[
        int, typer.Option(min=1, help="Rows in one batch, which is one transaction.")
    ] = BATCH_ROWS,
    rejects: Annotated[
        Path, typer.Option(help="Rows that bronze cannot hold are added here, a line of JSON each.")
    ] = Path("rejects.jsonl"),
) -> None:
    """Feed gateway files into bronze; run it again with the same files after a failure."""
    keep = append_rejections(rejects)
    shown = 0

    def on_rejection(rejection: Rejection) -> None:
        nonlocal shown
        keep(rejection)
        shown += 1
        if shown <= SHOWN_REJECTIONS:
            typer.echo(f"set aside: {rejection}", err=True)

    def on_batch(report: FeedReport) -> None:
        typer.echo(f"{report.stored:>10,} rows stored", err=True)

    connection = open_driver(Address.parse(database_url), "feed")
    try:
        report = feed_files(
            connection, files, batch_rows=batch_rows, on_batch=on_batch, on_rejection=on_rejection
        )
    finally:
        connection.close()
    typer.echo(
        f"{report.read:,} rows read: {report.stored:,} stored in {report.batches:,} batches, "
        f"{report.already_stored:,} stored before, {len(report.rejections):,} set aside"
    )
    if report.rejections:
        typer.echo(f"Set aside in {rejects}: mend the rows at their gateway and feed them again.")
