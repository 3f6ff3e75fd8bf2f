"""What PostgreSQL binds to the columns, views and functions that it reads.

A view, an aggregate, and a function whose body is SQL of its own (``BEGIN ATOMIC``, ``RETURN``)
hold what they read: that cannot go or change its type while they are there. So does a function
that takes or gives rows of a view. Such objects go first, and come back last, each after those
that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from setu.catalog import Catalog, ObjectKey
from setu.review.changes import SchemaChange

_ROUTINES: Final = ("function", "procedure")
_VIEWS: Final = ("view", "continuous aggregate")
_SQL_BODY: Final = re.compile(r"(BEGIN ATOMIC|RETURN)\b")
_SIGNATURE: Final = frozenset({"arguments", "result"})


def label(key: ObjectKey) -> str:
    """The name by which others read an object: of a function without its arguments."""
    return key.name.partition("(")[0]


def is_bound(catalog: Catalog, key: ObjectKey) -> bool:
    """Whether PostgreSQL knows what the object reads. Of an aggregate, its own view is not."""
    if key.kind == "view":
        return ObjectKey("continuous aggregate", key.name) not in catalog.objects
    if key.kind in _ROUTINES:
        return _SQL_BODY.match(_body(catalog, key)) is not None
    return key.kind == "continuous aggregate"


def reads(catalog: Catalog, key: ObjectKey, name: str) -> bool:
    """Whether an object is bound to another of that name."""
    return names(bound_text(catalog, key), name)


def bound_text(catalog: Catalog, key: ObjectKey) -> str:
    """What an object says of others that PostgreSQL binds it to; empty for a table."""
    if key.kind not in (*_ROUTINES, *_VIEWS):
        return ""
    fields = catalog.objects[key]
    signature = f"{fields.get('result', '')} {fields.get('arguments', '')} "
    return signature + (_own_text(catalog, key) if is_bound(catalog, key) else "")


def in_order(catalog: Catalog, keys: Iterable[ObjectKey]) -> list[ObjectKey]:
    """These objects of a catalog, each after those that it reads."""
    there = sorted(key for key in keys if key in catalog.objects)
    return in_order_of_texts({key: bound_text(catalog, key) for key in there})


def in_order_of_texts(texts: Mapping[ObjectKey, str]) -> list[ObjectKey]:
    """Objects, each after those that its text names."""
    left = list(texts)
    ordered: list[ObjectKey] = []
    while left:
        ready = [
            key for key in left if not any(names(texts[key], label(o)) for o in left if o != key)
        ] or left
        ordered += ready
        left = [key for key in left if key not in ready]
    return ordered


def objects_in_the_way(
    before: Catalog, after: Catalog, changes: Sequence[SchemaChange]
) -> set[ObjectKey]:
    """Bound objects of the side before that must go, for the changes to be made.

    They are those that change in a way that nothing can replace, those that read a column or a
    function that goes or changes its type, and all that read one of these.
    """
    found = {
        _former(before, change.key)
        for change in changes
        if _cannot_be_replaced(before, after, change)
    }
    for change in changes:
        found |= {
            key for key in before.objects if is_bound(before, key) and _holds(before, key, change)
        }
    grown = True
    while grown:
        more = {
            key
            for key in before.objects
            if key not in found and any(reads(before, key, label(o)) for o in found)
        }
        grown = bool(more)
        found |= more
    return found


def objects_made_last(
    after: Catalog, changes: Sequence[SchemaChange], gone: Iterable[ObjectKey]
) -> set[ObjectKey]:
    """Bound objects of the side after that are made once tables and columns have their final form.

    :param gone: what went because it was in the way; what has another signature now is found by
        its name.
    """
    names = {(key.kind, label(key)) for key in gone}
    found = {key for key in after.objects if (key.kind, label(key)) in names}
    new = []
    changed = {change.whole.name for change in changes if change.key.kind == "column"}
    for change in changes:
        key = change.key
        if key not in after.objects or change.facet:
            continue
        if change.action == "add" and key.kind in _ROUTINES:
            new.append(key)
        elif not is_bound(after, key):
            continue
        elif change.action == "add" or key.kind != "continuous aggregate":
            found.add(key)
    # A new function may be what a new table is checked with: it waits only for what it reads.
    for key in in_order(after, new):
        if any(reads(after, key, name) for name in (*changed, *map(label, found))):
            found.add(key)
    return found


def _cannot_be_replaced(before: Catalog, after: Catalog, change: SchemaChange) -> bool:
    kind = change.key.kind
    if kind in _ROUTINES:
        changed = change.action == "change" and _SIGNATURE & set(change.fields)
        return bool(changed) and is_bound(after, change.key)
    if kind not in _VIEWS or change.facet:
        return False
    if change.action == "drop":
        return True
    if change.action != "change":
        return False
    if kind == "continuous aggregate":
        return bool(set(change.fields) - {"materialized_only"})
    old, new = (list(side.objects[change.key].get("columns", ())) for side in (before, after))
    return new[: len(old)] != old


def _former(before: Catalog, key: ObjectKey) -> ObjectKey:
    """The object before; of a function with other arguments, the one of its name."""
    if key in before.objects:
        return key
    return next((k for k in before.objects if (k.kind, label(k)) == (key.kind, label(key))), key)


def _holds(before: Catalog, key: ObjectKey, change: SchemaChange) -> bool:
    """Whether a bound object keeps a change from being made."""
    goes = change.action == "drop" and not change.facet
    if change.key.kind == "column" and change.whole.kind == "table":
        retyped = {"type", "collation"} & set(change.fields)
        text = _own_text(before, key)
        column = change.key.name.rpartition(".")[2].strip('"')
        return bool((goes or retyped) and names(text, change.whole.name)) and (
            re.search(rf"\b{re.escape(column)}\b|\.\*|\bSELECT \*", text) is not None
        )
    if change.key.kind in _ROUTINES and (goes or _SIGNATURE & set(change.fields)):
        return label(key) != label(change.key) and names(_own_text(before, key), label(change.key))
    return False


def _own_text(catalog: Catalog, key: ObjectKey) -> str:
    return str(catalog.objects[key].get("definition", "")) + _body(catalog, key)


def _body(catalog: Catalog, key: ObjectKey) -> str:
    return "\n".join(catalog.objects[key].get("body") or ())


def names(text: str, name: str) -> bool:
    """Whether a text names an object."""
    return re.search(rf"(?<![\w.]){re.escape(name)}\b", text) is not None
