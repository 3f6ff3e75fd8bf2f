"""Changes between two catalogs, as people speak of them.

A difference is a fact about one object of a catalog. A change is what a reviewer assesses: a new
table with all its parts is one change, a new comment on a column is one of its own, the index of a
constraint is no change beside the constraint. Each has a class of risk and says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from setu.catalog import Catalog, Difference, ObjectKey, differences
from setu.catalog.difference import Change as Side
from setu.catalog.model import SourceText, render_field
from setu.catalog.names import split_name

Action = Literal["add", "drop", "rename", "change"]
Risk = Literal["safe", "risky", "destructive"]
RISKS: Final[tuple[Risk, ...]] = ("safe", "risky", "destructive")

#: Kinds that are objects of their own; the others are parts of one.
WHOLES: Final = frozenset(
    {
        "schema", "table", "view", "materialized view", "foreign table", "function", "procedure",
        "aggregate", "continuous aggregate", "sequence", "domain", "enum", "range", "type", "role",
    }
)  # fmt: skip
_ACTIONS: Final[Mapping[Side, Action]] = {
    Side.MISSING: "drop",
    Side.UNEXPECTED: "add",
    Side.CHANGED: "change",
}


@dataclass(frozen=True)
class SchemaChange:
    """One change. ``facet`` is the field of a change of ``comment`` or ``owner`` alone.

    ``before`` and ``after`` are texts to lay beside each other; ``parts`` are the parts that came
    or went with a whole object.
    """

    action: Action
    key: ObjectKey
    whole: ObjectKey
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    facet: str = ""
    renamed_to: str = ""
    parts: tuple[ObjectKey, ...] = ()
    before: str = ""
    after: str = ""
    sources: tuple[SourceText, ...] = ()
    risk: Risk = "safe"
    why: str = ""

    @property
    def layer(self) -> str:
        """The schema that the change is in; ``server`` for roles."""
        if self.whole.kind in ("role", "role setting", "membership", "database setting"):
            return "server"
        return split_name(self.whole.name.split("(")[0])[0]

    @property
    def title(self) -> str:
        """The change in a few words: ``add column master.plants.timezone``."""
        if self.facet:
            return f"{self.action} {self.facet} of {self.key}"
        tail = f" to {self.renamed_to}" if self.renamed_to else ""
        return f"{self.action} {self.key}{tail}"

    @property
    def details(self) -> list[str]:
        """What changed, field by field."""
        lines: list[str] = []
        for name, (left, right) in self.fields.items():
            if isinstance(left, list) and isinstance(right, list) and name != "columns":
                lines.append(f"{name}: {len(left)} line(s) before, {len(right)} after")
            else:
                lines.append(f"{name}: {_shown(left)} → {_shown(right)}")
        return lines


def changes_between(
    left: Catalog, right: Catalog, found: Sequence[Difference] | None = None
) -> list[SchemaChange]:
    """All changes from one catalog to another, by layer and object.

    :param found: the differences, where they are known; else they are computed.
    """
    if found is None:
        found = differences(left, right)
    by_key = {entry.key: entry for entry in found}
    parents = _Parents(left, right)
    gone_or_new = {
        key: entry.change
        for key, entry in by_key.items()
        if key.kind in WHOLES and entry.change is not Side.CHANGED
    }
    folded: dict[ObjectKey, list[ObjectKey]] = {}
    changes: list[SchemaChange] = []
    for key, entry in by_key.items():
        whole = parents.whole(key)
        if whole != key and gone_or_new.get(whole) is entry.change:
            folded.setdefault(whole, []).append(key)
    taken = {key for keys in folded.values() for key in keys}
    for key, entry in by_key.items():
        if key not in taken and not parents.implied(entry, by_key):
            changes += _changes(entry, parents.whole(key), left, right, folded.get(key, ()))
    return sorted(_signatures(changes), key=_place)


def _signatures(changes: list[SchemaChange]) -> list[SchemaChange]:
    """A function that goes and the one of its name that comes are one change of its arguments."""
    by_name: dict[tuple[str, str], dict[str, list[SchemaChange]]] = {}
    for change in changes:
        if change.key.kind in ("function", "procedure") and not change.facet:
            name = (change.key.kind, change.key.name.partition("(")[0])
            by_name.setdefault(name, {}).setdefault(change.action, []).append(change)
    for found in by_name.values():
        gone, come = found.get("drop", []), found.get("add", [])
        if len(gone) == len(come) == 1 and "change" not in found:
            old, new = gone[0], come[0]
            arguments = tuple(entry.key.name.partition("(")[2][:-1] for entry in (old, new))
            changes.remove(old)
            changes[changes.index(new)] = replace(
                new,
                action="change",
                fields={"arguments": (arguments[0], arguments[1])},
                parts=(),
                before=old.before,
                risk="destructive",
                why="Whatever calls it with the arguments of before fails",
            )
    return changes


def _place(change: SchemaChange) -> tuple[Any, ...]:
    return (change.layer, change.whole.name, change.whole.kind, change.key, change.facet)


def _changes(
    entry: Difference,
    whole: ObjectKey,
    left: Catalog,
    right: Catalog,
    parts: Sequence[ObjectKey],
) -> Iterator[SchemaChange]:
    from setu.review.risk import assessed  # it needs the class of this module

    key, action = entry.key, _ACTIONS[entry.change]
    sources = right.sources.get(key) or left.sources.get(key) or ()

    def made(**values: Any) -> SchemaChange:
        change = SchemaChange(
            key=key,
            whole=whole,
            before=text_of(left, key),
            after=text_of(right, key),
            sources=tuple(sources),
            **values,
        )
        return assessed(change, left, right)

    if action != "change":
        yield made(action=action, parts=tuple(sorted(parts)))
        return
    fields = dict(entry.fields)
    for facet in ("comment", "owner"):
        if facet in fields:
            pair = fields.pop(facet)
            about: Action = "change"
            if facet == "comment":
                about = "add" if pair[0] is None else "drop" if pair[1] is None else "change"
            yield made(action=about, facet=facet, fields={facet: pair})
    if "columns" in fields:
        before, after = (list(value or ()) for value in fields["columns"])
        common = [name for name in before if name in after]
        if key.kind == "table" and common == [name for name in after if name in before]:
            del fields["columns"]
    if fields:
        yield made(action="change", fields=fields)


def text_of(catalog: Catalog, key: ObjectKey) -> str:
    """An object as text: the statements that make it, else what the catalog says of it."""
    if key not in catalog.objects:
        return ""
    texts = catalog.sources.get(key)
    if texts and any(source.text for source in texts):
        return "\n\n".join(f"{source.text};" for source in texts if source.text)
    lines: list[str] = []
    for name, value in catalog.objects[key].items():
        lines += render_field(name, value, indent="")
    return "\n".join(lines) or str(key)


class _Parents:
    """Which object a part belongs to, and what follows from what."""

    def __init__(self, left: Catalog, right: Catalog) -> None:
        self._sides = (right, left)
        self._known = {*left.objects, *right.objects}
        self._by_name = {
            key.name: key
            for key in sorted(self._known)
            if key.kind in WHOLES and key.kind != "view"
        }
        self._procedures = {
            key.name.partition("(")[0]: key
            for key in sorted(self._known)
            if key.kind in ("function", "procedure")
        }
        for key in self._known:
            if key.kind == "view":
                self._by_name.setdefault(key.name, key)

    def _field(self, key: ObjectKey, name: str) -> Any:
        for side in self._sides:
            if key in side.objects and name in side.objects[key]:
                return side.objects[key][name]
        return None

    def whole(self, key: ObjectKey) -> ObjectKey:
        """The object that a key belongs to; itself where it stands alone."""
        label = key.name
        if key.kind == "index":
            label = str(self._field(key, "table") or "")
        elif key.kind == "sequence":
            label = _before_last(str(self._field(key, "owned_by") or ""))
        elif key.kind == "privilege":
            kind, _, rest = key.name.partition(" ")
            label = rest.rpartition(" to ")[0]
            label = _before_last(label) if kind == "column" else label
            if kind == "schema":
                return ObjectKey("schema", label)
        elif key.kind == "job":
            label = key.name.partition(" on ")[2].partition(" #")[0]
            if not label:
                return self._procedures.get(key.name.partition(" #")[0], key)
        elif key.kind in ("role setting",):
            return ObjectKey("role", key.name.partition(".")[0])
        elif key.kind in ("view", "hypertable"):
            pass
        elif key.kind not in WHOLES:
            label = _before_last(label)
        found = self._by_name.get(label)
        return found if found is not None else key

    def implied(self, entry: Difference, others: Mapping[ObjectKey, Difference]) -> bool:
        """Whether a difference only follows from another one."""
        key = entry.key
        if key.kind == "index":
            constraint = self._field(key, "constraint")
            table = str(self._field(key, "table"))
            return constraint is not None and any(
                other.kind == "constraint" and split_name(other.name)[-1] == constraint
                for other in others
                if other.name.startswith(f"{table}.")
            )
        if key.kind == "sequence":
            owner = self._field(key, "owned_by")
            return owner is not None and ObjectKey("column", str(owner)) in others
        if key.kind == "view":
            # A continuous aggregate is a view as well.
            entry_fields = {*entry.fields} - {"comment", "owner"}
            aggregate = ObjectKey("continuous aggregate", key.name)
            return aggregate in others and (
                entry.change is not Side.CHANGED or entry_fields == {*entry.fields}
            )
        if key.kind == "column" and entry.change is not Side.CHANGED:
            # A column of a view that changes.
            whole = self.whole(key)
            return whole.kind in ("view", "continuous aggregate")
        return False


def _before_last(label: str) -> str:
    inside, cut = False, -1
    for at, character in enumerate(label):
        if character == '"':
            inside = not inside
        elif character == "." and not inside:
            cut = at
    return label[:cut] if cut > 0 else label


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    if value is True:
        return "yes"
    return str(value)
