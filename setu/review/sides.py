"""The sides of a comparison: a folder, a git revision, a release, a database, a catalog file."""

from __future__ import annotations

from pathlib import Path

from setu.catalog import Catalog
from setu.catalog.parsed import files_below, parse_schema
from setu.chain.settings import Settings


def folder_catalog(folder: Path, settings: Settings | None = None) -> Catalog:
    """The catalog that a schema folder makes, without a server."""
    chosen = settings or Settings()
    return parse_schema(
        files_below(folder), settings=chosen.session_settings(), edition=chosen.edition
    )
