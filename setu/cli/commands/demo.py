"""``setu demo``: v1 to v2 and back on the embedded server, with data."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from setu.cli.commands import server as server_commands
from setu.cli.output import AsJson, print_json
from setu.demo.page import render_page
from setu.demo.story import Demo
from setu.errors import SetuError
from setu.servers import embedded

KEPT = Path("demo")
PAGE = Path(".cache/demo.html")


class DemoFailedError(SetuError):
    """Something that the demo claims is not so."""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo")(demo)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running, with v2 and its data.")
    ] = False,
    page: Annotated[Path, typer.Option(help="Where to write the HTML page.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """Show the whole road: v1, upgrade, load, downgrade, upgrade. Exit code 1 if a claim fails.

    Example: setu demo --keep
    """
    console = Console(highlight=False, stderr=as_json)
    started = time.monotonic()
    with _server(keep, console) as url:
        demo = Demo(url, console)
        checks = demo.run()
    failed = [check for check in checks if not check.holds]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_page(demo.report, demo.stage.steps, checks), encoding="utf-8")
    console.print()
    console.rule("[bold]Summary", align="left")
    console.print(
        f"{len(checks) - len(failed)} of {len(checks)} claims hold; "
        f"{time.monotonic() - started:.0f} s"
    )
    console.print(f"A page with pictures: {page}", soft_wrap=True)
    if keep:
        console.print("The server goes on running, at v2. Look at it with:")
        console.print(f"  export DATABASE_URL='{url}'", soft_wrap=True)
        console.print('  .venv/bin/setu status   or   psql "$DATABASE_URL"', soft_wrap=True)
        console.print(
            f"Stop it with:  .venv/bin/setu server stop --data {_folder()}", soft_wrap=True
        )
    if as_json:
        print_json("demo", {"page": str(page), "claims": [vars(check) for check in checks]})
    if failed:
        raise DemoFailedError(
            f"{len(failed)} claims of the demo do not hold.",
            context=[f"{check.claim} ({check.detail})" for check in failed],
            hint="This is a bug of SETU: report it with the output above",
        )


def _folder() -> Path:
    return embedded.cache_folder() / KEPT


@contextmanager
def _server(keep: bool, console: Console) -> Iterator[str]:
    """A fresh embedded server; with ``keep`` one in the background, in place of an earlier one."""
    with console.status("starting the embedded server (TimescaleDB in WebAssembly)"):
        if not keep:
            running = embedded.EmbeddedServer()
        else:
            folder = _folder()
            if folder.exists():
                server_commands.stop(data=folder)
                shutil.rmtree(folder)
            server_commands.start(data=folder)
    if not keep:
        with running:
            console.print(f"embedded server on port {running.port}, data in memory")
            yield running.url
        return
    state = server_commands._state(folder)
    assert state is not None
    yield state["url"]
