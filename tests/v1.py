"""The baseline step on a plain connection, for tests that need v1 and no Alembic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg2
import psycopg2.extensions

from setu.chain.step import Step

ROOT = Path(__file__).resolve().parent.parent
BASELINE = Step(ROOT, "p0_baseline", "0001_v1_schema")


def connect(database_url: str) -> psycopg2.extensions.connection:
    """A plain connection; takes SQLAlchemy's form of the address too."""
    return psycopg2.connect(database_url.replace("postgresql+psycopg2:", "postgresql:", 1))


@contextmanager
def v1_database(
    database_url: str, capabilities: Iterable[str]
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to an empty database in which v1 was just made."""
    connection = connect(database_url)
    try:
        run_part(connection, "up", capabilities)
        connection.commit()
        yield connection
    finally:
        connection.close()


def run_part(
    connection: psycopg2.extensions.connection,
    part: Literal["up", "down", "verify"],
    capabilities: Iterable[str],
    step: Step = BASELINE,
) -> None:
    """Run one script of a step in the open transaction."""
    edition = "community" if "community" in set(capabilities) else "apache"
    with connection.cursor() as cursor:
        for statement in step.script(part).statements(edition):
            cursor.execute(statement.text)


def query(
    connection: psycopg2.extensions.connection, statement: str, *parameters: object
) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall()


def value(connection: psycopg2.extensions.connection, statement: str, *parameters: object) -> Any:
    """The first value of a query."""
    return query(connection, statement, *parameters)[0][0]


def run(connection: psycopg2.extensions.connection, statement: str, *parameters: object) -> None:
    """Run a statement that returns nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def run_all(database_url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in one transaction of a session of their own; the rows of the last."""
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
