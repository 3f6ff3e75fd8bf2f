"""Rows of a gateway file that bronze cannot hold, and a file that keeps them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rejection:
    """A row that was rejected: where it stands, what is wrong with which value, and all of it.

    ``row`` has the cells by column, as JSON can say them: a blob, or text that is not UTF-8, is
    ``{"base64": …}``, an infinite number ``{"real": "inf"}``. ``column`` is empty when the server
    did not say which.
    """

    file: str
    table: str
    row_no: int
    column: str
    value: str
    reason: str
    row: dict[str, Any]

    def __str__(self) -> str:
        where = f"{self.file}: {self.table} row {self.row_no}: "
        return where + (f"{self.column} {self.value}: " if self.column else "") + self.reason


def append_rejections(path: Path) -> Callable[[Rejection], None]:
    """A callback for ``on_rejection`` that adds each one to ``path`` as a line of JSON.

    A line that the file has already is not added again, however often its row is fed.
    """
    seen: set[int] | None = None

    def write(rejection: Rejection) -> None:
        nonlocal seen
        if seen is None:
            seen = set()
            if path.exists():
                with path.open(encoding="utf-8") as lines:
                    seen.update(hash(line.rstrip("\n")) for line in lines)
        line = json.dumps(asdict(rejection), ensure_ascii=False)
        if hash(line) in seen:
            return
        seen.add(hash(line))
        with path.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")

    return write


def as_json(cell: object) -> object:
    """A cell of SQLite as JSON can say it."""
    if isinstance(cell, bytes):
        return {"base64": base64.b64encode(cell).decode("ascii")}
    if isinstance(cell, str):
        try:
            cell.encode("utf-8")
        except UnicodeEncodeError:
            return as_json(cell.encode("utf-8", "surrogateescape"))
    if isinstance(cell, float) and not math.isfinite(cell):
        return {"real": str(cell)}
    return cell
