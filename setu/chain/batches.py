"""Statements of a step that go to the server together: while it holds locks, each trip counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from setu.chain.script import Statement

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


def joined(batch: Sequence[Statement]) -> Statement:
    """One text of several statements, in a savepoint; lines have the origins that they had."""
    lines = [batch[0].origin]
    for statement in batch:
        lines += [*statement.lines, statement.lines[-1]]
    text = "".join(f"{statement.text}\n;\n" for statement in batch)
    return Statement(
        f"SAVEPOINT {SAVEPOINT};\n{text}RELEASE SAVEPOINT {SAVEPOINT}",
        "",
        False,
        (*lines, batch[-1].lines[-1]),
    )
