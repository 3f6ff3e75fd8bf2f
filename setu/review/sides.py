"""The sides of a comparison: a folder, a git revision, a release, a database, a catalog file.

What only one kind of side needs is imported for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from setu.catalog import Catalog
from setu.catalog.model import CatalogFormatError
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import SourceFile, files_below
from setu.catalog.released import read_files
from setu.chain.releases import read_releases
from setu.chain.settings import Settings
from setu.errors import SetuError

DEFAULT_FOLDER = "schema_new"
_REVISION = re.compile(r"[0-9]{4}")
_SIDES = (
    "Give a folder, a git revision or tag (with :folder), a revision of the chain, an "
    "address, or a file of `setu catalog snapshot`"
)


class SideError(SetuError):
    """What is given is none of the things that can be compared."""


def folder_catalog(folder: Path, settings: Settings | None = None) -> Catalog:
    """The catalog that a schema folder makes, without a server."""
    return files_catalog(files_below(folder), settings)


def files_catalog(files: Sequence[SourceFile], settings: Settings | None = None) -> Catalog:
    """The catalog that schema files make, without a server."""
    chosen = settings or Settings()
    return parse_schema(files, settings=chosen.session_settings(), edition=chosen.edition)


def read_side(text: str, root: Path, settings: Settings | None = None) -> Catalog:
    """The catalog of one side of a comparison.

    :param text: in this order of belief: an address, a catalog file (``.json``), a folder, a
        release or its revision (``2.0``, ``0503``), or a git revision or tag, with ``:folder``
        (``schema_new`` where none is given).

    Raises :class:`SideError`.
    """
    if "://" in text:
        from setu.catalog.snapshot import snapshot
        from setu.db.address import Address
        from setu.db.connection import connected

        address = Address.parse(text, source="The address")
        with connected(address, "diff") as connection:
            return snapshot(connection)
    if not text:
        raise SideError("A side of the comparison is empty.", hint=_SIDES)
    path = Path(text) if Path(text).exists() else root / text
    if path.is_file():
        return _file_catalog(path)
    if path.is_dir():
        return _schema_catalog(files_below(path.resolve()), text, settings)
    for release in read_releases(root):
        text = release.revision if text in (release.version, f"v{release.version}") else text
    files = read_files(root, text) if _REVISION.fullmatch(text) else None
    if files is not None:
        return files_catalog(files, settings)
    return _git_catalog(text, root, settings)


def _git_catalog(text: str, root: Path, settings: Settings | None) -> Catalog:
    import io
    import subprocess
    import tarfile
    import tempfile

    revision, _, folder = text.partition(":")
    folder = folder.strip("/") or DEFAULT_FOLDER
    command = ["git", "-C", str(root), "archive", "--format=tar", revision, "--", folder]
    try:
        packed = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        raise SideError(
            f"{text} is nothing that can be compared.",
            context=[said.decode(errors="replace").strip()],
            hint=_SIDES,
        ) from error
    with (
        tempfile.TemporaryDirectory() as place,
        tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive,
    ):
        # Git has no path that leads out of the folder. `extractall(filter=…)` came with 3.11.4.
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and member.isfile():
                file = Path(place) / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())
        return _schema_catalog(files_below(Path(place) / folder), text, settings)


def _file_catalog(path: Path) -> Catalog:
    try:
        return Catalog.from_json(path.read_text(encoding="utf-8"))
    except (CatalogFormatError, UnicodeDecodeError, OSError) as error:
        raise SideError(
            f"{path} is no catalog snapshot that can be read.",
            context=error.context if isinstance(error, CatalogFormatError) else [str(error)],
            hint="Write it again with: setu catalog snapshot --out FILE",
        ) from error


def _schema_catalog(files: Sequence[SourceFile], text: str, settings: Settings | None) -> Catalog:
    # Against a folder without SQL all of the other side would have been made or dropped.
    if not files:
        raise SideError(f"{text} is a folder without SQL files of a schema.", hint=_SIDES)
    return files_catalog(files, settings)
