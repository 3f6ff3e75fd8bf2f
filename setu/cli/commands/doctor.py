"""``setu doctor``: how server and database are built, and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from sqlalchemy import Connection

from setu.cli.exit_codes import UNHEALTHY
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.ops.chunk_interval import parse_bytes
from setu.ops.doctor import Finding, Limits, Rule, as_json, diagnose, lines, memory_here
from setu.preflight.known_faults import faults_of
from setu.preflight.rules import OLDEST_POSTGRES, OLDEST_TIMESCALEDB, is_known_bad_pair
from setu.preflight.rules import version_tuple as version_of

VERSIONS_FIT = Rule(
    "versions_fit",
    "Do PostgreSQL and TimescaleDB go together, in versions that SETU knows?",
    "Some pairs count a job's success as a failure, and some versions lose rows",
)
COMMUNITY = Rule(
    "edition_is_community",
    "Is it the community edition?",
    "The Apache edition has no jobs, no column store, no aggregates and no policies",
)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("doctor")(doctor)


def doctor(
    ram: Annotated[
        str,
        typer.Option(help="Memory of the server's machine, such as 32GB; found out if it is here."),
    ] = "",
    json_output: AsJson = False,
) -> None:
    """Look at how server and database are built: finding, reason, fix.

    Versions, memory, workers, log, settings, roles, chunks, compression, indexes. Nothing is
    changed. Exit code 0: nothing but advice. 4: errors or warnings. 1: it could not be said.

    Example: setu doctor --ram 32GB
    """
    with connected(database_url(), "doctor") as connection:
        memory = int(parse_bytes(ram)) if ram else memory_here(connection)
        diagnosis = diagnose(
            connection,
            Limits(ram=memory),
            more_rules=(VERSIONS_FIT, COMMUNITY),
            more_findings=list(_versions(connection)),
        )
    if json_output:
        print_json("doctor", as_json(diagnosis))
    else:
        verdict, *rest = lines(diagnosis)
        typer.secho(verdict, fg="green" if diagnosis.sound else "red", bold=True)
        for line in rest:
            typer.echo(line)
    if not diagnosis.sound:
        raise typer.Exit(UNHEALTHY)


def _versions(connection: Connection) -> Iterator[Finding]:
    number, postgres, timescaledb, license_name = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::integer,"
        " split_part(current_setting('server_version'), ' ', 1),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),"
        " current_setting('timescaledb.license', true)"
    ).one()
    yield from versions(number, postgres, timescaledb, license_name)


def versions(
    number: int, postgres: str, timescaledb: str | None, license_name: str | None
) -> Iterator[Finding]:
    """What is to be said of a pair of versions.

    :param number: PostgreSQL's ``server_version_num``.
    """
    why = VERSIONS_FIT.why
    if number < OLDEST_POSTGRES:
        yield Finding(VERSIONS_FIT.name, "error", f"PostgreSQL {postgres}", "is too old", why,
                      "Upgrade the server to PostgreSQL 15 to 18")  # fmt: skip
    if timescaledb is None:
        yield Finding(VERSIONS_FIT.name, "error", "database", "has no extension timescaledb", why,
                      "CREATE EXTENSION timescaledb;")  # fmt: skip
        return
    subject = f"TimescaleDB {timescaledb}"
    if version_of(timescaledb) < OLDEST_TIMESCALEDB:
        yield Finding(VERSIONS_FIT.name, "error", subject, "is too old", why,
                      "Install 2.18 or later, then ALTER EXTENSION timescaledb UPDATE")  # fmt: skip
    if license_name == "apache":
        yield Finding(COMMUNITY.name, "warning", subject, "runs as the Apache edition",
                      COMMUNITY.why, "ALTER SYSTEM SET timescaledb.license = 'timescale', where "
                      "the community library is installed; else run setu worker")  # fmt: skip
        return
    if is_known_bad_pair(number, timescaledb):
        yield Finding(VERSIONS_FIT.name, "warning", subject,
                      f"with PostgreSQL {postgres} counts jobs that did their work as failed", why,
                      "Install TimescaleDB 2.28.5 (2.27.3 on its line), or 2.31.2")  # fmt: skip
    for fault in faults_of(version_of(timescaledb)):
        number_of_fix = ".".join(str(part) for part in fault.fixed)
        yield Finding(VERSIONS_FIT.name, "error" if fault.stops else "advice", subject,
                      f"has a fault: {fault.what} (#{fault.number})", why,
                      f"Install TimescaleDB {number_of_fix} or later")  # fmt: skip
