"""The dictionary of v2 and its picture, from what the catalog says of itself.

Both are written by ``setu catalog dictionary`` from ``schema_new/``; nobody edits them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from setu.catalog.model import Catalog, ObjectKey

LAYERS: Final[Mapping[str, str]] = {
    "bronze": "what arrived, as it arrived",
    "silver": "one row a natural key, with shift and business date",
    "gold": "what reports read",
    "alerting": "alerts, and the engine that raises them",
    "master": "companies, plants, gateways, machines, shifts, codes",
    "config": "rules and subscriptions",
    "_etl": "the control plane of the loads",
}
_FOREIGN_KEY = re.compile(r"FOREIGN KEY \(([^)]*)\) REFERENCES ([a-z_.]+)\s*\(([^)]*)\)(.*)")
_PRIMARY_KEY = re.compile(r"PRIMARY KEY \(([^)]*)\)")


@dataclass(frozen=True)
class Column:
    """A column: its name, type, what it may not be, and what it holds."""

    name: str
    type: str
    not_null: bool
    comment: str


@dataclass(frozen=True)
class Reference:
    """A foreign key: columns of the table that refer to another."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Table:
    """A table with its columns, key and references; or a view, of which files tell no types."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...]
    is_view: bool = False

    @property
    def schema(self) -> str:
        """Its schema."""
        return self.name.partition(".")[0]


def tables_of(catalog: Catalog) -> list[Table]:
    """All tables and views, by layer and name; in each layer, the tables first."""
    order = list(LAYERS)
    # A continuous aggregate is a view, too.
    found = [
        _table(catalog, key, about)
        for key, about in catalog.objects.items()
        if key.kind in ("table", "view") and key.name.partition(".")[0] in LAYERS
    ]
    return sorted(found, key=lambda one: (order.index(one.schema), one.is_view, one.name))


def _table(catalog: Catalog, made: ObjectKey, about: Mapping[str, Any]) -> Table:
    name = made.name
    columns = []
    for column in about["columns"]:
        # Names that are words of SQL are quoted there.
        key_of = ObjectKey("column", f"{name}.{column}")
        if key_of not in catalog.objects:
            key_of = ObjectKey("column", f'{name}."{column}"')
        of = catalog.objects[key_of]
        columns.append(
            Column(column, of.get("type", ""), bool(of.get("not_null")), of.get("comment") or "")
        )
    key: tuple[str, ...] = ()
    references = []
    for other, of in catalog.objects.items():
        if other.kind != "constraint" or not other.name.startswith(f"{name}."):
            continue
        if match := _PRIMARY_KEY.match(of["definition"]):
            key = tuple(match[1].split(", "))
        elif match := _FOREIGN_KEY.match(of["definition"]):
            references.append(Reference(tuple(match[1].split(", ")), match[2]))
    return Table(
        name,
        about.get("comment") or "",
        tuple(columns),
        key,
        tuple(references),
        is_view=made.kind == "view",
    )


def undescribed(tables: Sequence[Table]) -> list[str]:
    """Tables, views and columns without a comment."""
    names = [table.name for table in tables if not table.comment]
    return names + [
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if not column.comment
    ]


def markdown(tables: Sequence[Table]) -> str:
    """The dictionary as a page."""
    return "\n".join(_lines(tables)) + "\n"


def _lines(tables: Sequence[Table]) -> Iterator[str]:
    yield "# Dictionary"
    yield ""
    yield "Every table and view of v2 with its columns, as the comments in the catalog describe"
    yield "them; in each layer the tables, then the views. Continuous aggregates count as views."
    yield "Made by `setu catalog dictionary` from `schema_new/`: edit there, then run it again."
    yield ""
    yield "![Master data and what refers to it](pictures/er.svg)"
    yield ""
    yield "A line goes from a table to the one that it refers to. Bronze and silver name a machine"
    yield "by `machine_iot_id` without a foreign key: dropping a chunk would lock the other table."
    layer = ""
    for table in tables:
        if table.schema != layer:
            layer = table.schema
            yield ""
            yield f"## {layer}"
            yield ""
            yield f"{LAYERS[layer][0].upper()}{LAYERS[layer][1:]}."
        yield ""
        yield f"### {table.name}"
        yield ""
        yield f"{_cell(table.comment)}."
        yield ""
        if table.is_view:
            yield "| column of the view | |"
            yield "|---|---|"
            for column in table.columns:
                yield f"| {column.name} | {_cell(column.comment)} |"
            continue
        yield "| column | type | null | |"
        yield "|---|---|---|---|"
        refers = {c: r.table for r in table.references for c in r.columns if len(r.columns) == 1}
        for column in table.columns:
            name = f"**{column.name}**" if column.name in table.key else column.name
            target = f" → {refers[column.name]}" if column.name in refers else ""
            null = "" if column.not_null else "yes"
            yield f"| {name} | {_short(column.type)} | {null} | {_cell(column.comment)}{target} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _short(kind: str) -> str:
    return kind.replace("timestamp with time zone", "timestamptz").replace(
        "time without time zone", "time"
    )


_WIDTH, _GAP, _LINE, _PAD = 212, 76, 17, 10


def picture(tables: Sequence[Table]) -> str:
    """The tables that refer to each other, as SVG: a column a step away from companies."""
    known = {table.name: table for table in tables}
    part = {t.name for t in tables if t.references}
    part |= {r.table for t in tables for r in t.references}
    depth = {name: _depth(known, name) for name in part}
    columns: dict[int, list[Table]] = {}
    for name in sorted(part):
        columns.setdefault(depth[name], []).append(known[name])
    boxes: dict[str, tuple[int, int, int]] = {}
    drawn: list[str] = []
    height = 0
    for number, listed in sorted(columns.items()):
        x, y = _PAD + number * (_WIDTH + _GAP), _PAD + 28
        for table in listed:
            rows = _key_columns(table)
            tall = _LINE * (len(rows) + 1) + 14
            boxes[table.name] = (x, y, tall)
            drawn += _box(table, rows, x, y, tall)
            y += tall + 22
        height = max(height, y)
    lines = [
        _line(boxes[table.name], boxes[reference.table])
        for table in known.values()
        if table.name in boxes
        for reference in _one_each(table.references)
        if reference.table != table.name
    ]
    width = _PAD * 2 + len(columns) * (_WIDTH + _GAP) - _GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{_PAD}" y="24" font-size="15" font-weight="bold" fill="#1b2a41">'
            "Tables that refer to each other; bold: the key</text>",
            *lines,
            *drawn,
            "</svg>",
            "",
        ]
    )


def _depth(known: Mapping[str, Table], name: str, seen: tuple[str, ...] = ()) -> int:
    """How many references away from a table that refers to none; circles do not count."""
    seen = (*seen, name)
    onward = [r.table for r in known[name].references if r.table not in seen]
    # A company has a default plant, but is where all begins.
    if name == "master.companies":
        return 0
    return 1 + max((_depth(known, other, seen) for other in onward), default=-1)


def _one_each(references: Sequence[Reference]) -> list[Reference]:
    return list({reference.table: reference for reference in references}.values())


def _key_columns(table: Table) -> list[tuple[str, bool]]:
    refers = {column for reference in table.references for column in reference.columns}
    return [
        (column.name, column.name in table.key)
        for column in table.columns
        if column.name in refers or column.name in table.key
    ]


def _box(table: Table, rows: Sequence[tuple[str, bool]], x: int, y: int, tall: int) -> list[str]:
    made = [
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{tall}" rx="5" fill="#f4f7fb" '
        'stroke="#34618f"/>',
        f'<text x="{x + 9}" y="{y + 17}" font-weight="bold" fill="#1d3f63">'
        f"{escape(table.name)}</text>",
    ]
    for number, (name, is_key) in enumerate(rows, 1):
        weight = ' font-weight="bold"' if is_key else ""
        made.append(
            f'<text x="{x + 9}" y="{y + 19 + _LINE * number}"{weight} fill="#333333">'
            f"{escape(name)}</text>"
        )
    return made


def _line(start: tuple[int, int, int], end: tuple[int, int, int]) -> str:
    """From the left side of the one that refers to the right side of the other."""
    forward = start[0] > end[0]
    x1, y1 = start[0] + (0 if forward else _WIDTH), start[1] + 13
    x2, y2 = end[0] + (_WIDTH if forward else 0), end[1] + 13
    if start[0] == end[0]:
        x1 = x2 = start[0]
        bend = x1 - 34
        path = f"M{x1},{y1} C{bend},{y1} {bend},{y2} {x2},{y2}"
    else:
        half = (x1 + x2) // 2
        path = f"M{x1},{y1} C{half},{y1} {half},{y2} {x2},{y2}"
    return f'<path d="{path}" fill="none" stroke="#8fa9c4" stroke-width="1.2"/>'
