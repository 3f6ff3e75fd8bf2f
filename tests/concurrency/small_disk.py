"""A disk of a few megabytes for one database, which can be filled and emptied."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from tests.concurrency.own_server import OwnServer

MEGABYTE = 1024 * 1024


class SmallDisk:
    """A tmpfs with a tablespace, and a database on it.

    :ivar url: the database's address.
    """

    def __init__(self, home: Path, url: str) -> None:
        self._filler = home / "filler"
        self._home = home
        self.url = url

    def fill(self, left: int) -> None:
        """Leave so many bytes free, or fewer: the server goes on writing meanwhile."""
        while True:
            self.free()
            free = shutil.disk_usage(self._home).free
            if free <= left:
                return
            try:
                with self._filler.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, free - left)
                return
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Free what was filled."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(server: OwnServer, size: int) -> Iterator[SmallDisk | None]:
    """A database on a disk of that many bytes; None where this user cannot make one."""
    home = server.home / "small"
    home.mkdir()
    mounted = shutil.which("mount") is not None and os.geteuid() == 0
    mounted = mounted and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home)],
            check=False,
            stderr=subprocess.DEVNULL,
        ).returncode
        == 0
    )
    if not mounted:
        home.rmdir()
        yield None
        return
    admin = psycopg2.connect(server.url)
    admin.autocommit = True
    try:
        home.chmod(0o755)
        place = home / "data"
        place.mkdir()
        os.chown(place, server.home.stat().st_uid, -1)
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE TABLESPACE small LOCATION '{server.seen(place)}'")
            cursor.execute("CREATE DATABASE small TABLESPACE small")
        address = make_url(server.url).set(database="small")
        yield SmallDisk(home, address.render_as_string(hide_password=False))
    finally:
        with admin.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS small WITH (FORCE)")
            cursor.execute("DROP TABLESPACE IF EXISTS small")
        admin.close()
        subprocess.run(["umount", "--lazy", str(home)], check=True)
        home.rmdir()
