"""``setu lint``: the rules of the chain, and where a server can be had, where the chain ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from setu.catalog import differences, render_differences
from setu.chain.repository import repository_root, steps_to
from setu.cli.output import AsJson, print_json
from setu.db.address import Address
from setu.errors import StepError
from setu.review.chain_end import chain_end, destination
from setu.review.lint import lint as problems_of
from setu.review.scratch import scratch_database
from setu.review.sql_style import check_style
from setu.review.squawk import check_steps, squawk_program
from setu.servers import embedded

#: Gives an empty database, and takes it away again.
Empty = Callable[[], AbstractContextManager[Address]]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lint")(lint)


def lint(
    server: Annotated[
        str | None,
        typer.Option(
            envvar="SETU_SCRATCH_URL",
            help="A server for two scratch databases, to compare the end of the chain with "
            "schema_new/; else the embedded server, where it is installed.",
        ),
    ] = None,
    no_server: Annotated[
        bool, typer.Option("--no-server", help="Only what needs no server.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every revision, its step and its SQL, and whether the chain ends in schema_new/.

    Example: setu lint --no-server
    """
    root = repository_root()
    problems = all_problems(root)
    if problems:
        raise StepError("The chain breaks its rules.", context=problems, hint=what_to_do(problems))
    count = len(steps_to(root))
    if not as_json:
        typer.echo(f"{count} revisions are in order.")
    compared = not no_server and (root / "schema_new").is_dir()
    compared = compared and (server is not None or embedded.is_installed())
    if as_json:
        if compared:
            _compare(root, server)
        print_json("lint", {"revisions": count, "end_compared": compared})
        return
    if no_server or not (root / "schema_new").is_dir():
        return
    if server is None and not embedded.is_installed():
        typer.echo(
            "No server is at hand, so the end of the chain was not compared with schema_new/. "
            "What to do: give one with --server, or run `make setup`"
        )
        return
    _compare(root, server)
    typer.echo("The chain ends in the catalog of schema_new/.")


def all_problems(root: Path) -> list[str]:
    """What breaks a rule of the chain, of style, or else of squawk, where it is installed."""
    problems = problems_of(root)
    problems += [str(violation) for violation in check_style(root)]
    squawk = squawk_program()
    if squawk is None:
        typer.echo("squawk is not installed, so its rules were not checked.", err=True)
    elif not problems:
        problems += check_steps(root, squawk)
    return problems


def what_to_do(problems: Sequence[str]) -> str:
    """The hint for problems that lint found."""
    if any(": squawk " in problem for problem in problems):
        return (
            "Correct each of the lines above; where a rule of squawk does not hold, write "
            "`-- squawk-ignore RULE` on the line above the one named, and why"
        )
    return "Correct each of the lines above"


def _compare(root: Path, server: str | None) -> None:
    # Alembic's environment sets up its own logging unless there is some already.
    logging.getLogger().addHandler(logging.NullHandler())
    with _databases(server) as empty:
        with empty() as database:
            end = chain_end(database, root)
        with empty() as database:
            wanted = destination(database, root)
    found = differences(wanted, end)
    if found:
        raise StepError(
            "The chain does not end in the catalog of schema_new/.",
            context=[
                "expected: schema_new/; found: after the last revision",
                *render_differences(found).rstrip().splitlines(),
            ],
            hint="Bring databases to what schema_new/ says with a revision: "
            '`setu revision "what changes"`; or correct schema_new/',
        )


@contextmanager
def _databases(server: str | None) -> Iterator[Empty]:
    """A source of empty databases."""
    if server is not None:
        address = Address.parse(server, source="--server")
        yield lambda: scratch_database(address)
        return
    with embedded.EmbeddedServer() as running:

        @contextmanager
        def empty() -> Iterator[Address]:
            running.reset()
            yield Address.parse(running.url)

        yield empty
