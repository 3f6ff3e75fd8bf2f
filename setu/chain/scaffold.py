"""New revisions: their number, their folder, their file and their SQL.

``alembic revision -m "add spindle hours"`` and ``setu revision`` both come here: the environment
places the revision, Alembic writes its file, and a write hook adds the three SQL files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.script import write_hooks
from sqlalchemy import create_engine

from setu.chain.releases import RELEASE_FOLDER, Release, read_releases
from setu.chain.repository import steps_to
from setu.chain.step import PARTS, Part, Step
from setu.errors import RevisionDraftError

#: What a template leaves to its author; `setu lint` refuses a file that still has it.
OPEN = "TODO"
#: Key in ``Config.attributes``: the release that a new revision is meant for, such as ``3.0``.
RELEASE = "setu.release"
#: The name under which alembic.ini knows the hook.
HOOK = "setu_step"
GROUP = 100

_UP = """\
-- what: {message}
-- why: {open}: what asks for it, or what is wrong without it
-- transaction: yes
-- lock: {open}: which lock on what, and for how long
-- down: {open}: what the downgrade restores

-- {open}: include what changed in schema_new/, or write the statements that lead there:
-- -- @include schema_new/<layer>/<Kind>/<object>.sql#<section>
"""
_DOWN = """\
-- what: {open}: what goes, or comes back
-- why: mirrors the step up
-- transaction: yes
-- lock: {open}: which lock on what, and for how long
-- down: undone by upgrading again

-- {open}: statements that lead back. Released text is in git, the last release's files in sql/.
-- A column, table or aggregate that may hold values: add the header line 'loses:', what and why.
"""
_VERIFY = """\
-- what: what up.sql makes is there, and what it drops is gone
-- @expect up.sql
"""
_TEMPLATES: dict[Part, str] = {"up": _UP, "down": _DOWN, "verify": _VERIFY}


@dataclass(frozen=True)
class Place:
    """Where a new revision goes."""

    revision: str
    folder: str


def next_place(root: Path, release: str | None = None) -> Place:
    """Where the next revision goes, for where the chain stands.

    The number follows the head's. After a release a new hundred begins, in a folder that bears the
    next version, ``r2_1``; until then the head's folder goes on.

    :param release: the version that will release it, where it is not the next minor one.

    Raises :class:`RevisionDraftError` when the folder is full, or bears another version.
    """
    head = steps_to(root)[-1]
    releases = read_releases(root)
    number = int(head.revision)
    if not releases or releases[-1].revision != head.revision:
        folder = head.phase
        if release is not None and folder != folder_of(release):
            raise RevisionDraftError(
                f"The revisions that are not released yet are in {folder}, not in "
                f"{folder_of(release)}.",
                hint="Release them first, or leave the version out",
            )
        number += 1
        if number % GROUP == 0:
            raise RevisionDraftError(
                f"{folder} has no number left.", hint="Release what is there, then go on"
            )
    else:
        folder = folder_of(release or _next_version(releases[-1]))
        if (root / "alembic" / "versions" / folder).exists():
            raise RevisionDraftError(
                f"{folder} is released.", hint="Give a higher version, as --release 2.3"
            )
        number = (number // GROUP + 1) * GROUP + 1
    return Place(f"{number:04d}", folder)


def folder_of(version: str) -> str:
    """The folder of a version's revisions: ``r2_1`` for 2.1. Raises :class:`RevisionDraftError`."""
    folder = f"r{version.replace('.', '_')}"
    if not RELEASE_FOLDER.fullmatch(folder):
        raise RevisionDraftError(f"{version!r} is not a version.", hint="Write it as 2.1 or 2.1.1")
    return folder


def _next_version(release: Release) -> str:
    major, minor, *_ = release.version.split(".")
    return f"{major}.{int(minor) + 1}"


def place_revision(context: ModuleType) -> None:
    """Give the revision that ``alembic revision`` is about to write its number and folder.

    :param context: the module ``alembic.context``, in that command. No database is needed: Alembic
        wants one to look at, and gets an empty one in memory.
    """
    root = Path(context.script.dir).resolve().parent
    if getattr(context.config.cmd_opts, "autogenerate", False):
        raise RevisionDraftError(
            "Alembic has no models here to draft a revision from.",
            hint='Edit schema_new/, then run: setu revision "add spindle hours"',
        )

    def place(_context: Any, _revision: Any, directives: list[Any]) -> None:
        [script] = directives
        if not any(character.isalnum() for character in script.message or ""):
            raise RevisionDraftError(
                "The revision has no message.", hint='Say what changes: -m "add spindle hours"'
            )
        if re.search("[\ud800-\udfff]", script.message):
            raise RevisionDraftError("The message is not UTF-8.", hint="Give it in UTF-8")
        if "\\" in script.message or '"""' in script.message:
            raise RevisionDraftError(
                "The message has a backslash or three quotation marks, which end or change the "
                "docstring that it becomes.",
                hint="Leave them out",
            )
        where = next_place(root, context.config.attributes.get(RELEASE))
        script.rev_id = where.revision
        context.script.file_template = f"{where.folder}/%(rev)s_%(slug)s"

    with create_engine("sqlite://").connect() as connection:
        context.configure(connection=connection, process_revision_directives=place)
        with context.begin_transaction():
            context.run_migrations()


@write_hooks.register(HOOK)
def write_step(revision_file: str, options: dict[str, Any]) -> None:
    """Write the SQL files of a new revision. Called by Alembic."""
    del options
    step = Step.of_revision_file(revision_file)
    first = Path(revision_file).read_text(encoding="utf-8").partition("\n")[0]
    message = first.strip('"').rstrip(".")
    message = message[:1].lower() + message[1:]
    step.directory.mkdir(parents=True)
    for part in PARTS:
        text = _TEMPLATES[part].format(message=message, open=OPEN)
        (step.directory / f"{part}.sql").write_text(text, encoding="utf-8", newline="\n")
