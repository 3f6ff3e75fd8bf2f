"""How wide a bronze chunk may be.

What is being written should stay in memory: the chunks that take inserts, of all bronze tables
together with their indexes, in a quarter of it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sqlalchemy import Connection

from setu.errors import SetuError

SHARE_OF_RAM = 0.25
DEFAULT_ROW_BYTES = 175.0
ROWS_TO_MEASURE = 10_000
SHORTEST = 60.0
LONGEST = 30 * 86_400.0

_UNITS = {
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
# Uncompressed chunks alone: one in the column store is not being written.
_MEASURED = """
SELECT coalesce(sum(pg_total_relation_size(c.chunk)), 0)::bigint,
    coalesce(sum(greatest(k.reltuples, 0)), 0)::bigint
FROM (
    SELECT format('%I.%I', i.chunk_schema, i.chunk_name)::regclass AS chunk
    FROM timescaledb_information.chunks AS i
    WHERE i.hypertable_schema = 'bronze' AND NOT i.is_compressed
) AS c
INNER JOIN pg_class AS k ON k.oid = c.chunk
WHERE k.reltuples > 0
"""


class SizeError(SetuError):
    """An amount of memory that cannot be read, or a rate that is not above 0."""


@dataclass(frozen=True)
class RowSize:
    """Bytes of a bronze row with its part of the indexes, and from how many rows it is known."""

    row_bytes: float
    measured_rows: int


def parse_bytes(text: str) -> float:
    """Bytes of ``64GB`` (10⁹), ``64GiB`` (2³⁰) and the like. Raises :class:`SizeError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", text, re.IGNORECASE)
    if match is None or float(match.group(1)) <= 0:
        raise SizeError(f"{text!r} is no amount of memory.", hint="Write it as 64GB or 64GiB")
    return float(match.group(1)) * _UNITS[match.group(2).upper()]


def measured_row_size(connection: Connection) -> RowSize:
    """Row size of the bronze chunks, by their last ANALYZE; the default where too few rows are."""
    size, rows = connection.exec_driver_sql(
        _MEASURED, execution_options={"no_parameters": True}
    ).one()
    if rows < ROWS_TO_MEASURE:
        return RowSize(DEFAULT_ROW_BYTES, 0)
    return RowSize(size / rows, rows)


def chunk_seconds(ram_bytes: float, rows_per_second: float, row_bytes: float) -> float:
    """The widest chunk in seconds, for the rows of all bronze tables together."""
    if not (0 < rows_per_second < math.inf and 0 < row_bytes < math.inf):
        raise SizeError(
            "Rate and row size must be above 0, and finite.",
            hint="Give the rows a second of all bronze tables",
        )
    seconds = SHARE_OF_RAM * ram_bytes / (rows_per_second * row_bytes)
    return min(max(seconds, SHORTEST), LONGEST)


def rounded_down(seconds: float) -> str:
    """As an interval in whole days, hours or minutes: the widest that is not wider."""
    for unit, length in (("day", 86_400), ("hour", 3_600)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    count = max(1, int(seconds // 60))
    return f"{count} minute{'s' if count > 1 else ''}"
