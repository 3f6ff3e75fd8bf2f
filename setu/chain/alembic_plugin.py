"""What the program ``alembic`` needs of us before it reads anything.

It reads ``alembic.ini`` also in a folder whose path has a percent sign, and warns of two revisions
with one number as SETU does: its ``heads``, ``branches`` and ``show`` run no environment.

In ``%(here)s``, which stands for that folder, Alembic takes a percent sign for the beginning of
another name. It loads this module as a plugin before it reads the file, and finds a copy then that
has the path written out. ``setu`` itself needs no copy.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "ALEMBIC_CONFIG"
_OPTIONS: Final = ("-c", "--config")
_AS_BEFORE: Final = warnings.formatwarning
LET_ONE_FOLLOW: Final = "Let the later one follow the other: CONTRIBUTING.md, two revisions at once"


def setup(plugin: object) -> None:
    """What Alembic calls when it loads the plugin."""
    if _is_alembic(sys.argv, sys.orig_argv):
        sys.argv[1:] = with_readable_config(sys.argv[1:], os.environ)
        warnings.formatwarning = _formatted


def _formatted(message: Warning | str, *place: Any, **line: Any) -> str:
    """A warning for people, without the place in Alembic's source that gives it."""
    if "is present more than once" not in str(message):
        return _AS_BEFORE(message, *place, **line)
    return f"{message}.\nWhat to do: {LET_ONE_FOLLOW}\n"


def _is_alembic(arguments: list[str], original: list[str]) -> bool:
    """Whether the program is Alembic's own. Of ``python -m`` the name is not known yet."""
    name = arguments[0] if arguments else ""
    if name == "-m":
        return "alembic" in original[original.index("-m") + 1 :][:1]
    return Path(name).stem == "alembic"


def with_readable_config(arguments: list[str], environment: os._Environ[str]) -> list[str]:
    """The command line, so that Alembic can read the file that it names.

    Where it names none, the variable ``ALEMBIC_CONFIG`` is set. Nothing changes where the path has
    no percent sign.
    """
    given = list(arguments)
    for place, word in enumerate(given):
        option, equals, path = word.partition("=")
        if option in _OPTIONS and equals and path.endswith(".ini"):
            given[place] = f"{option}={_readable(Path(path))}"
            return given
        if word in _OPTIONS and given[place + 1 : place + 2] and given[place + 1].endswith(".ini"):
            given[place + 1] = str(_readable(Path(given[place + 1])))
            return given
    path = environment.get(VARIABLE) or "alembic.ini"
    readable = _readable(Path(path))
    if str(readable) != path:
        environment[VARIABLE] = str(readable)
    return given


def _readable(path: Path) -> Path:
    """The file itself, or a copy that is gone when the program ends."""
    folder = path.absolute().parent.as_posix()
    if "%" not in folder or not path.is_file():
        return path
    copy = Path(tempfile.mkdtemp(prefix="setu-alembic-")) / path.name
    atexit.register(shutil.rmtree, copy.parent, ignore_errors=True)
    text = path.read_text(encoding="utf-8")
    copy.write_text(text.replace("%(here)s", folder.replace("%", "%%")), encoding="utf-8")
    return copy
