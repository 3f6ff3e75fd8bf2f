"""Compare two snapshots, object by object and field by field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from enum import Enum
from typing import Any, Final

from setu.catalog.equivalence import equivalent_text
from setu.catalog.model import Catalog, Description, ObjectKey, describe, render_field


class Change(Enum):
    """How an object differs."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """One object that is not as expected.

    ``fields`` maps the name of each field that differs to its expected and its actual value, None
    where it has none; empty unless the object is changed. ``description`` is the whole object where
    it is missing or unexpected.
    """

    key: ObjectKey
    change: Change
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    description: Description = field(default_factory=dict, compare=False, repr=False)

    def render(self) -> str:
        """The difference for people: the object's name, then what was expected and what is."""
        lines = [f"{self.change.value}: {self.key}"]
        for name, (expected, actual) in self.fields.items():
            if isinstance(expected, list) and isinstance(actual, list) and len(expected) > 1:
                lines.append(f"    {name}:")
                expected_lines = [str(line) for line in expected]
                actual_lines = [str(line) for line in actual]
                diff = list(unified_diff(expected_lines, actual_lines, n=1, lineterm=""))[2:]
                lines.extend(f"        {line}".rstrip() for line in diff)
            else:
                lines.extend(_side(name, "expected", expected) + _side(name, "found", actual))
        return "\n".join(lines)


def differences(
    expected: Catalog,
    actual: Catalog,
    *,
    ignore_kinds: Iterable[str] = (),
    every_setting: bool = False,
) -> list[Difference]:
    """What differs, ordered by kind and name; empty when the two are the same.

    :param ignore_kinds: kinds of objects that are not compared, such as ``role``.
    :param every_setting: whether the server should have every setting of a role that files make,
        also those that not every server knows.

    Where one side comes from files and the other from a server, what files do not say is not
    compared, and expressions are compared by what they mean.
    """
    ignored = frozenset(ignore_kinds)
    if expected.origin != actual.origin:
        across = _across(expected, actual, every_setting=every_setting)
        return [entry for entry in across if entry.key.kind not in ignored]
    found = []
    for key in sorted({*expected.objects, *actual.objects}):
        if key.kind in ignored:
            continue
        left, right = expected.objects.get(key), actual.objects.get(key)
        if left is None:
            found.append(Difference(key, Change.UNEXPECTED, description=right or {}))
        elif right is None:
            found.append(Difference(key, Change.MISSING, description=left))
        elif left != right:
            written = expected.origin == "files"
            changed = {
                name: (left.get(name), right.get(name))
                for name in sorted({*left, *right})
                if left.get(name) != right.get(name)
                and not (written and _reads_alike(name, left.get(name), right.get(name)))
            }
            if changed:
                found.append(Difference(key, Change.CHANGED, changed))
    return found


def applied(catalog: Catalog, found: Iterable[Difference]) -> Catalog:
    """The catalog after the differences are made in it: they alone say what the other side has."""
    objects = dict(catalog.objects)
    for entry in found:
        if entry.change is Change.MISSING:
            del objects[entry.key]
        elif entry.change is Change.UNEXPECTED:
            objects[entry.key] = entry.description
        else:
            fields = {**objects[entry.key]}
            fields.update({name: after for name, (_, after) in entry.fields.items()})
            objects[entry.key] = describe(fields)
    return replace(catalog, objects=objects)


def _across(expected: Catalog, actual: Catalog, *, every_setting: bool) -> list[Difference]:
    files, server = (expected, actual) if expected.origin == "files" else (actual, expected)
    found = []
    has_roles = any(key.kind == "role" for key in files)
    for key in sorted({*files.objects, *server.objects}):
        mine, theirs = files.objects.get(key), server.objects.get(key)
        if theirs is None:
            if (
                not every_setting
                and key.kind == "role setting"
                and _NOT_EVERYWHERE.search(key.name)
            ):
                continue
            side = Change.MISSING if files is expected else Change.UNEXPECTED
            found.append(Difference(key, side, description=mine or {}))
        elif mine is None:
            if not _beyond_files(key, has_roles=has_roles):
                side = Change.UNEXPECTED if files is expected else Change.MISSING
                found.append(Difference(key, side, description=theirs))
        else:
            fields = _fields_across(key, mine, theirs, _is_view_column(key, files))
            if files is not expected:
                fields = {name: (right, left) for name, (left, right) in fields.items()}
            if fields:
                found.append(Difference(key, Change.CHANGED, fields))
    return found


