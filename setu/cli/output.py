"""What commands print: for programs one JSON document, whose shape ``output.schema.json`` has.

``format`` is the version: it changes when something is renamed or leaves, not when something comes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

FORMAT: Final = 1
SCHEMA: Final = Path(__file__).with_name("output.schema.json")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Watch = Annotated[
    float | None,
    typer.Option("--watch", min=0.2, help="Look again every so many seconds, until Ctrl-C."),
]


def print_json(command: str, content: dict[str, Any]) -> None:
    """Print the document of a command: ``format`` and ``command`` first."""
    document = {"format": FORMAT, "command": command, **content}
    typer.echo(json.dumps(document, indent=2, default=_plain, ensure_ascii=False))


def say(line: str) -> None:
    """One line with the time, for a log."""
    typer.echo(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def watched(look: Callable[[], int], every: float | None) -> int:
    """Call ``look`` once, or again and again with the time above it; the last exit code."""
    if every is None:
        return look()
    code = 0
    try:
        while True:
            if sys.stdout.isatty():
                typer.echo("\x1b[H\x1b[2J", nl=False)
            typer.echo(f"{datetime.now(UTC).isoformat(timespec='seconds')}, every {every:g} s")
            code = look()
            time.sleep(every)
    except KeyboardInterrupt:
        return code
