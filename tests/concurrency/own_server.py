"""A server for one test alone, that may be killed and started again on the same data."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from tests.servers import debian13
from tests.servers.at_hand import POSTGRES_SETTINGS, free_port, local_programs
from tests.servers.debian13 import kill_processes

# What was written must outlive the kill of a process, not of the machine: fsync stays on all the
# same, and a slow WAL writer makes an asynchronous commit lose more.
SETTINGS: Mapping[str, str] = {
    **POSTGRES_SETTINGS,
    "fsync": "on",
    "full_page_writes": "on",
    "wal_writer_delay": "700ms",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "30s",
}


class OwnServer(ABC):
    """A running server.

    :ivar url: its superuser's address.
    :ivar home: its folder on this machine, which its user owns.
    """

    url: str
    home: Path

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL to every process."""

    @abstractmethod
    def start(self) -> None:
        """Start it again, after a kill; returns when it lets clients in."""

    @abstractmethod
    def close(self) -> None:
        """Stop it and remove its data."""

    @abstractmethod
    def run(self, program: str, *words: str) -> str:
        """What a program of PostgreSQL prints, run as the server's user; it must end well.

        Its paths are to be as the server sees them.
        """

    def seen(self, path: Path) -> Path:
        """A path of this machine as the server sees it."""
        return path


class TreeServer(OwnServer):
    """In the Debian 13 tree."""

    def __init__(self) -> None:
        self._cluster = debian13.start(debian13.make(), settings=SETTINGS)
        self.url = self._cluster.url
        self.home = self._cluster.home

    def kill(self) -> None:
        self._cluster.kill()

    def start(self) -> None:
        self._cluster.start_again()

    def close(self) -> None:
        self._cluster.stop()

    def run(self, program: str, *words: str) -> str:
        return self._cluster.run(program, *words)

    def seen(self, path: Path) -> Path:
        return Path("/") / path.relative_to(self._cluster.root)


class LocalServer(OwnServer):
    """From the PostgreSQL of this machine."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.home = Path(tempfile.mkdtemp(prefix="setu-own-"))
        self._data = self.home / "data"
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.home, pwd.getpwnam(self._user).pw_uid, -1)
        port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            self._run(
                "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync"
            )
            settings = {
                **SETTINGS,
                "port": str(port),
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
            }
            with (self._data / "postgresql.conf").open("a") as configuration:
                configuration.writelines(f"{k} = '{v}'\n" for k, v in settings.items())
            self.start()
        except BaseException:
            self.close()
            raise

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._programs / program), f"--pgdata={self._data}", *words],
            check=True,
            cwd="/",
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=90,
        )

    def run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [str(self._programs / program), *words],
            check=False,
            cwd="/",
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def kill(self) -> None:
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        kill_processes(self._data, int(lines[0]))

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", f"--log={self.home / 'data' / 'server.log'}")

    def close(self) -> None:
        try:
            if (self._data / "postmaster.pid").exists():
                self._run("pg_ctl", "stop", "--mode=immediate")
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


def open_own_server(kind: str) -> OwnServer | None:
    """A server of that kind, one of ``KINDS``, or of what is at hand; else None."""
    programs = None if kind == "debian13" else local_programs()
    if programs is not None:
        return LocalServer(programs)
    if kind == "debian13" or debian13.verify(debian13.folder()) is not None:
        return TreeServer()
    return None