#: What a server adds or decides by its version, and no file says.
_DERIVED: Final = {"continuous aggregate": frozenset({"finalized"})}
#: TimescaleDB's name of an index of an aggregate, after the part that counts.
_NAME_OF_DEFAULT_INDEX: Final = re.compile(r"(<materialization>)_\w+")
#: Settings that not every supported server knows; files make them where there are.
_NOT_EVERYWHERE: Final = re.compile(r"^\w+\.(timescaledb\.|transaction_timeout )")
_ONLY_STATED: Final = frozenset({"job"})
#: These a job does not have unless its call says so.
_ADDED_TO_JOBS: Final = frozenset({"timezone", "check"})
_EXPRESSIONS: Final = frozenset({"definition", "default", "generated", "arguments", "body"})


def _beyond_files(key: ObjectKey, *, has_roles: bool) -> bool:
    """Whether an object comes with the database or the server, and not from schema files."""
    return (
        key.kind == "database setting"
        or (key.kind in ("role", "role setting", "membership") and not has_roles)
        or key == ObjectKey("schema", "public")
        or (key.kind == "privilege" and key.name.startswith(("schema public ", "database ")))
    )


def _is_view_column(key: ObjectKey, files: Catalog) -> bool:
    return key.kind == "column" and "type" not in files.objects[key]


def _fields_across(
    key: ObjectKey, files: Mapping[str, Any], server: Mapping[str, Any], view_column: bool
) -> dict[str, tuple[Any, Any]]:
    names = {*files, *server} - _DERIVED.get(key.kind, frozenset())
    if view_column:
        names = {"comment", "default"}
    elif key.kind in _ONLY_STATED:
        # A server has the instant that the expression gave, not the expression.
        names = {*files, *_ADDED_TO_JOBS} - {"starts"}
    changed = {}
    for name in sorted(names):
        left, right = files.get(name), server.get(name)
        if left == right:
            continue
        if (key.kind, name) == ("continuous aggregate", "indexes"):
            right = sorted(_NAME_OF_DEFAULT_INDEX.sub(r"\1", index) for index in right or ())
            if left == right:
                continue
        if name in _EXPRESSIONS and left is not None and right is not None:
            plain_body = name == "body" and not str(_first(right)).startswith(
                ("RETURN", "BEGIN AT")
            )
            if not plain_body and equivalent_text(name, left, right):
                continue
        changed[name] = (left, right)
    return changed


def _reads_alike(name: str, left: Any, right: Any) -> bool:
    """Whether two texts of files are one expression, written in two ways."""
    return (
        name in _EXPRESSIONS - {"body"}
        and left is not None
        and right is not None
        and equivalent_text(name, left, right, exact=True)
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def render_differences(found: Sequence[Difference]) -> str:
    """All differences for people. Parts of an object that is missing, or unexpected, as a whole
    (columns, constraints, triggers, privileges of a table) are not listed one by one."""
    whole = {
        (entry.change, entry.key.name)
        for entry in found
        if entry.key.kind not in _PARTS and entry.change is not Change.CHANGED
    }
    blocks = [
        entry.render()
        for entry in found
        if not (entry.key.kind in _PARTS and (entry.change, _whole_of(entry.key)) in whole)
    ]
    return "\n".join(blocks) + "\n" if blocks else ""


_PARTS = frozenset({"column", "constraint", "trigger", "rule", "row policy", "dimension"})


def _whole_of(key: ObjectKey) -> str:
    # A quoted name may hold dots: cut at the last one outside quotes.
    inside, cut = False, -1
    for at, character in enumerate(key.name):
        if character == '"':
            inside = not inside
        elif character == "." and not inside:
            cut = at
    return key.name[:cut] if cut > 0 else key.name


def _side(name: str, side: str, value: Any) -> list[str]:
    return render_field(f"{name} {side}", "nothing" if value is None else value)
