"""The schema of a released revision, as it ships: ``sql/catalogs/<revision>.json``.

It holds the files of ``schema_new/`` as they were, so that a database at that revision can be
compared with them without a second one, under any settings, and a downgrade can restore old texts.
A file names the steps that made it; one that is older than its steps is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from setu.catalog.parsing.pieces import SourceFile

FOLDER: Final = Path("sql") / "catalogs"
FORMAT: Final = 1


def catalog_file(root: Path, revision: str) -> Path:
    """Where the schema of a revision lies."""
    return root / FOLDER / f"{revision}.json"


def read_files(root: Path, revision: str, made_by: str | None = None) -> list[SourceFile] | None:
    """The schema files of a revision; None if there are none, or if other steps made them.

    :param made_by: digest of the steps up to the revision; any by default.
    """
    path = catalog_file(root, revision)
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    if made_by is not None and document["made_by"] != made_by:
        return None
    return [SourceFile(name, "\n".join(lines)) for name, lines in document["files"].items()]


def write_files(root: Path, revision: str, made_by: str, files: Iterable[SourceFile]) -> Path:
    """Write the schema files of a revision, line by line, so that a change is one changed line."""
    path = catalog_file(root, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT,
        "made_by": made_by,
        "files": {file.name: file.text.split("\n") for file in files},
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
