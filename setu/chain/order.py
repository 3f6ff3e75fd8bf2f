"""The order in which ``schema_new/`` makes v2 in an empty database.

The order follows from what is written there. A section needs the sections above it in its file,
the one that makes its schema, and the first section of each file whose object its statements name.
Among sections that need nothing more, the kind decides (schemas and roles, tables, what tables
consist of, code, rights, rows, jobs), then the path. The body of a PL/pgSQL routine needs nothing:
it is read when the routine is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from pglast import ast, parse_sql

from setu.chain.header import Header
from setu.chain.script import COMMENTS, Script, read_sql, scan
from setu.chain.sections import Section, read_sections
from setu.errors import StepError

FOLDER = "schema_new"
#: Folders whose files are not v2: tables of the gateways, and the state that the way back needs.
NOT_V2 = ("Source Templates", "_archive")
#: Sections of a table and rows come at fixed places; all others are code.
_FIRST = ("schemas", "etl", "roles", "table", "identity", "hypertable", "indexes")
#: Rights come before the column store: TimescaleDB cannot grant a column of a compressed hypertable
#: that its internal table lacks.
_LAST = ("refresh", "grants", "column_store", "policy", "seed")
_NAME = re.compile(r"\b([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)")


def schema_files(root: Path) -> list[str]:
    """The files of ``schema_new/`` that make v2, sorted, named from the root."""
    return [
        path.relative_to(root).as_posix()
        for path in sorted((root / FOLDER).rglob("*.sql"))
        if path.parent.name not in NOT_V2
    ]


def schema_sections(root: Path) -> list[Section]:
    """All sections of ``schema_new/``, by file. Raises :class:`StepError`."""
    files = schema_files(root)
    return [s for file in files for s in read_sections(read_sql(root / file, file), file)]


def script_of(section: Section) -> Script:
    """A section as a script, without a header."""
    return Script(section.file, section.text + "\n", tuple(section.origins()), Header({}))


def sections_in_order(root: Path) -> list[Section]:
    """The sections of ``schema_new/`` in the order in which an empty database takes them.

    Raises :class:`StepError` when sections need each other in a circle.
    """
    sections = schema_sections(root)
    needs = _needs(sections)
    waiting = {number: set(needed) for number, needed in enumerate(needs)}
    ready: list[tuple[int, str, int]] = []
    for number, needed in waiting.items():
        if not needed:
            heappush(ready, (*_rank(sections[number]), number))
    ordered: list[Section] = []
    while ready:
        done = heappop(ready)[-1]
        ordered.append(sections[done])
        del waiting[done]
        for number, needed in waiting.items():
            if done in needed:
                needed.discard(done)
                if not needed:
                    heappush(ready, (*_rank(sections[number]), number))
    if waiting:
        raise StepError(
            "Sections of schema_new/ need each other, so none of them can come first.",
            context=[
                f"{sections[number].label} needs "
                + ", ".join(sections[other].label for other in sorted(needed))
                for number, needed in waiting.items()
            ],
            hint="Move what closes the circle into a section of its own",
        )
    return ordered


def _rank(section: Section) -> tuple[int, str]:
    if section.name in _FIRST:
        rank = _FIRST.index(section.name)
    elif section.name in _LAST:
        rank = len(_FIRST) + 1 + _LAST.index(section.name)
    elif section.file.endswith("/jobs.sql"):
        rank = len(_FIRST) + 1 + len(_LAST)
    else:
        rank = len(_FIRST)
    return rank, section.file


def _needs(sections: list[Section]) -> list[set[int]]:
    """What each section needs, as numbers of sections."""
    first: dict[str, int] = {}
    for number, section in enumerate(sections):
        first.setdefault(section.file, number)
    objects = {_object(file): number for file, number in first.items()}
    jobs = {number for number, s in enumerate(sections) if s.file.endswith("/jobs.sql")}
    layers = {name: number for number, s in enumerate(sections) for name in _schemas_made(s)}
    needs: list[set[int]] = []
    for number, section in enumerate(sections):
        needed = {objects[name] for name in _names(section) if name in objects}
        if _layer(section.file) in layers:
            needed.add(layers[_layer(section.file)])
        needed.discard(first[section.file])
        if number > first[section.file] and number not in jobs:
            needed.add(number - 1)
        needs.append(needed)
    return needs


def _layer(file: str) -> str:
    return file.removeprefix(f"{FOLDER}/").partition("/")[0]


def _object(file: str) -> str:
    return f"{_layer(file)}.{Path(file).stem}"


def _schemas_made(section: Section) -> list[str]:
    """The schemas that a section of a file that belongs to no layer makes."""
    if "/" in section.file.removeprefix(f"{FOLDER}/"):
        return []
    nodes: list[Any] = [
        parse_sql(statement.text)[0].stmt for statement in script_of(section).all_statements
    ]
    return [str(node.schemaname) for node in nodes if isinstance(node, ast.CreateSchemaStmt)]


def _names(section: Section) -> Iterator[str]:
    """What the statements of a section name, ``schema.object``, as far as it must exist."""
    for statement in script_of(section).all_statements:
        node: Any = parse_sql(statement.text)[0].stmt
        late = isinstance(node, ast.CommentStmt) or _language(node) == "plpgsql"
        skipped = (*COMMENTS, "SCONST") if late else COMMENTS
        text = " ".join(
            statement.text[token.start : token.end + 1]
            for token in scan(statement.text, section.file)
            if token.name not in skipped
        )
        yield from (".".join(match) for match in _NAME.findall(text.replace(" . ", ".")))


def _language(node: Any) -> str:
    if not isinstance(node, ast.CreateFunctionStmt):
        return ""
    for option in node.options or ():
        if option.defname == "language":
            return str(option.arg.sval)
    return "sql"
