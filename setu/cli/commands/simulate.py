"""``setu simulate``: a made-up fleet, into gateway files or straight into bronze."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.errors import SetuError
from setu.simulate.delivery import Fleet, messages
from setu.simulate.machine import STOPS
from setu.simulate.masters import register_fleet
from setu.simulate.writing import SINK_ROWS, Written, write_bronze, write_files

#: A wrong clock is a hundred years ahead.
MARGIN = timedelta(days=366 * 101)


class SimulationError(SetuError):
    """What was asked for cannot be made up."""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("simulate")(simulate)


def simulate(
    machines: Annotated[int, typer.Option(min=1, max=10_000, help="How many machines.")] = 10,
    hours: Annotated[float, typer.Option(min=0.01, max=87_600, help="How long they work.")] = 1.0,
    start: Annotated[
        str | None,
        typer.Option(help="When they begin, ISO-8601 with a zone; by default they end now."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same fleet.")] = 1,
    outages: Annotated[
        float, typer.Option(min=0, max=1, help="Share of hours that a gateway is offline.")
    ] = 0.01,
    resends: Annotated[
        float, typer.Option(min=0, max=1, help="Share of hours after which a gateway sends again.")
    ] = 0.02,
    clock_faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a machine's hours with a wrong clock.")
    ] = 0.0,
    files: Annotated[
        Path | None, typer.Option(help="Write a SQLite file a gateway into this folder.")
    ] = None,
    bronze: Annotated[
        bool, typer.Option("--bronze", help="Write into bronze of DATABASE_URL.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Rows in a transaction, with --bronze.")] = (
        SINK_ROWS
    ),
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Rows a second, with --bronze.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make up a fleet: cycles, stops, alarms, energy, and the faults of real gateways.

    With --bronze its company, plants, shifts, gateways and machines are registered first. In files
    the machines have the keys 1, 2, 3 and so on.

    Example: setu simulate --machines 100 --hours 8 --bronze
    """
    if bronze == (files is not None):
        raise SimulationError(
            "Nowhere to write to." if files is None else "Two places to write to.",
            hint="Give either --files FOLDER or --bronze",
        )
    fleet = _fleet(
        machines=machines,
        start=start,
        hours=hours,
        seed=seed,
        outages=outages,
        resends=resends,
        clock_faults=clock_faults,
    )
    if files is not None:
        try:
            written = write_files(messages(fleet), files)
        except (OSError, sqlite3.Error) as error:
            raise SimulationError(
                f"{files} cannot be written to.",
                context=[str(error)],
                hint="Give a folder that you may write to, with room",
            ) from None
        if as_json:
            counts = {str(name): count for name, count in written.items()}
            print_json("simulate", {"rows": sum(counts.values()), "files": counts})
        else:
            typer.echo(f"{sum(written.values())} rows in {len(written)} files in {files}")
        return
    stored = _into_bronze(fleet, batch, rate)
    if as_json:
        print_json("simulate", {**vars(stored)})
    else:
        typer.echo(_line(stored))


def _fleet(*, machines: int, start: str | None, hours: float, **faults: Any) -> Fleet:
    length = timedelta(hours=hours)
    begin = _instant(start) if start else datetime.now(UTC).replace(microsecond=0) - length
    try:
        end = begin.astimezone(UTC) + length
        end + MARGIN
    except OverflowError:
        raise SimulationError(
            f"--start {start} is too near an end of the calendar.",
            hint="Write it as 2026-03-01T06:00:00+05:30",
        ) from None
    return Fleet(machines=machines, start=begin, end=begin + length, **faults)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulationError(
            f"--start {text} is not an instant.", hint="Write it as 2026-03-01T06:00:00+05:30"
        ) from error
    if at.tzinfo is None:
        raise SimulationError(
            f"--start {text} has no zone.", hint="Write it as 2026-03-01T06:00:00+05:30"
        )
    return at


def _into_bronze(fleet: Fleet, batch: int, rate: float | None) -> Written:
    with connected(database_url(), "simulate", writes=True) as connection:
        driver: Any = connection.connection.dbapi_connection
        keys = register_fleet(driver, fleet, [(code, number) for code, number, _ in STOPS])
        driver.commit()
        return write_bronze(
            driver, messages(fleet), keys, rows_a_transaction=batch, rows_a_second=rate
        )


def _line(written: Written) -> str:
    pace = written.rows / written.seconds if written.seconds else 0.0
    return (
        f"{written.rows} rows in {written.transactions} transactions, "
        f"{written.seconds:.1f} s, {pace:.0f} rows/s"
    )
