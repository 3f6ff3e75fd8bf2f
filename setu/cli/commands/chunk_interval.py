"""``setu chunk-interval``: how wide a bronze chunk may be."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from setu.cli.output import AsJson, print_json
from setu.db.connection import VARIABLE, connected, database_url
from setu.ops.chunk_interval import (
    DEFAULT_ROW_BYTES,
    SHARE_OF_RAM,
    RowSize,
    chunk_seconds,
    measured_row_size,
    parse_bytes,
    rounded_down,
)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("chunk-interval")(chunk_interval)


def chunk_interval(
    ram: Annotated[str, typer.Option(help="Memory of the server, such as 64GB.")],
    rate: Annotated[float, typer.Option(help="Rows a second into all bronze tables together.")],
    row_bytes: Annotated[
        float | None, typer.Option(help="Bytes of a row with its indexes; else it is measured.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the bronze chunk interval: data and indexes being written in a quarter of memory.

    Example: setu chunk-interval --ram 64GB --rate 1000
    """
    if row_bytes is not None:
        size, origin = RowSize(row_bytes, 0), "as given"
    elif os.environ.get(VARIABLE):
        with connected(database_url(), "chunk-interval") as connection:
            size = measured_row_size(connection)
        origin = (
            f"measured on {size.measured_rows:,} rows of bronze"
            if size.measured_rows
            else "the default: bronze holds too few analysed rows to measure"
        )
    else:
        size, origin = RowSize(DEFAULT_ROW_BYTES, 0), f"the default: {VARIABLE} is not set"
    memory = parse_bytes(ram)
    interval = rounded_down(chunk_seconds(memory, rate, size.row_bytes))
    per_day = rate * size.row_bytes * 86_400
    if as_json:
        print_json(
            "chunk-interval",
            {
                "row_bytes": size.row_bytes,
                "measured_rows": size.measured_rows,
                "bytes_a_day": per_day,
                "memory_bytes": SHARE_OF_RAM * memory,
                "interval": interval,
            },
        )
        return
    typer.echo(f"row with indexes: {size.row_bytes:.0f} bytes ({origin})")
    typer.echo(f"written in a day: {per_day / 1e9:.1f} GB at {rate:g} rows/s")
    typer.echo(f"may stay in memory: {SHARE_OF_RAM * memory / 1e9:.1f} GB, a quarter of {ram}")
    typer.echo(f"chunk interval: {interval}")
    typer.echo(f"upgrade with:     alembic -x bronze_chunk_interval='{interval}' upgrade head")
    typer.echo(
        "a live database:  SELECT set_chunk_time_interval('bronze.raw_machine_cycles', "
        f"INTERVAL '{interval}');  (new chunks only)"
    )
