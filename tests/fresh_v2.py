"""v2 straight from ``schema_new/`` on an empty database, for tests that need no chain."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg2.extensions

from setu.repository import steps_to
from setu.settings import Settings
from setu.steps import Header, Origin, Script
from tests.v1 import ROOT, connect

SCHEMAS = ("master", "silver", "bronze", "config", "alerting", "gold", "_etl")
_INCLUDE = re.compile(r"^-- @include (schema_new/\S.*?\.sql)(?: with .*)?$", re.MULTILINE)


def application_order() -> list[str]:
    """The files of ``schema_new/`` in the order in which an empty database takes them."""
    files: dict[str, None] = {}
    for step in steps_to(ROOT):
        for name in _INCLUDE.findall((step.directory / "up.sql").read_text(encoding="utf-8")):
            files[name] = None
    return list(files)


def statements_of(file: str, edition: str) -> Iterator[str]:
    """The statements of one file of ``schema_new/`` for an edition."""
    text = (ROOT / file).read_text(encoding="utf-8")
    origins = tuple(Origin(file, number + 1) for number in range(text.count("\n") + 1))
    for statement in Script(file, text, origins, Header({})).statements(edition):
        yield statement.text


def apply_v2(connection: psycopg2.extensions.connection, edition: str = "community") -> None:
    """Apply all of ``schema_new/`` in the open transaction; the database is empty before."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        for name, value in Settings({"edition": edition}).session_settings().items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        for schema in SCHEMAS:
            cursor.execute(f'CREATE SCHEMA "{schema}"')
        for file in application_order():
            for statement in statements_of(file, edition):
                cursor.execute(statement)


def v2_database(
    database_url: str, edition: str = "community"
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to an empty database in which v2 was just made."""
    connection = connect(database_url)
    try:
        apply_v2(connection, edition)
        connection.commit()
        yield connection
    finally:
        connection.close()
