"""What a long step says of its progress: a bar on a terminal, one line a table and minute in a log.

A step reports with notices of the form ``backfill machine_cycles: chunk 3 of 40, from 2026-01-01,
1200000 rows``; the rows are those of all tables so far. Any other notice is logged as it comes.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

log = logging.getLogger("setu.chain.runner")

_REPORT = re.compile(
    r"(?P<work>\w+) (?P<table>[\w.]+): (?:chunk|piece) (?P<done>\d+) of (?P<all>\d+),"
    r" from (?P<start>\S+?)(?:, (?P<rows>\d+) rows)?"
)
#: Messages of the server that say nothing to a person: a statement that may run again found its
#: object; TimescaleDB's advice on the order of the column store, where SETU orders by time alone.
_NOISE = ("already exists, skipping", "does not exist, skipping", "for segmenting or ordering")
#: Of a chunk with few rows, which the column store cannot make smaller.
_SMALL = "poor compression ratio"
LOG_EVERY_S = 60.0
BAR_WIDTH = 20


class Progress:
    """Takes the notices of one statement.

    :param name: what runs, such as ``0103 up``; it opens each line.
    :param stream: where a bar is drawn if it is a terminal.
    """

    def __init__(
        self,
        name: str,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._stream = stream or sys.stderr
        self._clock = clock
        self._bar = self._stream.isatty() and log.isEnabledFor(logging.INFO)
        self._drawn = False
        self._first: tuple[float, int, int] | None = None
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def receive(self, notice: str) -> None:
        """One notice, from any thread."""
        text = notice.strip()
        report = _REPORT.fullmatch(text.removeprefix("NOTICE:").strip())
        with self._lock:
            if report is None:
                first = text.partition("\n")[0]
                noise = first.endswith(_NOISE) or _SMALL in first
                if not noise:
                    self._clear()
                log.log(logging.DEBUG if noise else logging.INFO, "%s: %s", self._name, text)
                return
            line = self._line(report)
            if self._bar:
                self._draw(line, int(report["done"]) / int(report["all"]))
            elif self._is_due(report):
                log.info("%s: %s", self._name, line)

    def end(self) -> None:
        """The statement has ended: the terminal is free for other lines."""
        with self._lock:
            self._clear()

    def _line(self, report: re.Match[str]) -> str:
        done, every = int(report["done"]), int(report["all"])
        rows = int(report["rows"] or 0)
        now = self._clock()
        words = [f"{report['work']} {report['table']}: {done} of {every} chunks"]
        if report["rows"]:
            words.append(f"{rows:,} rows")
        if self._first is None:
            self._first = (now, done, rows)
        else:
            since, from_done, from_rows = self._first
            took = max(now - since, 0.001)
            if report["rows"]:
                words.append(f"{(rows - from_rows) / took:,.0f} rows/s")
            if done > from_done:
                left = took / (done - from_done) * (every - done)
                words.append(f"{_duration(left)} left")
        return ", ".join(words)

    def _is_due(self, report: re.Match[str]) -> bool:
        """The first of a table, the last of all, and one a minute in between."""
        now, table = self._clock(), report["table"]
        due = table not in self._logged or now - self._logged[table] >= LOG_EVERY_S
        if due or report["done"] == report["all"]:
            self._logged[table] = now
            return True
        return False

    def _draw(self, line: str, part: float) -> None:
        full = round(part * BAR_WIDTH)
        bar = "█" * full + "░" * (BAR_WIDTH - full)
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{f'{self._name} {bar} {part:4.0%} {line}'[:width]}")
        self._stream.flush()
        self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
