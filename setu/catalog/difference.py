"""Compare two snapshots, object by object and field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from enum import Enum
from typing import Any

from setu.catalog.model import Catalog, ObjectKey, render_field


class Change(Enum):
    """How an object differs."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """One object that is not as expected.

    ``fields`` maps the name of each field that differs to its expected and its actual value, None
    where it has none; empty unless the object is changed.
    """

    key: ObjectKey
    change: Change
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

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
    expected: Catalog, actual: Catalog, *, ignore_kinds: Iterable[str] = ()
) -> list[Difference]:
    """What differs, ordered by kind and name; empty when the two are the same.

    :param ignore_kinds: kinds of objects that are not compared, such as ``role``.
    """
    ignored = frozenset(ignore_kinds)
    found = []
    for key in sorted({*expected.objects, *actual.objects}):
        if key.kind in ignored:
            continue
        left, right = expected.objects.get(key), actual.objects.get(key)
        if left is None:
            found.append(Difference(key, Change.UNEXPECTED))
        elif right is None:
            found.append(Difference(key, Change.MISSING))
        elif left != right:
            changed = {
                name: (left.get(name), right.get(name))
                for name in sorted({*left, *right})
                if left.get(name) != right.get(name)
            }
            found.append(Difference(key, Change.CHANGED, changed))
    return found


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
