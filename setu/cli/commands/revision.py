"""``setu revision``: a new revision with its step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from alembic import command
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, repository_root
from setu.chain.scaffold import RELEASE
from setu.chain.step import Step
from setu.review.draft import StepDraft, base_catalog, draft_steps


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
        typer.echo(f"Since {name}: {len(found)} changes" + (":" if found else "."))
        for title in found:
            typer.echo(f"  {title}")
    for number, draft in enumerate(drafts or [None]):
        step = _made(root, f"{message} alone" if number else message, release)
        if draft is not None:
            draft.write(step)
            typer.echo(f"{step.directory.relative_to(root)}: {draft.open_points} to decide")


def _made(root: Path, message: str, release: str | None) -> Step:
    config = alembic_config(root)
    config.attributes[COMMAND] = command.revision
    config.attributes[RELEASE] = release
    [script] = [made for made in _listed(command.revision(config, message)) if made is not None]
    return Step.of_revision_file(script.path)


def _listed(made: Any) -> list[Any]:
    return list(made) if isinstance(made, (list, tuple)) else [made]
