"""A Debian 13 tree with PostgreSQL 17 and TimescaleDB (Apache edition), and native servers in it.

The tree is made by debootstrap, as root, in about 45 s, and kept. Servers run in it by chroot, as
user postgres, on 127.0.0.1, each with a data folder of its own inside the tree.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from setu.errors import SetuError

FOLDER_VARIABLE = "SETU_DEBIAN13_DIR"
SUITE = "trixie"
PACKAGE = "postgresql-17-timescaledb"
DEBOOTSTRAP = ("debootstrap", "--variant=minbase", f"--include={PACKAGE}", SUITE)
PROGRAMS = "/usr/lib/postgresql/17/bin"
CONTROL = "usr/share/postgresql/17/extension/timescaledb.control"
CLUSTERS = "var/lib/setu"
MARKER = ".setu-complete"
MAKE_SECONDS = 1200
START_SECONDS = 60
STOP_SECONDS = 30.0

Report = Callable[[str], None]


class Debian13Error(SetuError):
    """The Debian 13 tree could not be made, or a server in it does not start."""


@dataclass(frozen=True)
class Tree:
    """A complete tree.

    :param folder: its root.
    :param version: what ``postgres --version`` says.
    """

    folder: Path
    version: str


def recipe_hash() -> str:
    """Twelve hexadecimal digits that change with what the tree is made from."""
    return hashlib.sha256("\0".join((*DEBOOTSTRAP, "1")).encode()).hexdigest()[:12]


def folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where the tree stands: ``SETU_DEBIAN13_DIR``, else in the user's cache folder."""
    env = os.environ if environment is None else environment
    named = env.get(FOLDER_VARIABLE)
    if named:
        return Path(named).absolute()
    cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "setu" / f"debian13-{recipe_hash()}"


def verify(root: Path) -> Tree | None:
    """The tree in that folder if it is complete and its PostgreSQL runs, else None."""
    if not (root / MARKER).exists() or not (root / CONTROL).exists():
        return None
    done = _chroot(root, f"{PROGRAMS}/postgres", "--version")
    return Tree(root, done.stdout.strip()) if done.returncode == 0 else None


def make(root: Path | None = None, *, report: Report = lambda _line: None) -> Tree:
    """Make the tree, or take the one that is there; a half-made one is removed first.

    Two at once are safe: the second waits and takes what the first made.
    """
    target = root or folder()
    if os.geteuid() != 0:
        raise Debian13Error(
            "a Debian 13 tree needs root", hint="run as root, or use SETU_TEST_SERVER=embedded."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(target.name + ".lock"), report) as lock:
        tree = verify(target)
        if tree:
            report(f"Debian 13 tree in place: {tree.version}")
            return tree
        if shutil.which("debootstrap", path=_search_path()) is None:
            raise Debian13Error("debootstrap is not installed", hint="apt-get install debootstrap.")
        if target.exists():
            report("removing an incomplete Debian 13 tree")
            remove(target)
        _bootstrap(target, lock, report)
        (target / MARKER).write_text("complete\n")
        tree = verify(target)
        if tree is None:
            (target / MARKER).unlink()
            raise Debian13Error(
                f"the Debian 13 tree in {target} does not work",
                context=(f"{PROGRAMS}/postgres --version fails in it",),
            )
        report(f"Debian 13 tree made: {tree.version}")
        return tree


def remove(root: Path) -> None:
    """Remove a tree: servers in it are stopped, and what is mounted in it is unmounted first."""
    for data in sorted((root / CLUSTERS).glob("*/data")):
        _stop_cluster(root, data)
    inside = str(root.resolve()) + "/"
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(inside)), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True, capture_output=True)
    shutil.rmtree(root)


# debootstrap inherits the lock: should this process be killed, no one else touches the folder
# before debootstrap, too, has ended.
def _bootstrap(target: Path, lock: int, report: Report) -> None:
    report(f"debootstrap {SUITE} with {PACKAGE}, about 45 s")
    log = target.with_name(target.name + ".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*DEBOOTSTRAP, str(target)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": _search_path(), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            pass_fds=[lock],
        )
        try:
            code = _watch(process, report)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if code != 0:
        raise Debian13Error(
            f"debootstrap failed with exit code {code}",
            context=(*log.read_text(errors="replace").splitlines()[-10:], f"all of it: {log}"),
            hint="check that the Debian mirror can be reached, then try again.",
        )


def _watch(process: subprocess.Popen[bytes], report: Report) -> int:
    started = time.monotonic()
    while True:
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - started
            report(f"debootstrap: {passed:.0f} s")
            if passed > MAKE_SECONDS:
                raise Debian13Error(f"debootstrap took over {MAKE_SECONDS} s") from None


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


@contextlib.contextmanager
def _locked(file: Path, report: Report = lambda _line: None) -> Iterator[int]:
    """Hold the lock file, whose descriptor is given; waits for another holder, with a bound."""
    with file.open("w") as handle:
        deadline = time.monotonic() + MAKE_SECONDS
        waited = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Debian13Error(
                        f"another process has held {file} for {MAKE_SECONDS} s",
                        hint="end it (`fuser` names it), then try again.",
                    ) from None
            if not waited:
                report(f"waiting for another process that works on {file.with_suffix('')}")
            waited = True
            time.sleep(0.2)
        yield handle.fileno()


def _chroot(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["chroot", str(root), *words],
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=START_SECONDS + 30,
    )


# ------------------------------------------------------------------------------------- servers


