"""The sides of a comparison: a folder, a git revision, a release, a database, a catalog file."""

from __future__ import annotations

from pathlib import Path

from setu.catalog import Catalog
from setu.catalog.parsed import SourceFile, files_below, parse_schema
from setu.chain.fresh import fresh_statements
from setu.chain.settings import Settings


def folder_catalog(root: Path, folder: str, settings: Settings | None = None) -> Catalog:
    """The catalog that a schema folder of a repository makes, without a server."""
    chosen = settings or Settings()
    files = files_below(root / folder)
    if folder == "schema_new":
        # The chain makes the schemas themselves.
        files += [
            SourceFile(statement.origin.file, statement.text)
            for statement in fresh_statements(root, chosen.edition)
            if not statement.origin.file.startswith("schema_new/")
        ]
    return parse_schema(files, settings=chosen.session_settings(), edition=chosen.edition)
