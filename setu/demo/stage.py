"""Where the demo plays: a database, a console, and the claims that were checked."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.extensions
from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection, make_url

from alembic import command
from setu.chain.repository import alembic_config, repository_root
from setu.db.connection import connected
from setu.demo.progress import StepTime, step_progress
from setu.ops.presentation import plain_table

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Check:
    """A claim of the demo, and whether it is so."""

    claim: str
    holds: bool
    detail: str = ""


class Stage:
    """The demo's database and console.

    The server may have one session: a connection is open only while it is used.

    :param url: address of a database with the extension and nothing else.
    :ivar checks: the claims so far. :ivar steps: how long each step of the chain took, both ways.
    """

    def __init__(self, url: str, console: Console) -> None:
        self.url = url
        self.console = console
        self.checks: list[Check] = []
        self.steps: list[StepTime] = []

    def scene(self, title: str, words: str) -> None:
        """Begin a scene: its title, and what it is about in a sentence."""
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left")
        self.console.print(Text(words))

    def show(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show a small table; see :func:`setu.ops.presentation.table`."""
        for line in plain_table(title, columns, rows):
            self.console.print(Text(line), soft_wrap=True)

    def check(self, claim: str, holds: bool, detail: str = "") -> None:
        """Show a claim and whether it holds."""
        self.checks.append(Check(claim, holds, detail))
        line = Text("✓ " if holds else "✗ ", style="bold green" if holds else "bold red")
        line.append(claim, style="default")
        if detail:
            line.append(f" ({detail})", style="dim")
        self.console.print(line)

    def migrate(self, direction: str, revision: str) -> float:
        """``upgrade`` or ``downgrade``, with a line of progress; seconds taken."""
        config = alembic_config(repository_root())
        config.cmd_opts = Namespace(x=["accept_known_bad_pair=yes"], raiseerr=True)
        started = time.monotonic()
        with _environment("DATABASE_URL", self.url), step_progress(self.console) as steps:
            getattr(command, direction)(config, revision)
        took = time.monotonic() - started
        self.steps += steps
        how_many = "1 step" if len(steps) == 1 else f"{len(steps)} steps"
        self.console.print(f"[dim]{direction} to {revision}: {how_many} in {took:.1f} s[/]")
        return took

    def run_loads(self) -> None:
        """All ten loads, and the daily retention, as the scheduler runs them.

        Without jobs, the procedures themselves.
        """
        with self.session() as connection:
            connection.autocommit = True
            for pipeline, job in query(
                connection,
                "SELECT w.pipeline, j.job_id FROM _etl.watermarks AS w"
                " LEFT JOIN timescaledb_information.jobs AS j"
                " ON j.proc_schema = '_etl' AND j.proc_name = 'sp_load_' || w.pipeline"
                " ORDER BY w.pipeline",
            ):
                if job is not None:
                    run(connection, "CALL run_job(%s)", job)
                else:
                    run(connection, f"CALL _etl.sp_load_{pipeline}(NULL, '{{}}')")
            run(connection, "CALL _etl.sp_retain_bronze(NULL, '{}')")

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.connection]:
        """A connection that commits at the end."""
        connection = psycopg2.connect(self.url)
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection of SQLAlchemy, for what reads catalogs and rows."""
        address = make_url(self.url).set(drivername="postgresql+psycopg2")
        with connected(address, "demo") as connection:
            yield connection


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def query(connection: Any, statement: str, *parameters: object) -> list[Row]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        rows: list[Row] = cursor.fetchall()
        return rows


def run(connection: Any, statement: str, *parameters: object) -> None:
    """Run a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
