"""A gateway file that is not whole gives no row, and each way of not being whole is told apart."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from setu.ingest.gateway_faults import GatewayFileError
from setu.ingest.gateway_file import open_gateway_file
from setu.ingest.gateway_places import gateway_files
from setu.ingest.source_templates import read_template

TABLE = "raw_machine_cycles"
PAGE = 4096


def _insert(file: sqlite3.Connection, rows: int, offset: int = 0) -> None:
    file.executemany(
        f"INSERT INTO {TABLE} (kafka_partition, kafka_offset, device_id, machine_iot_id)"
        " VALUES (0, ?, 'GW', 1)",
        [(offset + n,) for n in range(rows)],
    )


@contextmanager
def _gateway(path: Path, rows: int = 30, journal: str = "delete") -> Iterator[sqlite3.Connection]:
    """A gateway that has its file open, with committed rows in it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"PRAGMA journal_mode = {journal}")
        file.executescript(read_template(TABLE).ddl)
        file.execute("BEGIN")
        _insert(file, rows)
        file.execute("COMMIT")
        yield file


@contextmanager
def _in_a_large_transaction(path: Path) -> Iterator[None]:
    """The gateway has written 5,000 rows, most of them to the disk, and has not committed."""
    with _gateway(path) as file:
        file.execute("PRAGMA cache_size = 5")
        file.execute("BEGIN")
        _insert(file, 5000, 30)
        yield


def _rows(path: Path, *, accept_no_log: bool = False) -> int:
    """How many rows the file gives; nothing beside it may change by being asked."""
    before = _folder(path.parent)
    try:
        with open_gateway_file(path, accept_no_log=accept_no_log) as file:
            count: int = file.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0]
            return count
    finally:
        assert _folder(path.parent) == before


def _folder(folder: Path) -> dict[str, tuple[int, int]]:
    # SQLite itself maps the index of a log that a gateway has open.
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if not path.name.endswith("-shm")
    } | {path.name: (0, 0) for path in folder.iterdir() if path.name.endswith("-shm")}


#: What is said of a file in each state.
SAYS = {
    "uncommitted": "holds rows that were never committed",
    "hot journal": "has an unfinished transaction: its",
    "log missing": "is in WAL mode, and its",
    "damaged": "is damaged, or was copied without its",
    "cut off": "is cut off",
    "empty": "is empty",
    "not SQLite": "cannot be read as a SQLite file",
    "missing": "is not there",
    "packed": "is packed",
    "directory": "is a directory",
}


def _refused(path: Path) -> GatewayFileError:
    with pytest.raises(GatewayFileError) as caught:
        _rows(path)
    assert str(path) in caught.value.title
    assert SAYS.get(caught.value.state, "") in caught.value.title
    assert caught.value.hint
    return caught.value


def test_a_copy_without_its_rollback_journal_gives_no_uncommitted_row(tmp_path: Path) -> None:
    live, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with _in_a_large_transaction(live):
        shutil.copyfile(live, copy)
    error = _refused(copy)
    assert error.state == "uncommitted"
    assert "copy.sqlite-journal" in error.hint


def test_a_copy_with_a_hot_journal_is_told_to_be_rolled_back(tmp_path: Path) -> None:
    live, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with _in_a_large_transaction(live):
        shutil.copyfile(live, copy)
        shutil.copyfile(f"{live}-journal", f"{copy}-journal")
    error = _refused(copy)
    assert error.state == "hot journal"
    assert "Keep the journal beside it" in error.hint
    # The advice is right: SQLite rolls back where it may write, and the file is whole then.
    with closing(sqlite3.connect(copy)) as file:
        file.execute("PRAGMA integrity_check").fetchall()
    assert _rows(copy) == 30


def test_a_file_that_its_gateway_is_writing_to_is_locked(tmp_path: Path) -> None:
    live = tmp_path / "live.sqlite"
    with _in_a_large_transaction(live):
        assert _refused(live).state == "locked"
    assert _rows(live) == 30


def test_a_file_that_its_gateway_has_open_is_read(tmp_path: Path) -> None:
    live = tmp_path / "live.sqlite"
    with _gateway(live) as file:
        assert _rows(live) == 30
        file.execute("BEGIN IMMEDIATE")
        assert _rows(live) == 30


@pytest.mark.parametrize("journal", ["persist", "truncate"])
def test_a_journal_that_is_not_hot_does_no_harm(tmp_path: Path, journal: str) -> None:
    with _gateway(tmp_path / "live.sqlite", journal=journal):
        assert (tmp_path / "live.sqlite-journal").exists()
        assert _rows(tmp_path / "live.sqlite") == 30


def test_a_copy_without_its_write_ahead_log_gives_no_row(tmp_path: Path) -> None:
    live, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with _gateway(live, 20, "wal") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _insert(file, 10, 20)
        shutil.copyfile(live, copy)
        error = _refused(copy)
        assert error.state == "log missing"
        assert "copy.sqlite-wal" in error.hint
        assert _rows(copy, accept_no_log=True) == 20
        # With its log, also while the gateway has it open, all committed rows are there.
        assert _rows(live) == 30
        shutil.copyfile(f"{live}-wal", f"{copy}-wal")
        assert _rows(copy) == 30
    # Closed cleanly, it is no different from outside: that has to be said.
    assert _refused(live).state == "log missing"
    assert _rows(live, accept_no_log=True) == 30


