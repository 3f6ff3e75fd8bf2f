"""``setu revision``: a new revision with its step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from alembic import command
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, repository_root
from setu.chain.scaffold import RELEASE
from setu.chain.step import Step
from setu.review.draft import StepDraft, base_catalog, draft_steps, last_edit
from setu.review.squawk import squawk_program


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("revision")(revision)


def revision(
    message: Annotated[str, typer.Argument(help="What changes, as 'add spindle hours'.")],
    release: Annotated[
        str | None, typer.Option(help="The version to come, where it is not the next minor one.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Draft from this side (see `setu diff`), not from the last release."),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Leave the template; draft nothing.")] = (
        False
    ),
) -> None:
    """Make a revision: its number, folder and file, and its up.sql, down.sql and verify.sql.

    What was edited in schema_new/ since the last release, or else since the last commit, is drafted
    into them. A line with TODO is what a person has to decide; `setu lint` refuses it.

    Example: setu revision "add spindle hours"
    """
    root = repository_root()
    drafts: list[StepDraft] = []
    known = None if empty else base_catalog(root, since)
    if known is not None:
        base, name = known
        drafts, found = draft_steps(root, base, message)
        count = "1 change" if len(found) == 1 else f"{len(found)} changes"
        typer.echo(f"Since {name}: {count}" + (":" if found else "."))
        for title in found:
            typer.echo(f"  {title}")
    if drafts and squawk_program() is None:
        typer.echo(
            "squawk is not installed, so the draft has no exceptions to its rules.", err=True
        )
    nothing = known is not None and not drafts
    for number, draft in enumerate(drafts or [None]):
        step = _made(root, f"{message} alone" if number else message, release)
        if draft is not None:
            draft.write(step)
            typer.echo(f"{step.directory.relative_to(root)}: {draft.open_points} to decide")
        elif nothing:
            typer.echo(_nothing_drafted(root, step, message, since))


def _nothing_drafted(root: Path, step: Step, message: str, since: str | None) -> str:
    folder = step.directory.relative_to(root)
    file = f"alembic/versions/{step.name}.py"
    command = f"setu revision {shlex.quote(message)}"
    edited = None if since else last_edit(root)
    if edited is None:
        where = "edit schema_new/ first"
        again = f"`{command}`"
    else:
        where = f"name the commit before the edit; {edited} was the last to touch schema_new/"
        again = f"`{command} --since {edited}~1`"
    return (
        f"{folder}: nothing was drafted; its files are the template.\nWhat to do: write them by"
        f" hand; or delete the folder and {file}, then {where}: {again}"
    )


def _made(root: Path, message: str, release: str | None) -> Step:
    config = alembic_config(root)
    config.attributes[COMMAND] = command.revision
    config.attributes[RELEASE] = release
    [script] = [made for made in _listed(command.revision(config, message)) if made is not None]
    return Step.of_revision_file(script.path)


def _listed(made: Any) -> list[Any]:
    return list(made) if isinstance(made, (list, tuple)) else [made]