@dataclass(frozen=True)
class Cluster:
    """A running server in the tree.

    :param root: the tree.
    :param home: the server's folder in it, with data and log.
    :param port: on 127.0.0.1.
    """

    root: Path
    home: Path
    port: int

    @property
    def url(self) -> str:
        """The superuser's address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process id, None once it has stopped."""
        return _postmaster(self.root, self.home / "data")

    def kill(self) -> None:
        """Kill the server's processes, all at once, as a crash would."""
        kill_processes(self.home / "data", self.pid)

    def run(self, program: str, *words: str) -> str:
        """What a program of PostgreSQL prints, run in the tree as user postgres."""
        as_postgres = ("runuser", "-u", "postgres", "--")
        return _run(self.root, *as_postgres, f"{PROGRAMS}/{program}", *words)

    def start_again(self) -> None:
        """Start the server on the data that a kill left."""
        _serve(self.root, self.home)

    def stop(self) -> None:
        """Stop the server and remove its data."""
        _stop_cluster(self.root, self.home / "data")
        shutil.rmtree(self.home, ignore_errors=True)


def start(tree: Tree, *, settings: Mapping[str, str], port: int = 0) -> Cluster:
    """Make a cluster in the tree and start it.

    Clusters whose maker has died are stopped and removed first.
    :param settings: for ``postgresql.conf``.
    :param port: on 127.0.0.1; 0 takes a free one.
    """
    clusters = tree.folder / CLUSTERS
    clusters.mkdir(parents=True, exist_ok=True)
    with _locked(clusters / "lock"):
        _sweep(tree.folder)
        home = Path(tempfile.mkdtemp(dir=clusters))
        (home / "owner").write_text(f"{os.getpid()} {_birth(os.getpid())}")
    try:
        return _start_in(tree.folder, home, dict(settings), port or _free_port())
    except BaseException:
        _stop_cluster(tree.folder, home / "data")
        shutil.rmtree(home, ignore_errors=True)
        raise


def _start_in(root: Path, home: Path, settings: dict[str, str], port: int) -> Cluster:
    inside = f"/{home.relative_to(root)}"
    _run(root, "chown", "postgres:", inside)
    # POSIX shared memory is a folder of this name; the tree's own /dev may lack it.
    shared = root / "dev" / "shm"
    shared.mkdir(parents=True, exist_ok=True)
    shared.chmod(0o1777)
    as_postgres = ("runuser", "-u", "postgres", "--")
    data = f"{inside}/data"
    _run(
        root,
        *as_postgres,
        f"{PROGRAMS}/initdb",
        f"--pgdata={data}",
        "--auth=trust",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    )
    lines = {
        **settings,
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    with (home / "data" / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
    _serve(root, home)
    return Cluster(root, home, port)


def _serve(root: Path, home: Path) -> None:
    data = f"/{home.relative_to(root)}/data"
    try:
        _run(
            root,
            *("runuser", "-u", "postgres", "--"),
            f"{PROGRAMS}/pg_ctl",
            "start",
            f"--pgdata={data}",
            f"--log={data}/server.log",
            "--wait",
            f"--timeout={START_SECONDS}",
        )
    except Debian13Error as error:
        written = home / "data" / "server.log"
        tail = written.read_text(errors="replace").splitlines()[-10:] if written.exists() else []
        raise Debian13Error(error.title, context=(*error.context, *tail)) from error


def _run(root: Path, *words: str) -> str:
    done = _chroot(root, *words)
    if done.returncode != 0:
        raise Debian13Error(
            f"{words[-1] if len(words) < 4 else ' '.join(words[:6])} failed in the Debian 13 tree",
            context=(f"exit code {done.returncode}", *done.stdout.strip().splitlines()[-10:]),
        )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _birth(pid: int) -> str:
    """When the process was started, in clock ticks; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def _sweep(root: Path) -> None:
    for owner in sorted((root / CLUSTERS).glob("*/owner")):
        pid, _, birth = owner.read_text().partition(" ")
        if not pid or _birth(int(pid)) != birth:
            _stop_cluster(root, owner.parent / "data")
            shutil.rmtree(owner.parent, ignore_errors=True)


def _postmaster(root: Path, data: Path) -> int | None:
    """The process id of the server on that data folder, if it lives and is in the tree."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        if Path(f"/proc/{pid}/root").resolve() != root.resolve():
            return None
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            return None
    except (OSError, ValueError, IndexError):
        return None
    return pid


def kill_processes(data: Path, postmaster: int | None) -> None:
    """SIGKILL the postmaster and every process of the server on that data folder.

    Returns when none is left, and removes ``postmaster.pid``, so that the next start does not take
    another process of that number for the server.
    """
    deadline = time.monotonic() + STOP_SECONDS
    first = () if postmaster is None else (postmaster,)
    while pids := (*first, *_processes(data)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first = ()
        if time.monotonic() > deadline:
            raise Debian13Error(f"processes {pids} of the server in {data} do not end")
        time.sleep(0.005)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _processes(data: Path) -> tuple[int, ...]:
    """The processes of a server: each works in its data folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cwd").readlink() == data and (
                folder / "exe"
            ).readlink().name == "postgres":
                found.append(int(folder.name))
    return tuple(found)


def _stop_cluster(root: Path, data: Path) -> None:
    pid = _postmaster(root, data)
    if pid is None:
        return
    for how in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _birth(pid) == "" or _postmaster(root, data) is None:
                return
            time.sleep(0.05)


def main(words: list[str]) -> None:
    """``python -m tests.servers.debian13 make`` makes the tree, or checks the one that is there."""
    if words != ["make"]:
        raise SystemExit("usage: python -m tests.servers.debian13 make")
    try:
        tree = make(report=lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    except SetuError as error:
        raise SystemExit(str(error)) from None
    print(tree.folder)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
