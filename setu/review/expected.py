"""What a database at a revision should have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from setu.catalog import Catalog, Difference, ObjectKey, differences
from setu.catalog.difference import Change
from setu.catalog.released import FOLDER, read_catalog, write_catalog
from setu.chain.repository import steps_to
from setu.chain.settings import Settings
from setu.db.address import Address
from setu.review.scratch import SERVER_KINDS, chain_catalog
from setu.review.sides import folder_catalog


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
    root: Path, revision: str, settings: Settings, scratch: Address | None
) -> Expected:
    """The catalog that a database has at a revision.

    It comes from a file that ships with the chain; at head, where there is none that is up to date,
    from ``schema_new/``; else from a scratch database on the server of ``scratch``.
    """
    head = steps_to(root)[-1].revision
    shipped = read_catalog(root, revision, steps_digest(root, revision))
    if revision == head:
        if shipped is None:
            return Expected(folder_catalog(root / "schema_new", settings), "schema_new/")
        shipped = _with_settings(shipped, root / "schema_new", settings)
    later = frozenset(
        key
        for key in (folder_catalog(root / "schema_new") if revision != head else Catalog())
        if key.kind in SERVER_KINDS
    )
    if shipped is not None and (revision == head or _is_default(settings)):
        return Expected(shipped, f"{FOLDER.as_posix()}/{revision}.json", later)
    if scratch is None:
        raise ValueError("a revision without a shipped catalog needs a scratch database")
    return Expected(
        chain_catalog(scratch, root, revision, settings),
        "the chain, run in a scratch database",
        later,
    )


def freeze_catalog(root: Path, revision: str, server: Address) -> Path:
    """Write the catalog of a revision, as it ships, from a scratch database on a server."""
    catalog = chain_catalog(server, root, revision, Settings())
    return write_catalog(root, revision, steps_digest(root, revision), catalog)


def _is_default(settings: Settings) -> bool:
    return settings.session_settings() == Settings().session_settings()


def _with_settings(catalog: Catalog, folder: Path, settings: Settings) -> Catalog:
    """A catalog made under the defaults, as the settings and the edition given would leave it."""
    if _is_default(settings):
        return catalog
    found = differences(folder_catalog(folder), folder_catalog(folder, settings))
    other = folder_catalog(folder, settings)
    objects = dict(catalog.objects)
    for entry in found:
        _apply(objects, entry, other.objects)
    return replace(catalog, objects=objects)


def _apply(
    objects: dict[ObjectKey, Mapping[str, Any]],
    entry: Difference,
    other: Mapping[ObjectKey, Mapping[str, Any]],
) -> None:
    if entry.change is Change.MISSING:
        objects.pop(entry.key, None)
    elif entry.change is Change.UNEXPECTED:
        objects[entry.key] = other[entry.key]
    elif entry.key in objects:
        fields = {**objects[entry.key], **{name: new for name, (_, new) in entry.fields.items()}}
        objects[entry.key] = {name: value for name, value in fields.items() if value is not None}
