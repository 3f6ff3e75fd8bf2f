"""The baseline step on a plain connection, for tests that need v1 and no Alembic."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import psycopg2.extensions

from setu.steps import Step

ROOT = Path(__file__).resolve().parent.parent


def run_part(
    connection: psycopg2.extensions.connection,
    part: Literal["up", "down", "verify"],
    capabilities: Iterable[str],
    step: Step = Step(ROOT, "p0_baseline", "0001_v1_schema"),
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
