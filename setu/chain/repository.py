"""The repository: where it is, and its revisions in the order of the chain.

Alembic is imported where it is needed: what only reads files does not wait for it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import setu
from setu.chain.alembic_plugin import LET_ONE_FOLLOW
from setu.chain.step import Step
from setu.errors import RevisionStateError, SetuError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

#: From here on v2's tables have the names that v1's had.
SWAP_REVISION = "0107"


def repository_root() -> Path:
    """The folder with ``alembic.ini`` and the chain: the one at hand, else what setu ships.

    Raises :class:`SetuError` where neither is there.
    """
    for folder in (Path.cwd(), shipped_root()):
        if (folder / "alembic.ini").is_file() and (folder / "sql").is_dir():
            return folder
    raise SetuError(
        "There is no chain here: neither in this folder nor in the installed package.",
        hint="Run setu in the repository's folder, or install its wheel",
    )


def shipped_root() -> Path:
    """The folder that this installation came with: a checkout's own, or the wheel's."""
    package = Path(setu.__file__).resolve().parent
    in_wheel = package / "repository"
    return in_wheel if in_wheel.is_dir() else package.parent


def alembic_config(root: Path) -> Config:
    """Alembic's configuration of a repository."""
    from alembic.config import Config

    config = Config(str(root / "alembic.ini"))
    # In %(here)s Alembic takes a percent sign of the path for the beginning of a name.
    defaults: Any = config.file_config.defaults()
    defaults["here"] = root.as_posix().replace("%", "%%")
    return config


def head_of(root: Path) -> str:
    """The last revision of the chain. Raises :class:`RevisionStateError` when there are two."""
    return steps_to(root)[-1].revision


def steps_to(root: Path, revision: str = "head") -> list[Step]:
    """The steps from the first revision up to and with ``revision``, in order.

    Raises :class:`RevisionStateError` when the chain has no such revision, or two heads.
    """
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    directory = ScriptDirectory.from_config(alembic_config(root))
    try:
        refuse_two_heads(root, directory)
        scripts = list(directory.iterate_revisions(revision, "base"))
    except (CommandError, RevisionError) as error:
        raise RevisionStateError(
            f"The chain has no revision {revision}.",
            context=[str(error)],
            hint="`alembic history` lists them",
        ) from error
    return [Step.of_revision_file(script.path) for script in reversed(scripts)]


def refuse_two_heads(root: Path, directory: ScriptDirectory) -> None:
    """Raise :class:`RevisionStateError` where two revisions have one number, or are both the last.

    The same where a revision's file cannot be read as Python.

    Of two with one number Alembic takes either, and says so in a warning.
    """
    steps: dict[str, list[str]] = {}
    for path in sorted((root / "alembic" / "versions").glob("*/*.py")):
        step = Step.of_revision_file(path)
        steps.setdefault(step.revision, []).append(step.name)
    twice = [name for names in steps.values() if len(names) > 1 for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            last = directory.get_heads()
        except SyntaxError as error:
            raise RevisionStateError(
                f"A revision file is no Python: {error.msg}.",
                context=[f"At {error.filename}:{error.lineno}"],
                hint="Correct it, or take back the last change to it",
            ) from None
        heads = [name for head in last for name in steps.get(head, [head])]
    if twice or len(heads) > 1:
        raise RevisionStateError(
            "Two revisions have one number." if twice else "The chain has two heads.",
            context=twice or heads,
            hint=LET_ONE_FOLLOW,
        )
