"""Follows places to which gateway files are copied, and feeds what changes there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2.extensions

from setu.errors import DatabaseConnectionError, SetuError
from setu.ingest.gateway import FeedReport, GatewayFeedError, feed
from setu.ingest.gateway_faults import GROWING, PASSING, GatewayFileError
from setu.ingest.gateway_places import FileStamp, gateway_files
from setu.ingest.rejections import Rejection

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass
class Watcher:
    """Feeds each file of ``places`` when it is new or has changed, until ``stop`` is set.

    One file at a time: one that is not whole does not hold up the others. ``say`` gets a line for
    each file that brought something, and for each trouble once, until it is another one.

    :param connect: opens a connection; raises :class:`DatabaseConnectionError`.
    :param every: seconds between two looks.
    """

    connect: Callable[[], psycopg2.extensions.connection]
    places: Iterable[Path]
    every: float
    say: Callable[[str], None]
    stop: threading.Event
    batch_rows: int
    accept_no_log: bool = False
    on_rejection: Callable[[Rejection], None] | None = None
    rejected: int = 0
    _done: dict[Path, FileStamp] = field(default_factory=dict)
    _seen: dict[Path, FileStamp] = field(default_factory=dict)
    _told: dict[Path, str] = field(default_factory=dict)

    def run(self) -> None:
        """Look, feed, wait; a server that is away is tried again with growing pauses."""
        pause = FIRST_PAUSE_S
        while not self.stop.is_set():
            try:
                self.look()
            except (DatabaseConnectionError, GatewayFeedError) as error:
                self.say(f"next try in {pause:g} s: {_in_a_line(error)}")
                self.stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            self.stop.wait(self.every)

    def look(self) -> None:
        """One look at all places."""
        files = gateway_files(place for place in self.places if place.exists())
        for known in (self._done, self._seen, self._told):
            for path in set(known) - set(files):
                del known[path]
        for path in files:
            stamp = FileStamp.of(path)
            settled = self._seen.get(path) == stamp
            self._seen[path] = stamp
            if self._done.get(path) != stamp and not self.stop.is_set():
                self._feed(path, stamp, settled)

    def _feed(self, path: Path, stamp: FileStamp, settled: bool) -> None:
        connection = self.connect()
        try:
            report = feed(
                connection,
                [path],
                batch_rows=self.batch_rows,
                accept_no_log=self.accept_no_log,
                on_rejection=self.on_rejection,
            )
        except GatewayFileError as error:
            self._refused(path, stamp, settled, error)
            return
        finally:
            connection.close()
        self._done[path] = stamp
        self._told.pop(path, None)
        self.rejected += report.rejected
        if report.stored or report.rejected:
            self.say(f"{path}: {counted(report)}")

    def _refused(
        self, path: Path, stamp: FileStamp, settled: bool, error: GatewayFileError
    ) -> None:
        # A copy that is under way looks cut off; what does not change any more stays as it is.
        if error.state in GROWING and not settled:
            return
        if error.state not in PASSING:
            self._done[path] = stamp
        if self._told.get(path) != error.state:
            self._told[path] = error.state
            self.say(_in_a_line(error))


def counted(report: FeedReport) -> str:
    """What became of the rows, in words."""
    return (
        f"{report.read:,} rows read: {report.stored:,} stored in {report.batches:,} batches, "
        f"{report.already_stored:,} stored before, {report.rejected:,} rejected"
    )


def _in_a_line(error: SetuError) -> str:
    hint = f". {error.hint}" if error.hint else ""
    why = f" ({error.context[0]})" if error.context else ""
    return f"{error.title}{why}{hint}".replace("\n", " ")
