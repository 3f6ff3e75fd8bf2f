"""The real chain on a database under test, in this process: up, down, catalogs, rows, verify."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions
from alembic.config import Config
from sqlalchemy import Connection, make_url

from alembic import command
from setu.catalog import Catalog
from setu.catalog.fingerprint import RowFingerprint, fingerprint
from setu.catalog.snapshot import snapshot
from setu.chain.repository import steps_to
from setu.chain.settings import Settings
from setu.chain.step import Step
from setu.db.connection import apply_session_settings, connected
from setu.db.version_table import current_revision
from setu.review.verification import broken_checks
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.servers.at_hand import Server
from tests.v1 import ROOT

STEPS = tuple(steps_to(ROOT))
REVISIONS = tuple(step.revision for step in STEPS)
HEAD = REVISIONS[-1]
BEFORE = dict(zip(REVISIONS[1:], REVISIONS, strict=False))
Row = tuple[Any, ...]
#: What SETU computes from silver, again where it need be; test_kept_roll_up.py compares reports.
COMPUTED = (
    "gold.long_stops",
    "gold.machine_days",
    "gold.machine_shifts",
    "gold.rolled_up_chunks",
    "gold.rolled_up_dates",
    "gold.running_shifts",
    "gold.stale_machine_days",
    # The same before the swap, and the calendar of dates that are over.
    "_stage.long_stops",
    "_stage.machine_days",
    "_stage.machine_shifts",
    "_stage.rolled_up_chunks",
    "_stage.rolled_up_dates",
    "_stage.running_shifts",
    "_stage.stale_machine_days",
    "_stage.shift_calendar",
    "_stage.shift_calendar_extents",
)
_T = TypeVar("_T")


def since(revision: str) -> tuple[str, ...]:
    """The revisions from one up to the head."""
    return REVISIONS[REVISIONS.index(revision) :]


def step_of(revision: str) -> Step:
    """The step of a revision."""
    return STEPS[REVISIONS.index(revision)]


class Chain:
    """A database that moves along the chain.

    Each call opens one connection and closes it: the embedded server has no second.
    """

    def __init__(self, url: str, capabilities: Iterable[str], root: Path = ROOT) -> None:
        self.root = root
        self.url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.community = "community" in set(capabilities)
        # Versions that report a job's success as failure are good enough for tests.
        self.x = [
            "accept_known_bad_pair=yes",
            f"edition={'community' if self.community else 'apache'}",
        ]
        self.settings = Settings.from_x_arguments(self.x)

    def config(self, *settings: str, **options: Any) -> Config:
        """Alembic's configuration for this database, with more ``-x`` settings."""
        return Config(
            str(self.root / "alembic.ini"),
            cmd_opts=Namespace(x=[*self.x, *settings], raiseerr=True),
            **options,
        )

    def upgrade(self, revision: str = "head", *settings: str) -> None:
        """``alembic upgrade``."""
        with self._address():
            command.upgrade(self.config(*settings), revision)

    def downgrade(self, revision: str, *settings: str) -> None:
        """``alembic downgrade``."""
        with self._address():
            command.downgrade(self.config(*settings), revision)

    def move(self, revision: str) -> None:
        """Go to a revision, whichever way it is."""
        now = self.revision()
        if now is None or REVISIONS.index(now) < REVISIONS.index(revision):
            self.upgrade(revision)
        elif now != revision:
            self.downgrade(revision)

    @contextmanager
    def _address(self) -> Iterator[None]:
        before = os.environ.get("DATABASE_URL")
        os.environ["DATABASE_URL"] = self.url
        try:
            yield
        finally:
            if before is None:
                del os.environ["DATABASE_URL"]
            else:
                os.environ["DATABASE_URL"] = before

    def revision(self) -> str | None:
        """The revision at which the database stands."""
        return self._with(current_revision)

    def catalog(self) -> Catalog:
        """The catalog snapshot."""
        return self._with(snapshot)

    def rows(self, *tables: str) -> dict[str, RowFingerprint]:
        """Row fingerprints; of all tables of the snapshot when none is named.

        What is computed from silver is left out then.
        """
        found = self._with(lambda c: fingerprint(c, tables=tables or None))
        return found if tables else {t: f for t, f in found.items() if t not in COMPUTED}

    def broken(self, *revisions: str) -> list[str]:
        """What does not hold now.

        Of the revisions given, those whose ``verify.sql`` fails. By default, at the head, the names
        of the standing checks that fail; elsewhere the revision itself.
        """
        return self._with(lambda c: self._broken(c, revisions))

    def _broken(self, connection: Connection, revisions: Iterable[str]) -> list[str]:
        wanted = list(revisions)
        if not wanted:
            now = current_revision(connection)
            if now == HEAD:
                return broken_checks(connection, ROOT, self.settings)
            wanted = [now] if now else []
        apply_session_settings(connection, self.settings.session_settings())
        driver: Any = connection.connection.dbapi_connection
        failed = []
        for revision in wanted:
            statements = step_of(revision).script("verify").statements(self.settings.edition)
            try:
                with driver.cursor() as cursor:
                    for statement in statements:
                        cursor.execute(statement.text)
            except psycopg2.Error:
                failed.append(revision)
            driver.rollback()
        return failed

    def _with(self, work: Callable[[Connection], _T]) -> _T:
        with connected(self.url, "test") as connection:
            return work(connection)

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.connection]:
        """A connection in autocommit."""
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def fill(self, fleet: FleetSize, until: datetime | None = None) -> None:
        """Give v1 a fleet's master data and rows."""
        connection = psycopg2.connect(self.url)
        try:
            make_fleet(connection, fleet, until=until)
            connection.commit()
        finally:
            connection.close()

    def run(self, *statements: str) -> None:
        """Run statements, each its own transaction."""
        with self.session() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, statement: str, *parameters: object) -> list[Row]:
        """All rows of a query."""
        with self.session() as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def value(self, statement: str, *parameters: object) -> Any:
        """The first value of a query."""
        return self.query(statement, *parameters)[0][0]


@contextmanager
def chain_on(server: Server, root: Path = ROOT, *, scheduler: bool = False) -> Iterator[Chain]:
    """An empty database of the server, to be moved by a repository; dropped afterwards.

    :param scheduler: let the server's scheduler run its jobs.
    """
    url = server.create_database(scheduler=scheduler)
    try:
        yield Chain(url, server.capabilities, root)
    finally:
        server.drop_database(url)
