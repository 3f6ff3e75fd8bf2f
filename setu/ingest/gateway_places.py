"""Finds gateway files, and tells when one of them changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"SQLite format 3\0"
SUFFIXES = (".sqlite", ".sqlite3", ".db")
#: How a packed file ends.
PACKED = (".gz", ".zip", ".xz", ".zst", ".bz2")
ASIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class FileStamp:
    """What a file and its companions look like from outside; it changes when one of them does."""

    parts: tuple[tuple[int, int, int] | None, ...]

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """The stamp of a file as it is now."""
        real = real_path(path)
        return cls(tuple(_look(Path(f"{real}{suffix}")) for suffix in ("", "-wal", "-journal")))


def real_path(path: Path) -> Path:
    """Where a file is that a link may point to: there SQLite keeps what lies beside it."""
    return path.resolve() if path.is_symlink() else path


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def gateway_files(places: Iterable[Path]) -> list[Path]:
    """The files that were named, and below each directory that was named its gateway files.

    A directory's gateway files are those with a suffix of :data:`SUFFIXES`, packed or not, or
    SQLite's header; the companions that SQLite keeps beside a file are not. No file comes twice.
    """
    found: dict[tuple[int, int] | Path, Path] = {}
    for place in places:
        members = _below(place) if place.is_dir() else [place]
        for path in members:
            if place.is_dir() and not _is_gateway_file(path):
                continue
            look = _look(path)
            key = (path.stat().st_dev, look[0]) if look else path
            found.setdefault(key, path)
    return list(found.values())


def _below(place: Path) -> list[Path]:
    """All files below a directory, in order; a link that leads back to where one was ends there."""
    files: list[Path] = []
    been: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(place, followlinks=True):
        seen = Path(folder).stat()
        if (seen.st_dev, seen.st_ino) in been:
            folders.clear()
            continue
        been.add((seen.st_dev, seen.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += (Path(folder) / name for name in names)
    return sorted(files)


def _is_gateway_file(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(ASIDE) or not path.is_file():
        return False
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    if suffixes and suffixes[-1] in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def file_size(path: str | Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
