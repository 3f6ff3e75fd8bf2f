"""A catalog from SQL files, with PostgreSQL's own grammar and without a server.

It has the kinds, names and fields that :func:`setu.catalog.snapshot` gives of a database in which
the files were run, with three limits: columns of views have no type, expressions are as written,
and jobs have only what their calls say. ``setu.catalog.equivalence`` compares across the limits.

Files may come in any order: schemas and roles are taken first, then tables, then what builds on
them, and grants last. Sections and steps do not matter, only what the statements make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from setu.catalog.evaluate import Evaluator
from setu.catalog.model import Catalog, SourceText
from setu.catalog.parsing.blocks import BlockReader
from setu.catalog.parsing.grants import GrantReader
from setu.catalog.parsing.pieces import Piece, SourceFile, pieces_of, rank
from setu.catalog.parsing.routines import RoutineReader
from setu.catalog.parsing.tables import TableReader
from setu.catalog.parsing.timescale import TimescaleReader
from setu.catalog.parsing.views import ViewReader


class _Statements(
    BlockReader, TableReader, RoutineReader, ViewReader, TimescaleReader, GrantReader
):
    """Takes statements of all kinds."""


def parse_schema(
    files: Iterable[SourceFile], *, settings: Mapping[str, str], edition: str = "community"
) -> Catalog:
    """The catalog that files make.

    :param files: in any order; the layer of ``<folder>/<layer>/…`` is a schema of its own accord.
    :param settings: session settings by full name, such as ``setu.bronze_chunk_interval``.
    :param edition: on another than ``community``, statements under ``-- @community`` are left out.

    The same files are parsed once a process. Raises :class:`SchemaSourceError`.
    """
    return _parsed(tuple(files), tuple(sorted(settings.items())), edition)


@lru_cache(maxsize=32)
def _parsed(
    files: tuple[SourceFile, ...], settings: tuple[tuple[str, str], ...], edition: str
) -> Catalog:
    reader = _Statements(Evaluator(dict(settings)))
    pieces: list[Piece] = []
    layers: dict[str, str] = {}
    for file in files:
        if file.name.count("/") > 1:
            layers.setdefault(file.name.split("/")[1], file.name)
        pieces += [p for p in pieces_of(file) if edition == "community" or not p.source.community]
    # Stable: within a rank the order of the files holds.
    for piece in sorted(pieces, key=lambda p: rank(p.node)):
        reader.take(piece)
    for layer, name in layers.items():
        reader.schema(layer, SourceText(name, 1, "", ""))
    return reader.catalog()
