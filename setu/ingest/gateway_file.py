"""Opens a gateway's SQLite file for reading, if it is whole.

Files come as copies, taken while a gateway wrote, without what lay beside them, or cut off on their
way. Each such state is told apart, and none of them gives a single row. Nothing is written beside
the file: one with a write-ahead log is read from a copy, since SQLite would keep its index there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from setu.ingest.gateway_faults import (
    GatewayFileError,
    changing,
    cut_off,
    damaged,
    explain,
    uncommitted,
    unreadable,
)
from setu.ingest.gateway_places import MAGIC, FileStamp, file_size, real_path

HEADER_BYTES = 100
#: How a packed file begins.
_PACKED_MAGIC = (b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh")
LOCK_TIMEOUT_S = 5.0
COPY_ATTEMPTS = 3

_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_WAL_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
# What the check says of cells, not of the file: cells are checked one by one when they are read.
_ABOUT_CELLS = ("NULL value in ", "CHECK constraint failed", "NUMERIC value in ", "TEXT value in ")


@contextmanager
def open_gateway_file(path: Path, *, accept_no_log: bool = False) -> Iterator[sqlite3.Connection]:
    """A file to read from, in one read transaction, so that what was checked is what is read.

    :param accept_no_log: take a file in WAL mode without its ``-wal`` for one that was closed
        cleanly; SQLite removes the log then, and nothing in the file tells the two apart.

    Raises :class:`GatewayFileError`.
    """
    path = real_path(path)
    header = _read_header(path)
    with tempfile.TemporaryDirectory(prefix="setu-feed-") as scratch:
        opened = path
        if header.wal_mode or file_size(f"{path}-wal"):
            opened = _copy_with_log(path, header, Path(scratch), accept_no_log)
            mode = "rw"
        else:
            _check_length(path, header)
            mode = "ro"
        file = _connect(opened, mode)
        with closing(file):
            _begin(path, file, header)
            yield file


@dataclass(frozen=True)
class _Header:
    stamp: FileStamp
    size: int
    page_size: int
    page_count: int | None
    wal_mode: bool


def _read_header(path: Path) -> _Header:
    stamp = FileStamp.of(path)
    if path.is_dir():
        raise GatewayFileError(
            f"{path} is a directory",
            state="directory",
            hint="Give its files, or give it to `setu feed` by itself",
        )
    if not path.is_file():
        raise GatewayFileError(
            f"{path} is no file" if path.exists() else f"{path} is not there",
            state="missing",
            hint="Give the path of a gateway's file",
        )
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if not head:
        raise GatewayFileError(
            f"{path} is empty",
            state="empty",
            hint="Copy it from the gateway again; if it is empty there, there is nothing to feed",
        )
    if head.startswith(_PACKED_MAGIC):
        raise GatewayFileError(
            f"{path} is packed", state="packed", hint="Unpack it, and give the file that was in it"
        )
    if not head.startswith(MAGIC[: len(head)]):
        raise GatewayFileError(
            f"{path} cannot be read as a SQLite file",
            state="not SQLite",
            context=(f"it begins with {head[:16]!r}",),
            hint="Give a gateway's file; if it is one, copy it from the gateway again",
        )
    if len(head) < HEADER_BYTES:
        raise cut_off(path, f"{len(head)} bytes, less than a header has")
    page_size = int.from_bytes(head[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise damaged(path, f"its header says that a page has {page_size} bytes")
    changes, pages, counted_at = (struct.unpack(">I", head[at : at + 4])[0] for at in (24, 28, 92))
    return _Header(
        stamp,
        size,
        page_size,
        pages if pages and changes == counted_at else None,
        head[18] == 2 or head[19] == 2,
    )


def _check_length(path: Path, header: _Header) -> None:
    """Hold the length against the header's count of pages, which a commit writes last."""
    if header.page_count is None:
        return
    promised = header.page_count * header.page_size
    if header.size < promised:
        raise cut_off(path, f"{header.size:,} bytes of {promised:,}")
    if (
        header.size > promised
        and _looks_written(path, promised)
        and not file_size(f"{path}-journal")
    ):
        raise uncommitted(path, f"{header.size - promised:,} bytes lie beyond its last commit")


def _looks_written(path: Path, start: int) -> bool:
    """Whether there is anything but zeros from there on; SQLite may grow a file ahead of need."""
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(1 << 20):
            if block.strip(b"\0"):
                return True
    return False


def _copy_with_log(path: Path, header: _Header, scratch: Path, accept_no_log: bool) -> Path:
    """The file and its write-ahead log, copied while neither changed."""
    log = Path(f"{path}-wal")
    if not file_size(log):
        if log.exists() or accept_no_log:
            _check_length(path, header)
        else:
            raise GatewayFileError(
                f"{path} is in WAL mode, and its {log.name} is not beside it",
                state="log missing",
                context=("rows that are still in the log would be missed without a word",),
                hint=f"Copy {log.name} along with it, or on the gateway run `PRAGMA "
                "journal_mode = DELETE` before copying; if the gateway has closed the file "
                "cleanly, feed it with --accept-no-wal",
            )
    target = scratch / "gateway.sqlite"
    for attempt in range(COPY_ATTEMPTS):
        before = FileStamp.of(path)
        try:
            shutil.copyfile(path, target)
            if file_size(log):
                shutil.copyfile(log, f"{target}-wal")
        except OSError as error:
            raise unreadable(path, error.strerror or str(error)) from error
        if FileStamp.of(path) == before:
            break
        time.sleep(0.2 * (attempt + 1))
    else:
        raise changing(path)
    if file_size(f"{target}-wal"):
        _check_log(path, log, Path(f"{target}-wal"))
    return target


def _check_log(path: Path, log: Path, copy: Path) -> None:
    with copy.open("rb") as file:
        head = file.read(_WAL_HEADER_BYTES)
    wrong = ""
    if len(head) < _WAL_HEADER_BYTES:
        wrong = "it is shorter than its header"
    else:
        magic, _, page_size = struct.unpack(">III", head[:12])
        order = _WAL_MAGIC.get(magic)
        if order is None:
            wrong = "it is no write-ahead log"
        elif _wal_checksum(head[:24], order) != struct.unpack(">II", head[24:]):
            wrong = "its header is damaged"
        elif (file_size(copy) - _WAL_HEADER_BYTES) % (_FRAME_HEADER_BYTES + page_size):
            wrong = "it ends in the middle of a page"
    if wrong:
        raise GatewayFileError(
            f"{path}: its {log.name} cannot be read",
            state="log damaged",
            context=(wrong,),
            hint=f"Copy both from the gateway again while it does not write, {log.name} too",
        )


def _wal_checksum(data: bytes, order: str) -> tuple[int, int]:
    first = second = 0
    for one, two in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    file = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=LOCK_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    # Broken UTF-8 in one cell must not end the reading of all: it becomes lone surrogates.
    file.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return file


def _begin(path: Path, file: sqlite3.Connection, header: _Header) -> None:
    """Start the read transaction and check the whole file in it."""
    try:
        file.execute("PRAGMA trusted_schema = OFF")
        file.execute("PRAGMA cell_size_check = ON")
        file.execute("BEGIN")
        file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if FileStamp.of(path).parts[0] != header.stamp.parts[0]:
            raise changing(path)
        said = [str(line) for (line,) in file.execute("PRAGMA integrity_check(20)")]
    except sqlite3.Error as error:
        raise explain(path, error) from error
    faults = [line for line in said if line != "ok" and not line.startswith(_ABOUT_CELLS)]
    if faults:
        raise damaged(path, *faults[:5])
