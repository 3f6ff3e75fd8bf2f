"""Catalogs that ship with the chain, one a revision: ``sql/catalogs/<revision>.json``.

A file says by which steps it was made, so that one which is older than its steps is not believed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from setu.catalog.model import Catalog

FOLDER: Final = Path("sql") / "catalogs"


def catalog_file(root: Path, revision: str) -> Path:
    """Where the catalog of a revision lies."""
    return root / FOLDER / f"{revision}.json"


def read_catalog(root: Path, revision: str, made_by: str) -> Catalog | None:
    """The catalog of a revision; None if there is none, or if other steps made it.

    :param made_by: digest of the steps up to the revision.
    """
    path = catalog_file(root, revision)
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if json.loads(text).get("made_by") != made_by:
        return None
    return Catalog.from_json(text)


def write_catalog(root: Path, revision: str, made_by: str, catalog: Catalog) -> Path:
    """Write the catalog of a revision."""
    path = catalog_file(root, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = catalog.to_json().replace("{", f'{{"made_by": {json.dumps(made_by)},\n ', 1)
    path.write_text(text, encoding="utf-8")
    return path
