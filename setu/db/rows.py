"""Rows of a query that is sent as it is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection


def query_rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """All rows; ``%`` and ``:`` in the query stand for themselves."""
    result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
    return [tuple(row) for row in result]
