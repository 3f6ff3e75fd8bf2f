"""``setu feed`` as a command: directories, exit codes, what it follows, and any script."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import typer
from typer.testing import CliRunner, Result

from setu.cli.commands import feed as feed_command
from setu.errors import DatabaseConnectionError
from setu.ingest.gateway import GatewayFeedError, feed
from setu.ingest.watch import Watcher
from setu.simulate.gateway_files import GatewayCycle, write_gateway_file
from tests.bronze import create_bronze
from tests.servers.at_hand import Server
from tests.v1 import ROOT, connect, query, run, value
from tests.v2 import Plant, plant_on

pytestmark = pytest.mark.requires("multi_session")


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


@pytest.fixture
def plant(shared: Plant) -> Plant:
    shared.clear()
    shared.chain.run("TRUNCATE _etl.feed_records")
    return shared


def rows(first: int, count: int, **more: Any) -> list[GatewayCycle]:
    return [
        GatewayCycle(0, n, "D-1", 1, f"2026-01-05T{n // 60:02}:{n % 60:02}:00Z", None, **more)
        for n in range(first, first + count)
    ]


def _file(path: Path, first: int, count: int, **more: Any) -> Path:
    write_gateway_file(path, rows(first, count, **more))
    return path


def _spoil(path: Path, offset: int, value: str = "'many'") -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            f"UPDATE raw_machine_cycles SET std_cycle_time = {value} WHERE kafka_offset = {offset}"
        )


def setu_feed(plant: Plant, folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    feed_command.register(app)
    given = ["feed", *arguments, "--rejects", str(folder / "rejects.jsonl")]
    return CliRunner(env={"DATABASE_URL": plant.chain.url}).invoke(app, given)


def _stored(plant: Plant) -> int:
    return int(plant.chain.value("SELECT count(*) FROM bronze.raw_machine_cycles"))


def test_a_directory_is_fed_and_a_broken_file_in_it_does_not_hold_up_the_others(
    plant: Plant, tmp_path: Path
) -> None:
    _file(tmp_path / "a.sqlite", 0, 5)
    (tmp_path / "b.sqlite").write_bytes(b"no database, whatever its name says")
    _file(tmp_path / "c.sqlite", 5, 5)
    result = setu_feed(plant, tmp_path, str(tmp_path))
    assert result.exit_code == 1, result.output
    assert "b.sqlite cannot be read as a SQLite file" in result.output
    assert "1 of 3 files gave no row" in result.output
    assert _stored(plant) == 10
    (tmp_path / "b.sqlite").unlink()
    result = setu_feed(plant, tmp_path, str(tmp_path), "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["format"], said["rows_stored"], said["rows_stored_before"]) == (1, 0, 10)


def test_rejected_rows_are_kept_whole_and_once_and_end_with_exit_code_3(
    plant: Plant, tmp_path: Path
) -> None:
    path = _file(tmp_path / "a.sqlite", 0, 3, program_no="プログラム")
    _spoil(path, 1)
    for _ in range(2):
        result = setu_feed(plant, tmp_path, str(path))
        assert result.exit_code == 3, result.output
    [line] = (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    kept = json.loads(line)
    assert kept["row"]["kafka_offset"] == 1
    assert kept["row"]["program_no"] == "プログラム"
    assert kept["row"]["std_cycle_time"] == "many"
    _spoil(path, 1, "420")
    result = setu_feed(plant, tmp_path, str(path))
    assert result.exit_code == 0
    assert "1 stored in 1 batches, 2 stored before, 0 rejected" in result.output


def test_cells_that_json_has_no_word_for_are_kept_too(plant: Plant, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.sqlite", 0, 3)
    for offset, odd in enumerate(("x'00ff'", "9e999", "CAST(x'4fff' AS TEXT)")):
        _spoil(path, offset, odd)
    assert setu_feed(plant, tmp_path, str(path)).exit_code == 3
    lines = (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["row"]["std_cycle_time"] for line in lines] == [
        {"base64": "AP8="},
        {"real": "inf"},
        {"base64": "T/8="},
    ]


def test_an_empty_directory_is_said(plant: Plant, tmp_path: Path) -> None:
    result = setu_feed(plant, tmp_path, str(tmp_path))
    assert result.exit_code == 1
    assert "there is no gateway file to feed" in str(result.exception)


def test_setu_ingest_needs_no_more_than_it_has(plant: Plant, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.sqlite", 0, 3)
    with plant.chain.session() as connection:
        connection.autocommit = False
        run(connection, "SET ROLE setu_ingest")
        connection.commit()
        assert feed(connection, [path]).stored == 3
        assert feed(connection, [path]).already_stored == 3
        run(connection, "SET ROLE setu_reader")
        connection.commit()
        with pytest.raises(GatewayFeedError, match="cannot be asked") as caught:
            feed(connection, [path])
        assert "setu_ingest" in caught.value.hint


# A file that is followed


class _Watch:
    """A watcher whose looks the test takes."""

    def __init__(self, plant: Plant, *places: Path) -> None:
        self.lines: list[str] = []
        self.watcher = Watcher(
            lambda: connect(plant.chain.url),
            places,
            every=0.1,
            say=self.lines.append,
            stop=threading.Event(),
            batch_rows=100,
        )

    def look(self, times: int = 1) -> list[str]:
        """What the looks had to say."""
        self.lines.clear()
        for _ in range(times):
            self.watcher.look()
        return list(self.lines)


def test_a_file_that_grows_is_followed_and_nothing_new_is_said_of_it_when_it_rests(
    plant: Plant, tmp_path: Path
) -> None:
    watch = _Watch(plant, tmp_path)
    assert watch.look() == []
    path = _file(tmp_path / "a.sqlite", 0, 5)
    [line] = watch.look(3)
    assert line.startswith(f"{path}: 5 rows read: 5 stored")
    _file(path, 5, 2)
    _file(tmp_path / "b.sqlite", 7, 1)
    assert [line.split(": ", 2)[2].split(" in")[0] for line in watch.look(3)] == [
        "2 stored",
        "1 stored",
    ]
    assert _stored(plant) == 8


def test_a_copy_that_is_under_way_is_waited_for_and_one_that_stays_cut_off_is_said_once(
    plant: Plant, tmp_path: Path
) -> None:
    whole = _file(tmp_path / "whole", 0, 500).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "a.sqlite"
    watch = _Watch(plant, folder)
    path.write_bytes(whole[: len(whole) // 2])
    assert watch.look() == []
    path.write_bytes(whole)
    [line] = watch.look()
    assert "500 stored" in line
    path.write_bytes(whole[:5000])
    [line] = watch.look(5)
    assert "is cut off" in line


def test_a_locked_file_is_tried_again(plant: Plant, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.sqlite", 0, 5)
    # In a process of its own: SQLite's locks do not hold within one.
    hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
    hold += " c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    watch = _Watch(plant, tmp_path)
    [line] = watch.look()
    assert "is locked: another program is writing to it" in line
    holder.communicate()
    [line] = watch.look()
    assert "5 stored" in line


def test_watching_outlives_a_server_that_is_away_and_ends_on_sigterm(
    plant: Plant, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = _file(folder / "a.sqlite", 0, 3)
    _spoil(path, 1)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "setu.cli.main", "feed", str(folder), "--watch", "--every",
         "0.1", "--rejects", str(tmp_path / "rejects.jsonl")],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": plant.chain.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    seen = ""
    while "2 stored" not in seen:
        seen += process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 3, seen + rest
    assert rest.rstrip().endswith("stopped")

    lines: list[str] = []
    stop = threading.Event()

    def away() -> Any:
        raise DatabaseConnectionError("No server answers there", hint="Start the server")

    def said(line: str) -> None:
        lines.append(line)
        stop.set()

    Watcher(away, [folder], 0.1, said, stop, 100).run()
    assert lines == ["next try in 1 s: No server answers there. Start the server"]


# Any script, whatever the server can hold


@pytest.fixture
def latin1(server: Server) -> Iterator[Callable[..., Any]]:
    """Opens connections to a database in LATIN1 that has bronze and the feed's record."""
    if "native" not in server.capabilities:
        pytest.skip("another encoding needs a native server")
    url = server.create_database()
    name = "setu_test_latin1"
    try:
        with closing(connect(url)) as admin:
            admin.autocommit = True
            run(admin, f"DROP DATABASE IF EXISTS {name}")
            run(
                admin,
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'"
                " LC_COLLATE 'C' LC_CTYPE 'C'",
            )
            target = f"{url.rpartition('/')[0]}/{name}"

            def opened(encoding: str) -> Any:
                address = target.replace("postgresql+psycopg2:", "postgresql:", 1)
                return psycopg2.connect(f"{address}?client_encoding={encoding}")

            with closing(opened("utf8")) as connection, connection:
                create_bronze(connection)
            yield opened
            run(admin, f"DROP DATABASE {name}")
    finally:
        server.drop_database(url)


