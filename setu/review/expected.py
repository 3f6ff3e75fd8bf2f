"""What a database at a revision should have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from setu.catalog import Catalog, ObjectKey
from setu.catalog.parsing.pieces import files_below
from setu.catalog.released import FOLDER, read_files, write_files
from setu.chain.repository import steps_to
from setu.chain.settings import Settings
from setu.review.scratch import SERVER_KINDS, ScratchServer, chain_catalog
from setu.review.sides import files_catalog, folder_catalog


@dataclass(frozen=True)
class Expected:
    """A catalog, and where it comes from, for people.

    ``later`` are roles, and settings of roles, that a later revision makes: another database of the
    same server may be there already.
    """

    catalog: Catalog
    source: str
    later: frozenset[ObjectKey] = frozenset()


def steps_digest(root: Path, revision: str) -> str:
    """SHA-256 of all that the steps up to a revision run."""
    digest = hashlib.sha256()
    for step in steps_to(root, revision):
        digest.update(f"{step.name} {step.script('up').sha256}\n".encode())
    return digest.hexdigest()


def expected_catalog(
    root: Path, revision: str, settings: Settings, scratch: ScratchServer | None
) -> Expected:
    """The catalog that a database has at a revision.

    It comes from a file that ships with the chain; at head, where there is none that is up to date,
    from ``schema_new/``; else from a scratch database on the server of ``scratch``.
    """
    head = steps_to(root)[-1].revision
    files = read_files(root, revision, steps_digest(root, revision))
    later = frozenset(
        key
        for key in (folder_catalog(root / "schema_new") if revision != head else Catalog())
        if key.kind in SERVER_KINDS
    )
    if files is not None:
        source = f"{FOLDER.as_posix()}/{revision}.json"
        return Expected(files_catalog(files, settings), source, later)
    if revision == head:
        return Expected(folder_catalog(root / "schema_new", settings), "schema_new/")
    if scratch is None:
        raise ValueError("a revision without a shipped catalog needs a scratch database")
    return Expected(
        chain_catalog(scratch, root, revision, settings),
        "the chain, run in a scratch database",
        later,
    )


def freeze_catalog(root: Path) -> Path:
    """Write the schema of the head as it ships with a release."""
    head = steps_to(root)[-1].revision
    return write_files(root, head, steps_digest(root, head), files_below(root / "schema_new"))
