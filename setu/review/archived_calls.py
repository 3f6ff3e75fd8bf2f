"""What a table calls that is dropped together with it.

A table that goes is archived with its rows, and keeps its checks, defaults, indexes and triggers:
PostgreSQL then refuses to drop a function or a sequence that one of them calls. So such a part goes
before the table is archived, and comes back once the table is where it was.
"""

from __future__ import annotations

from collections.abc import Collection

from setu.catalog import Catalog, ObjectKey
from setu.catalog.names import quote_ident, split_name
from setu.review.bound import names


def parts_that_call(catalog: Catalog, table: str, called: Collection[str]) -> list[ObjectKey]:
    """The parts of a table that call one of these functions or sequences, columns last."""
    found = [
        key
        for key, fields in catalog.objects.items()
        if _table_of(catalog, key) == table
        and any(names(_expression(catalog, key), name) for name in called)
        and not fields.get("constraint")
    ]
    return sorted(found, key=lambda key: key.kind == "column")


def is_computed(catalog: Catalog, key: ObjectKey) -> bool:
    """Whether a part is a generated column: it cannot be without its expression for a while."""
    return bool(catalog.objects[key].get("generated"))


def without(catalog: Catalog, key: ObjectKey) -> str:
    """The statement that takes a part off its table."""
    table, part = _table_of(catalog, key), _last(key)
    if key.kind == "index":
        return f"DROP INDEX {key.name}"
    if key.kind == "trigger":
        return f"DROP TRIGGER {part} ON {table}"
    if key.kind == "constraint":
        return (
            f"ALTER TABLE {table}\n    -- It calls what is not there while the table is archived."
            f"\n    -- squawk-ignore ban-drop-constraint\n    DROP CONSTRAINT {part}"
        )
    return f"ALTER TABLE {table}\n    ALTER COLUMN {part} DROP DEFAULT"


def again(catalog: Catalog, key: ObjectKey) -> str:
    """The statement that gives a check or a default back."""
    table, part, fields = _table_of(catalog, key), _last(key), catalog.objects[key]
    if key.kind == "constraint":
        return f"ALTER TABLE {table}\n    ADD CONSTRAINT {part} {fields['definition']}"
    return f"ALTER TABLE {table}\n    ALTER COLUMN {part} SET DEFAULT {fields['default']}"


def columns_of_type(catalog: Catalog, tables: Collection[str], kind: str) -> list[ObjectKey]:
    """The columns of these tables that have a type."""
    return [
        key
        for key, fields in catalog.objects.items()
        if key.kind == "column"
        and _table_of(catalog, key) in tables
        and names(str(fields.get("type", "")), kind)
    ]


def _table_of(catalog: Catalog, key: ObjectKey) -> str:
    if key.kind == "index":
        return str(catalog.objects[key].get("table", ""))
    if key.kind in ("column", "constraint", "trigger"):
        return key.name[: len(key.name) - len(_last(key)) - 1]
    return ""


def _last(key: ObjectKey) -> str:
    return quote_ident(split_name(key.name)[-1])


def _expression(catalog: Catalog, key: ObjectKey) -> str:
    fields = catalog.objects[key]
    return " ".join(str(fields.get(name, "")) for name in ("definition", "default", "generated"))
