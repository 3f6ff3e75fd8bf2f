"""The functions of ``_archive``: state lies there, but they are code, and the way back runs them.

They are compared at the head alone. A downgrade keeps the archive, so at an earlier revision they
may be of a later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from typing import Final

from pglast import ast, parse_sql
from sqlalchemy import Connection

from setu.catalog import Catalog, Difference, ObjectKey, differences
from setu.catalog.names import parts_of, type_text
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import SourceFile
from setu.catalog.snapshot import snapshot
from setu.chain.settings import Settings
from setu.chain.step import Step

SCHEMA: Final = "_archive"
_KINDS: Final = ("function", "procedure")
_MAKES: Final = (f"FUNCTION {SCHEMA}.", f"PROCEDURE {SCHEMA}.")


def changed_functions(
    connection: Connection, steps: Sequence[Step], settings: Settings, owner: str
) -> list[Difference]:
    """The functions that are not as the last step that made them has them.

    One that is missing is none: a database that was made new, or whose archive was dropped, has no
    way back to v1.

    :param owner: the role that owns all that the chain made.
    """
    made = dict(_made(steps, settings))
    text = "\n".join([f"CREATE SCHEMA {SCHEMA};", *made.values()])
    wanted = parse_schema([SourceFile("sql", text)], settings=settings.session_settings())
    live = snapshot(connection, schemas=[SCHEMA], owner=owner)
    both = wanted.objects.keys() & live.objects.keys()
    return differences(_functions(wanted, both), _functions(live, both))


def _made(steps: Sequence[Step], settings: Settings) -> Iterator[tuple[str, str]]:
    """The statements that make a function there, by its name and the types of its arguments."""
    for step in steps:
        for statement in step.script("up").statements(settings.edition):
            if not any(words in statement.text for words in _MAKES):
                continue
            node = parse_sql(statement.text)[0].stmt
            if isinstance(node, ast.CreateFunctionStmt):
                name = parts_of(node.funcname)
                types = [type_text(p.argType) for p in node.parameters or ()]
                if name[0] == SCHEMA:
                    yield f"{name[-1]}{types}", f"{statement.text};"


def _functions(catalog: Catalog, keys: Set[ObjectKey]) -> Catalog:
    """Those that are named, without their comments."""
    kept = {
        key: {name: value for name, value in fields.items() if name != "comment"}
        for key, fields in catalog.objects.items()
        if key in keys and key.kind in _KINDS
    }
    return replace(catalog, objects=kept)