def test_rows_in_the_log_that_are_not_committed_are_not_read(tmp_path: Path) -> None:
    live, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with _gateway(live, 20, "wal") as file:
        file.execute("PRAGMA cache_size = 5")
        file.execute("BEGIN")
        _insert(file, 5000, 20)
        shutil.copyfile(live, copy)
        shutil.copyfile(f"{live}-wal", f"{copy}-wal")
        assert _rows(live) == 20
    assert _rows(copy) == 20


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda log: log[:-1000], "ends in the middle of a page"),
        (lambda log: log[:20], "shorter than its header"),
        (lambda log: b"x" * len(log), "no write-ahead log"),
        (lambda log: log[:17] + b"\xaa" + log[18:], "header is damaged"),
    ],
)
def test_a_damaged_log_is_named(tmp_path: Path, damage: object, why: str) -> None:
    live, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with _gateway(live, 20, "wal"):
        shutil.copyfile(live, copy)
        log = Path(f"{live}-wal").read_bytes()
    assert callable(damage)
    Path(f"{copy}-wal").write_bytes(damage(log))
    error = _refused(copy)
    assert error.state == "log damaged"
    assert why in error.context[0]


@pytest.mark.parametrize("content", [b"\0" * PAGE, b"\xa5" * PAGE])
def test_a_damaged_page_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gateway.sqlite"
    with _gateway(path, 5000):
        pass
    whole = bytearray(path.read_bytes())
    whole[10 * PAGE : 11 * PAGE] = content
    path.write_bytes(whole)
    error = _refused(path)
    assert error.state == "damaged"
    assert "Copy it from the gateway again" in error.hint


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    with _gateway(path, 5000):
        pass
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, PAGE, 60, 7):
        path.write_bytes(whole[:length])
        assert _refused(path).state == "cut off", length


def test_room_that_sqlite_took_ahead_of_need_is_no_uncommitted_row(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    with _gateway(path):
        pass
    path.write_bytes(path.read_bytes() + b"\0" * PAGE)
    assert _rows(path) == 30


@pytest.mark.parametrize(
    ("content", "state"), [(b"", "empty"), (b"not a database " * 20, "not SQLite")]
)
def test_what_is_no_sqlite_file_is_named(tmp_path: Path, content: bytes, state: str) -> None:
    path = tmp_path / "gateway.sqlite"
    path.write_bytes(content)
    assert _refused(path).state == state


def test_a_path_that_is_not_there_and_one_that_is_a_directory_are_told_apart(
    tmp_path: Path,
) -> None:
    assert _refused(tmp_path / "gone").state == "missing"
    assert _refused(tmp_path).state == "directory"


def test_a_directory_gives_its_gateway_files_and_none_twice(tmp_path: Path) -> None:
    for name in ("b.sqlite", "a.DB", "no-suffix"):
        with _gateway(tmp_path / name):
            pass
    for name in ("a.DB-journal", "b.sqlite-wal", "b.sqlite-shm", ".hidden.sqlite", "rejects.jsonl"):
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "broken.sqlite").write_bytes(b"")
    (tmp_path / "again.sqlite").hardlink_to(tmp_path / "b.sqlite")
    names = [path.name for path in gateway_files([tmp_path, tmp_path / "b.sqlite"])]
    assert names == ["a.DB", "again.sqlite", "broken.sqlite", "no-suffix"]
    # Named by hand, a file is given whatever it is called, and whether it is there or not.
    named = [tmp_path / "rejects.jsonl", tmp_path / "gone"]
    assert gateway_files(named) == named


def test_a_directory_gives_what_lies_deeper_and_ends_where_a_link_leads_back(
    tmp_path: Path,
) -> None:
    for name in ("plant-1", "plant-2"):
        (tmp_path / name).mkdir()
        with _gateway(tmp_path / name / "same.sqlite"):
            pass
    (tmp_path / "plant-1" / "back").symlink_to(tmp_path)
    (tmp_path / "gone.sqlite").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.sqlite")
    found = [str(path.relative_to(tmp_path)) for path in gateway_files([tmp_path])]
    assert found == ["plant-1/same.sqlite", "plant-2/same.sqlite"]


def test_a_packed_file_is_no_file_that_may_be_passed_over(tmp_path: Path) -> None:
    with _gateway(tmp_path / "a.sqlite"):
        pass
    whole = gzip.compress((tmp_path / "a.sqlite").read_bytes())
    (tmp_path / "b.sqlite.gz").write_bytes(whole)
    (tmp_path / "c.db.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(b"notes"))
    found = [path.name for path in gateway_files([tmp_path])]
    assert found == ["a.sqlite", "b.sqlite.gz", "c.db.gz"]
    for name in found[1:]:
        error = _refused(tmp_path / name)
        assert "is packed" in error.title
        assert error.state == "packed"
        assert "Unpack it" in error.hint


def test_a_link_is_read_with_what_lies_beside_the_file_that_it_points_to(tmp_path: Path) -> None:
    """A journal or a log lies there, and not beside the link."""
    (tmp_path / "here").mkdir()
    link, live = tmp_path / "here" / "a.sqlite", tmp_path / "live.sqlite"
    link.symlink_to(live)
    with _gateway(live, 20, "wal") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _insert(file, 10, 20)
        assert _rows(link) == 30
    live.unlink()
    with _in_a_large_transaction(tmp_path / "busy.sqlite"):
        for end in ("", "-journal"):
            shutil.copyfile(tmp_path / f"busy.sqlite{end}", f"{live}{end}")
    with pytest.raises(GatewayFileError) as caught:
        _rows(link)
    assert caught.value.state == "hot journal"


def test_what_is_no_file_is_not_said_to_be_missing() -> None:
    with pytest.raises(GatewayFileError) as caught:
        _rows(Path("/dev/null"))
    assert caught.value.title == "/dev/null is no file"
