"""The feed's record: which rows of gateway files bronze holds, by content.

It lives in the database, in ``_etl.feed_records``, and is written in the transaction that stores
the rows. A row is known by a digest of its values, looked for among the rows of its table and
partition around its offset. Ten bytes each: that two different rows of one neighbourhood, some
thousands, have the same one is as likely as 1 in 10^20.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from setu.ingest.source_templates import Value

DIGEST_BYTES = 10


@dataclass(frozen=True)
class PositionedRow:
    """Where a row is looked for, and its digest. No partition: ``position`` is its row number."""

    partition: int | None
    position: int
    digest: bytes


def row_digest(names: Sequence[str], values: Sequence[Value]) -> bytes:
    """The digest of a row's values; the same for any column order, and for columns added later
    that are null."""
    parts = sorted(
        f"{name}={_canonical(value)}"
        for name, value in zip(names, values, strict=True)
        if value is not None
    )
    return blake2b("\n".join(parts).encode("ascii"), digest_size=DIGEST_BYTES).digest()


def _canonical(value: Value) -> str:
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC).isoformat()
        except OverflowError:
            return value.isoformat()
    return ascii(value)


def fed_rows(cursor: Any, table: str, rows: Iterable[PositionedRow]) -> set[bytes]:
    """The digests that the record holds around the positions of ``rows``."""
    spans = _spans(rows)
    cursor.execute(
        "SELECT f.row_digests FROM _etl.fn_fed_rows(%s, %s::integer[], %s::bigint[], %s::bigint[])"
        " AS f",
        (
            table,
            list(spans),
            [min(row.position for row in members) for members in spans.values()],
            [max(row.position for row in members) for members in spans.values()],
        ),
    )
    held: set[bytes] = set()
    for (digests,) in cursor:
        whole = bytes(digests)
        held.update(whole[at : at + DIGEST_BYTES] for at in range(0, len(whole), DIGEST_BYTES))
    return held


def record_fed_rows(cursor: Any, table: str, rows: Iterable[PositionedRow]) -> None:
    """Remember ``rows`` as stored, in the open transaction."""
    for partition, members in _spans(rows).items():
        cursor.execute(
            "SELECT _etl.fn_record_fed_rows(%s, %s::integer, %s, %s, %s)",
            (
                table,
                partition,
                min(row.position for row in members),
                max(row.position for row in members),
                b"".join(row.digest for row in members),
            ),
        )


def _spans(rows: Iterable[PositionedRow]) -> dict[int | None, list[PositionedRow]]:
    spans: dict[int | None, list[PositionedRow]] = {}
    for row in rows:
        spans.setdefault(row.partition, []).append(row)
    return spans