def test_a_value_that_the_server_cannot_hold_is_a_rejected_row(
    latin1: Callable[..., Any], tmp_path: Path
) -> None:
    path = _file(tmp_path / "a.sqlite", 0, 5)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE raw_machine_cycles SET program_no = 'Ärger' WHERE kafka_offset = 0")
        file.execute(
            "UPDATE raw_machine_cycles SET program_no = 'プログラム' WHERE kafka_offset = 3"
        )
    # Whatever the client says it speaks.
    for encoding in ("LATIN1", "utf8"):
        with closing(latin1(encoding)) as connection:
            report = feed(connection, [path])
            assert (report.read, report.rejected) == (5, 1)
            [rejection] = report.rejections
            assert (rejection.row_no, rejection.column) == (4, "program_no")
            assert rejection.row["program_no"] == "プログラム"
            assert "has no equivalent in encoding" in rejection.reason
            assert query(connection, "SELECT kafka_offset, program_no FROM"
                " bronze.raw_machine_cycles ORDER BY 1 LIMIT 1") == [(0, "Ärger")]  # fmt: skip
            assert value(connection, "SELECT count(*) FROM bronze.raw_machine_cycles") == 4
            connection.rollback()


# Cells as the field has them: the value that bronze must have, or None for a rejected row.
CELLS: tuple[tuple[str, object, object], ...] = (
    ("cycle_start", "2026-10-25T02:30:00", "2026-10-25 02:30:00+00"),
    ("cycle_start", "2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00+00"),
    ("cycle_start", "2026-10-25T02:30:00 Europe/Berlin", None),
    ("cycle_start", "2026-01-05T00:00:00.123456789Z", "2026-01-05 00:00:00.123456+00"),
    ("cycle_start", "2026-W01-1T00:00:00Z", "2025-12-29 00:00:00+00"),
    ("cycle_start", "2026-06-30T23:59:60Z", None),
    ("cycle_start", "2026-01-05T24:00:01Z", None),
    ("cycle_start", "2026-02-30T00:00:00Z", None),
    ("cycle_start", "0000-01-01T00:00:00Z", None),
    ("cycle_start", "294277-01-01T00:00:00Z", None),
    ("cycle_start", "01/02/2026 03:04", None),
    ("cycle_start", "now", None),
    ("cycle_start", "infinity", None),
    ("cycle_start", "", None),
    ("cycle_start", 1767571200, None),
    ("cycle_start", 2461046.5, None),
    ("cycle_start", "2026-01-05T00:00:00Z\0x", None),
    ("cycle_start", "\ufeff2026-01-05T00:00:00Z", None),
    ("cycle_start", "2026-01-05T00:00:00Z\r", None),
    ("cycle_start", "2026-01-05T00:00:00+99:00", None),
    ("std_cycle_time", "2147483648", 2147483648),
    ("std_cycle_time", "9" * 400, None),
    ("std_cycle_time", 12.5, None),
    ("std_cycle_time", float("inf"), None),
    ("std_cycle_time", "0x10", None),
    ("std_cycle_time", '{"a": [1]}', None),
    ("std_cycle_time", b"5", None),
    ("program_no", '{"a": "\\u0000"}', '{"a": "\\u0000"}'),
    ("program_no", "a\0b", None),
    ("program_no", b"\xed\xa0\x80", None),
    ("program_no", "\r\n\U0010ffff", "\r\n\U0010ffff"),
)


