"""``setu status`` and ``setu report``: how the pipelines are, and what became of v1's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Connection

from setu.cli.exit_codes import UNHEALTHY, WELL
from setu.cli.output import AsJson, Watch, print_json, watched
from setu.db.connection import connected, database_url
from setu.ops.health import Health, Thresholds, lines, read_health
from setu.ops.health import as_json as health_as_json
from setu.ops.presentation import (
    brief,
    paragraph,
    plain_table,
    reconciliation_lines,
    span,
)
from setu.ops.reconciliation import read_reconciliation
from setu.preflight.rules import is_known_bad_pair

#: A century; no threshold is infinite.
SECONDS = 3_155_760_000


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("status")(status)
    app.command("report")(report)


def status(
    show_all: Annotated[
        bool, typer.Option("--all", help="Also show each condition, pipeline, job and offset.")
    ] = False,
    json_output: AsJson = False,
    watch: Watch = None,
    run_age: Annotated[
        float, typer.Option(min=0, max=SECONDS, help="Seconds since a pipeline's last run.")
    ] = Thresholds.run_age,
    lag: Annotated[
        float,
        typer.Option(min=0, max=SECONDS, help="Seconds that the oldest waiting row may wait."),
    ] = Thresholds.lag,
    error_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Part of the day's runs that may fail.")
    ] = Thresholds.error_rate,
    reject_rate: Annotated[
        float,
        typer.Option(min=0, max=1, help="Part of the day's rows that may be rejected and wait."),
    ] = Thresholds.reject_rate,
    free_disk: Annotated[
        float, typer.Option(min=0, max=1, help="Part of the disk that must be free.")
    ] = Thresholds.free_disk,
) -> None:
    """Say whether rows flow and disk stays bounded: the verdict, then only what is wrong.

    Exit code 0: healthy. 4: unhealthy. 1: it could not be said.

    Example: setu status --watch 5
    """
    limits = Thresholds(run_age, lag, error_rate, reject_rate, free_disk)
    code = watched(lambda: _look(limits, show_all, json_output), None if json_output else watch)
    if code:
        raise typer.Exit(code)


def _look(limits: Thresholds, show_all: bool, json_output: bool) -> int:
    with connected(database_url(), "status") as connection:
        health = read_health(connection, limits, job_stats_hold=_job_stats_hold(connection))
    if json_output:
        print_json("status", health_as_json(health))
    else:
        verdict, *rest = lines(health)
        typer.secho(verdict, fg="green" if health.healthy else "red", bold=True)
        for line in rest:
            typer.echo(line)
        if show_all:
            for line in everything(health):
                typer.echo(line)
    return WELL if health.healthy else UNHEALTHY


def _job_stats_hold(connection: Connection) -> bool:
    row = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::integer,"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
    ).one()
    return not is_known_bad_pair(row[0], row[1] or "0")


def everything(health: Health) -> Iterator[str]:
    """Tables of 80 columns or less: what does not fit is in the JSON."""
    marks = {True: "holds", False: "BROKEN", None: "unknown"}
    yield from plain_table(
        "Conditions", ("state", "condition"), ((marks[c.holds], c.name) for c in health.conditions)
    )
    unchecked = [c for c in health.conditions if c.why_not_checked]
    if unchecked:
        yield ""
        yield "Not checked"
        for condition in unchecked:
            yield from paragraph(f"{condition.name}: {condition.why_not_checked}", 2)
    yield from plain_table(
        "Pipelines",
        ("pipeline", "#behind", "#waits", "last run", "#ago", "#took"),
        (
            (
                p.name,
                brief(p.rows_behind),
                span(p.seconds_behind),
                p.last_status,
                span(p.run_age),
                span(p.run_seconds),
            )
            for p in health.pipelines
        ),
    )
    yield from plain_table(
        "Last runs, in rows",
        ("pipeline", "#read", "#loaded", "#merged", "#rejected", "#late"),
        (
            (
                p.name,
                brief(p.rows_read),
                brief(p.rows_loaded),
                brief(p.rows_merged),
                brief(p.rows_rejected),
                brief(p.rows_late),
            )
            for p in health.pipelines
        ),
    )
    yield from plain_table(
        "Rejected rows",
        ("pipeline", "reason", "#waiting", "#resent"),
        ((r.pipeline, r.reason, r.waiting, r.resent) for r in health.rejects),
    )
    yield from plain_table(
        "Jobs",
        ("#job", "what", "last run", "next start"),
        (
            (
                str(j.job_id),
                j.table or j.procedure,
                j.last_status,
                j.next_start.strftime("%m-%d %H:%M:%S") if j.next_start else None,
            )
            for j in health.jobs
        ),
    )
    yield from plain_table(
        "Kafka: last stored offset in bronze, after which a sink resumes",
        ("table", "#partition", "#offset", "stored at"),
        (
            (
                o.table.removeprefix("bronze."),
                "others" if o.partition is None else str(o.partition),
                "by time" if o.offset is None else str(o.offset),
                o.stored_at.strftime("%m-%d %H:%M:%S"),
            )
            for o in health.offsets
        ),
    )


def report(as_json: AsJson = False) -> None:
    """Show what became of v1's rows: migrated, merged, left out and why; payloads by reason.

    Example: setu report | grep machine_cycles
    """
    with connected(database_url(), "report") as connection:
        found = read_reconciliation(connection)
    if as_json:
        print_json("report", asdict(found))
        return
    for line in reconciliation_lines(found):
        typer.echo(line)
