"""Statements of a step that go to the server together: while it holds locks, each trip counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from setu.chain.script import Origin, Statement

SAVEPOINT: Final = "setu_batch"
#: What only writes catalogs is done at once, and says nothing on its way.
_QUICK: Final = re.compile(
    r"(?:COMMENT|GRANT|REVOKE|SELECT pg_catalog\.set_config\()"
    r"|(?:DROP|CREATE|CREATE OR REPLACE) (?:FUNCTION|PROCEDURE|TRIGGER|VIEW)\b"
)


def batches(statements: Iterable[Statement]) -> Iterator[list[Statement]]:
    """Statements in order: neighbours that are quick together, each other one by itself."""
    for quick, group in groupby(statements, lambda s: bool(_QUICK.match(s.text))):
        if quick:
            yield list(group)
        else:
            yield from ([statement] for statement in group)


@dataclass(frozen=True)
class Batch(Statement):
    """The text of several statements; ``first`` and ``last`` are where those of files begin."""

    first: Origin
    last: Origin


def joined(batch: Sequence[Statement]) -> Batch:
    """One text of several statements, in a savepoint; lines have the origins that they had."""
    lines = [batch[0].origin]
    for statement in batch:
        lines += [*statement.lines, statement.lines[-1]]
    text = "".join(f"{statement.text}\n;\n" for statement in batch)
    written = [s.origin for s in batch if s.origin.file.endswith(".sql")] or [batch[0].origin]
    return Batch(
        f"SAVEPOINT {SAVEPOINT};\n{text}RELEASE SAVEPOINT {SAVEPOINT}",
        "",
        False,
        (*lines, batch[-1].lines[-1]),
        written[0],
        written[-1],
    )
