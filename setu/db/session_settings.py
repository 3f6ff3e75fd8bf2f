"""Read under known session settings, and leave no trace of them.

What PostgreSQL prints (expressions, timestamps, floats) depends on session settings. Snapshots and
fingerprints are taken under pinned ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, text

PINNED: Final[Mapping[str, str]] = {
    "search_path": "pg_catalog",
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "xmlbinary": "base64",
}


@contextmanager
def pinned(connection: Connection, extra: Mapping[str, str] | None = None) -> Iterator[None]:
    """Pin the session settings that decide how values print, for the time of the block.

    The block is for reading only: it ends with a rollback, of a savepoint where the connection is
    in a transaction, else of a transaction of its own. Works on an autocommit connection as well.

    :param extra: more settings to make, by name.
    """
    settings = {**PINNED, **(extra or {})}
    if connection.in_transaction() and not _autocommits(connection):
        scope = ("SAVEPOINT setu_pins", "ROLLBACK TO SAVEPOINT setu_pins")
        ends_transaction = False
    elif _autocommits(connection):
        scope = ("BEGIN", "ROLLBACK")
        ends_transaction = not connection.in_transaction()
    else:
        scope = ("", "")
        ends_transaction = True
    if scope[0]:
        connection.exec_driver_sql(scope[0])
    try:
        connection.execute(
            text(
                "SELECT pg_catalog.set_config(s.name, s.value, true)"
                " FROM unnest(CAST(:names AS text[]), CAST(:settings AS text[]))"
                " AS s (name, value)"
            ),
            {"names": list(settings), "settings": list(settings.values())},
        )
        yield
    finally:
        if scope[1]:
            connection.exec_driver_sql(scope[1])
        if scope[0].startswith("SAVEPOINT"):
            connection.exec_driver_sql("RELEASE SAVEPOINT setu_pins")
        if ends_transaction:
            connection.rollback()


def _autocommits(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "autocommit", False))
