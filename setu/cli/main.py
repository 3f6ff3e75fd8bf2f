"""The command line ``setu``: the commands in ``setu/cli/commands/``, one module each."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

import setu.cli.commands
from setu.cli.exit_codes import COULD_NOT
from setu.errors import OutputError, SetuError

_HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}

#: The groups of the help, in its order.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Deploy": (
        "adopt", "plan", "upgrade", "catch-up", "downgrade", "fresh", "verify", "current",
        "history", "archive", "chunk-interval",
    ),
    "Look": ("status", "report", "drift", "doctor", "metrics"),
    "Operate": ("register", "rejects", "feed", "worker"),
    "Change SETU": ("revision", "lint", "release", "schema-diff", "diff", "catalog", "docs"),
    "Try it": ("demo", "simulate", "server"),
}  # fmt: skip

app = typer.Typer(
    name="setu",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings=_HELP_OPTIONS,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"setu {version('setu')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """SETU: migrations between v1 and v2, and the tools around them.

    The database is the one in DATABASE_URL. NO_COLOR switches colours off.

    Exit codes: 0 well, 1 could not, 2 differs, 3 rows rejected, 4 unhealthy.

    Example: DATABASE_URL=postgresql://user@host/database setu plan
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


def load_commands(into: typer.Typer, only: str = "") -> None:
    """Register every module of ``setu.cli.commands`` by its ``register(app)``.

    :param only: the command that is run. Where a module has its name, no other is imported, which
        takes most of the time of a short command.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(setu.cli.commands.__path__))
    wanted = only.replace("-", "_")
    for name in [wanted] if wanted in names else names:
        importlib.import_module(f"setu.cli.commands.{name}").register(into)
    panels = {name: panel for panel, names in GROUPS.items() for name in names}
    place = {name: number for number, name in enumerate(panels)}
    for command in into.registered_commands:
        command.rich_help_panel = panels.get(str(command.name))
    for group in into.registered_groups:
        group.rich_help_panel = panels.get(str(group.name))
    into.registered_commands.sort(key=lambda command: place.get(str(command.name), len(place)))


def main() -> None:
    """Entry point: run a command; a foreseen failure is shown, and the exit code is 1."""
    if sys.stdout is None:  # It is closed: there is no reader.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end)
    load_commands(app, sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except SetuError as error:
        _show(error)
        raise SystemExit(COULD_NOT) from None
    except UnicodeEncodeError as error:
        if not any(error.object in word for word in sys.argv[1:]):
            raise
        shown = error.object.encode("utf-8", "backslashreplace").decode()
        _show(SetuError(f"{shown} is not UTF-8.", hint="Give the argument in UTF-8"))
        raise SystemExit(COULD_NOT) from None
    except OSError as error:
        known = OutputError.of(error)
        if known is None:
            raise
        # What is left cannot be written either, and Python would try at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno != errno.EPIPE:  # Nobody reads any more.
            _show(known)
        raise SystemExit(COULD_NOT) from None


def _show(error: SetuError) -> None:
    colour = False if os.environ.get("NO_COLOR") else None
    typer.secho(error.title, fg="red", bold=True, err=True, color=colour)
    for line in error.message.splitlines()[1:]:
        typer.echo(line, err=True, color=colour)


if __name__ == "__main__":
    main()
