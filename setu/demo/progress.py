"""The steps of the chain while they run: a line that moves, and how long each took."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

_DONE = re.compile(r"(?P<revision>\w+) (?P<part>up|down): done in (?P<seconds>[\d.]+) s")
_BEGINS = re.compile(r"(?P<revision>\w+) (?P<part>up|down): (?P<what>.*) …")


@dataclass(frozen=True)
class StepTime:
    """One step that ran: its revision, ``up`` or ``down``, what it does, and its seconds."""

    revision: str
    part: str
    what: str
    seconds: float


class _Handler(logging.Handler):
    """Reads the runner's messages."""

    def __init__(self, status: Any, steps: list[StepTime]) -> None:
        super().__init__(logging.INFO)
        self._status = status
        self._steps = steps
        self._what = ""

    def emit(self, record: logging.LogRecord) -> None:
        """One message."""
        message = record.getMessage()
        if begins := _BEGINS.fullmatch(message):
            self._what = begins["what"]
            self._status.update(Text(f"{begins['revision']} {begins['part']}: {self._what}"))
        elif done := _DONE.match(message):
            seconds = float(done["seconds"])
            self._steps.append(StepTime(done["revision"], done["part"], self._what, seconds))


@contextmanager
def step_progress(console: Console) -> Iterator[list[StepTime]]:
    """Show the running step on the console, and collect those that are done."""
    logger = logging.getLogger("setu")
    root = logging.getLogger()
    level, propagate = logger.level, logger.propagate
    # env.py configures logging only where nobody has.
    quiet = logging.NullHandler()
    root.addHandler(quiet)
    steps: list[StepTime] = []
    with console.status("…") as status:
        handler = _Handler(status, steps)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield steps
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
            root.removeHandler(quiet)
