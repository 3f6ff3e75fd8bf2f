"""Progress of a long step: a bar on a terminal, one line a table and minute in a log."""

from __future__ import annotations

import io
import logging

import pytest

from setu.chain.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def report(done: int, rows: int, table: str = "machine_cycles") -> str:
    return f"NOTICE:  backfill {table}: chunk {done} of 40, from 2026-01-05, {rows} rows\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("COLUMNS", "140")
    return Clock()


@pytest.fixture(autouse=True)
def informed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "setu")


def test_a_terminal_shows_a_bar_with_rows_rate_and_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    progress = Progress("0103 up", stream=terminal, clock=clock)
    progress.receive(report(10, 1_000_000))
    clock.now = 20.0
    progress.receive(report(20, 3_000_000))
    bar = terminal.getvalue().rsplit("\x1b[K", 1)[1]
    assert bar.startswith("0103 up ██████████░░░░░░░░░░  50%")
    assert "20 of 40 chunks, 3,000,000 rows, 100,000 rows/s, 40 s left" in bar
    assert not caplog.records


def test_a_bar_leaves_the_terminal_before_another_line_and_at_the_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    progress = Progress("0103 up", stream=terminal, clock=clock)
    progress.receive(report(10, 1_000_000))
    progress.receive("NOTICE:  v2 has followed 3 notes on changes of v1")
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert [r.getMessage() for r in caplog.records] == [
        "0103 up: NOTICE:  v2 has followed 3 notes on changes of v1"
    ]
    progress.receive(report(11, 1_100_000))
    progress.end()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_log_has_one_line_a_table_and_minute(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress("0103 up", stream=io.StringIO(), clock=clock)
    for second in range(181):
        clock.now = float(second)
        progress.receive(report(second // 10 + 1, second * 1000))
        progress.receive(report(second // 10 + 1, second * 1000, "machine_status"))
    lines = [r.getMessage() for r in caplog.records]
    assert sum("machine_cycles" in line for line in lines) == 4
    assert sum("machine_status" in line for line in lines) == 4
    assert lines[-2] == (
        "0103 up: backfill machine_cycles: 19 of 40 chunks, 180,000 rows, 1,000 rows/s, 4 min left"
    )


def test_the_last_chunk_is_always_logged(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress("0103 up", stream=io.StringIO(), clock=clock)
    progress.receive(report(39, 1))
    progress.receive(report(40, 2))
    assert len(caplog.records) == 2


def test_a_piece_of_gold_has_no_rows(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress("0105 up", stream=io.StringIO(), clock=clock)
    progress.receive("gold hourly_energy_stats: piece 1 of 8, from 2026-01-05")
    assert caplog.records[0].getMessage() == "0105 up: gold hourly_energy_stats: 1 of 8 chunks"


def test_what_postgresql_says_of_if_exists_is_no_news(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress("0107 up", stream=io.StringIO(), clock=clock)
    progress.receive('NOTICE:  relation "archived_code" already exists, skipping\n')
    assert not caplog.records
