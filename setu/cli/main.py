"""The command line ``setu``: the commands in ``setu/commands/``, one module each."""

from __future__ import annotations

import importlib
import pkgutil

import typer
from rich.console import Console
from rich.text import Text

import setu.cli.commands
from setu.errors import SetuError

app = typer.Typer(
    name="setu",
    help="SETU: migrations between v1 and v2, and the tools around them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def _root() -> None:
    """SETU: migrations between v1 and v2, and the tools around them."""


def load_commands(into: typer.Typer) -> None:
    """Register every module of ``setu.cli.commands`` by its ``register(app)``."""
    for module in sorted(pkgutil.iter_modules(setu.cli.commands.__path__), key=lambda m: m.name):
        importlib.import_module(f"setu.cli.commands.{module.name}").register(into)


def main() -> None:
    """Entry point: run a command; a foreseen failure is shown, and the exit code is 1."""
    load_commands(app)
    try:
        app()
    except SetuError as error:
        console = Console(stderr=True, highlight=False)
        console.print(Text(error.title, style="bold red"))
        for line in error.message.splitlines()[1:]:
            console.print(Text(line), soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
