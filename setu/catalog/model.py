"""The snapshot itself: objects by kind and name, and their stable text form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from setu.errors import SetuError

FORMAT: Final = 1

#: Who made a catalog.
Origin = Literal["server", "files"]
#: What one object is: field name → plain JSON value. Fields that say nothing are left out.
Description = Mapping[str, Any]


class CatalogFormatError(SetuError):
    """A file is not a catalog snapshot that this version can read."""


class ObjectKey(NamedTuple):
    """An object's kind and its qualified name, as in ``table silver.machine_cycles``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class SourceText:
    """A statement of a file: where it begins, its text, and the comment above it.

    ``header`` is the comment on top of the file, ``number`` the statement's place in it from 0.
    """

    file: str
    line: int
    text: str
    comment: str
    community: bool = False
    header: str = ""
    number: int = 0


@dataclass(frozen=True)
class Catalog:
    """All objects of a snapshot, ordered by kind and name.

    ``origin`` says how it was made: by a server, or from SQL files (then ``sources`` has the
    statements that made each object).
    """

    objects: Mapping[ObjectKey, Description] = field(default_factory=dict)
    origin: Origin = "server"
    sources: Mapping[ObjectKey, tuple[SourceText, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = {key: self.objects[key] for key in sorted(self.objects)}
        object.__setattr__(self, "objects", MappingProxyType(ordered))

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def without_kinds(self, kinds: Iterable[str]) -> Catalog:
        """The same snapshot without the objects of some kinds."""
        left_out = frozenset(kinds)
        kept = {k: v for k, v in self.objects.items() if k.kind not in left_out}
        return replace(self, objects=kept)

    def to_json(self) -> str:
        """Stable JSON text: one object a line, code (bodies, definitions) line by line."""
        lines = [
            f"  {json.dumps(str(key), ensure_ascii=False)}: {_description_json(description)}"
            for key, description in self.objects.items()
        ]
        body = ",\n".join(lines)
        return f'{{"format": {FORMAT},\n "objects": {{\n{body}\n}}}}\n'

    @classmethod
    def from_json(cls, text: str) -> Catalog:
        """The snapshot that :meth:`to_json` wrote; raises :class:`CatalogFormatError`."""
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}")
            objects = {_parse_key(name): value for name, value in document["objects"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CatalogFormatError(
                "This is not a catalog snapshot that can be read.",
                context=[f"{type(error).__name__}: {error}"],
                hint="Write it again with: setu catalog snapshot --out FILE",
            ) from error
        return cls(objects)

    def render(self) -> str:
        """The snapshot for people, object by object."""
        blocks = []
        for key, description in self.objects.items():
            block = [str(key)]
            for name, value in description.items():
                block.extend(render_field(name, value))
            blocks.append("\n".join(block))
        return "\n\n".join(blocks) + "\n"


KINDS: Final[tuple[str, ...]] = (
    "aggregate",
    "cast",
    "collation",
    "column",
    "constraint",
    "continuous aggregate",
    "conversion",
    "database setting",
    "default privilege",
    "dimension",
    "domain",
    "enum",
    "foreign table",
    "function",
    "hypertable",
    "index",
    "job",
    "materialized view",
    "membership",
    "operator",
    "operator class",
    "operator family",
    "privilege",
    "procedure",
    "publication",
    "range",
    "role",
    "role setting",
    "row policy",
    "rule",
    "schema",
    "sequence",
    "statistics",
    "table",
    "text search configuration",
    "text search dictionary",
    "trigger",
    "type",
    "view",
)


def render_field(name: str, value: Any, indent: str = "    ") -> list[str]:
    """One field of a description as lines of text."""
    if isinstance(value, list) and name in _CODE_FIELDS:
        return [f"{indent}{name}:"] + [f"{indent}    {line}".rstrip() for line in value]
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [f"{indent}{name}: {shown}"]


#: Fields that hold code: kept as a list of lines, so that a changed line is one changed line.
_CODE_FIELDS: Final = frozenset({"body", "definition"})


def describe(fields: Mapping[str, Any]) -> Description:
    """A description from what a query gave: no nulls, sorted, code as lines."""
    description: dict[str, Any] = {}
    for name in sorted(fields):
        value = fields[name]
        if value is None:
            continue
        if name in _CODE_FIELDS and isinstance(value, str):
            lines = [line.rstrip() for line in value.replace("\r\n", "\n").strip().split("\n")]
            value = lines if len(lines) > 1 or name == "body" else lines[0]
        description[name] = value
    return description


def _description_json(description: Description) -> str:
    if not any(isinstance(description.get(name), list) for name in _CODE_FIELDS):
        return json.dumps(description, ensure_ascii=False, sort_keys=True)
    fields = []
    for name in sorted(description):
        value = description[name]
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        if isinstance(value, list) and name in _CODE_FIELDS:
            lines = ",\n".join(f"      {json.dumps(line, ensure_ascii=False)}" for line in value)
            text = f"[\n{lines}\n    ]"
        fields.append(f"    {json.dumps(name)}: {text}")
    joined = ",\n".join(fields)
    return f"{{\n{joined}\n  }}"


def _parse_key(text: str) -> ObjectKey:
    fitting = [kind for kind in KINDS if text.startswith(f"{kind} ")]
    if not fitting:
        raise ValueError(f"unknown kind of object: {text}")
    kind = max(fitting, key=len)
    return ObjectKey(kind, text.removeprefix(f"{kind} "))