def test_each_odd_cell_is_stored_as_it_means_or_rejected_with_its_row(
    plant: Plant, tmp_path: Path
) -> None:
    path = _file(tmp_path / "a.sqlite", 0, len(CELLS))
    with closing(sqlite3.connect(path)) as file, file:
        for offset, (column, cell, _) in enumerate(CELLS):
            file.execute(
                f"UPDATE raw_machine_cycles SET {column} = ? WHERE kafka_offset = ?", (cell, offset)
            )
    result = setu_feed(plant, tmp_path, str(path))
    assert result.exit_code == 3, result.output
    stored = {
        offset: row
        for offset, *row in plant.chain.query(
            "SELECT kafka_offset, (cycle_start AT TIME ZONE 'UTC')::text || '+00', std_cycle_time,"
            " program_no FROM bronze.raw_machine_cycles"
        )
    }
    lines = (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    rejected = {json.loads(line)["row"]["kafka_offset"]: json.loads(line) for line in lines}
    place = {"cycle_start": 0, "std_cycle_time": 1, "program_no": 2}
    for offset, (column, cell, wanted) in enumerate(CELLS):
        if wanted is None:
            assert offset not in stored, cell
            assert rejected[offset]["column"] == column, cell
        else:
            assert stored[offset][place[column]] == wanted, cell
            assert offset not in rejected, cell
