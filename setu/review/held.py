"""Compare the change requests with what v2 does.

Requests stand in the files of ``schema/``. A request holds when the part of v2 that it speaks of is
as all requests of its file together leave it. Nothing is guessed: a column is renamed where a
request says so, and dropped and added where none does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from setu.catalog import Catalog, ObjectKey
from setu.catalog.equivalence import equivalent_text
from setu.catalog.intervals import Interval
from setu.catalog.names import quote_ident
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import SchemaSourceError, SourceFile
from setu.review.change_requests import BESIDE, REFRESH, ChangeRequest, ObjectFile

_PART_KINDS = ("column", "constraint", "index")


@dataclass(frozen=True)
class HeldRequest:
    """A request and the object it is about; ``problem`` says why it does not hold, if so."""

    file: ObjectFile
    request: ChangeRequest
    key: ObjectKey
    problem: str = ""

    @property
    def text(self) -> str:
        """The request as it is written, with its object."""
        r = self.request
        joint = {"rename": " TO ", "replace": " BY "}.get(r.action, " ")
        target = "" if r.target in ("object", *BESIDE) else f" {r.target} {r.name}"
        if r.target in BESIDE:
            target = f" {r.name}" if r.name else f" {r.target}"
        detail = f"{joint}{r.detail}" if r.detail else ""
        return f"{self.file.qualified_name}: {r.action}{target}{detail}"


def renamed(v1: Catalog, files: Sequence[ObjectFile]) -> Catalog:
    """v1's catalog with the columns renamed that requests rename, in all that names them."""
    objects = dict(v1.objects)
    sources = dict(v1.sources)
    for file in files:
        for request in file.requests:
            if request.action == "rename":
                table, old, new = file.qualified_name, request.name, request.detail
                for kind in ("column", "dimension"):
                    key = ObjectKey(kind, f"{table}.{quote_ident(old)}")
                    if key in objects:
                        other = ObjectKey(kind, f"{table}.{quote_ident(new)}")
                        objects[other] = objects.pop(key)
                        sources[other] = sources.pop(key, ())
                _rename_where_named(objects, table, old, new)
    return replace(v1, objects=objects, sources=sources)


def hold(v1: Catalog, v2: Catalog, files: Sequence[ObjectFile]) -> list[HeldRequest]:
    """Each request, and whether it holds. ``v1`` is as it stands, before any rename."""
    found: list[HeldRequest] = []
    for whole in files:
        own = tuple(r for r in whole.requests if r.target not in BESIDE)
        file = replace(whole, requests=own)
        if whole.requests[0].target == "object":
            found += [_hold_object(v1, v2, file, request) for request in own]
        else:
            found += _hold_table(v1, v2, file)
        found += [_hold_beside(v2, whole, r) for r in whole.requests if r.target in BESIDE]
    return found


def _hold_beside(v2: Catalog, file: ObjectFile, request: ChangeRequest) -> HeldRequest:
    """The order of a table's columns, or a setting of a hypertable or aggregate."""
    table = file.qualified_name
    if request.target == "columns":
        key = ObjectKey("table", table)
        found = v2.objects.get(key, {}).get("columns", ())
        problem = "" if list(found) == request.detail.split(", ") else f"found {', '.join(found)}"
        return HeldRequest(file, request, key, problem)
    key, actual = _setting(v2, table, request.name)
    expected: Any = None
    if request.action == "set" and request.name == "materialized_only":
        expected = request.detail == "true"
    elif request.action == "set" and request.name == "refresh":
        window = REFRESH.fullmatch(request.detail)
        assert window is not None
        expected = tuple(None if p == "start" else Interval.parse(p) for p in window.groups())
    elif request.action == "set":
        expected = Interval.parse(request.detail)
        if request.name == "chunk interval":
            expected = expected.width()
    problem = "" if actual == expected else f"asked {_plain(expected)}, found {_plain(actual)}"
    return HeldRequest(file, request, key, problem)


def _setting(v2: Catalog, name: str, setting: str) -> tuple[ObjectKey, Any]:
    """A setting's object in the catalog, and its value; None where it has none."""
    if setting == "materialized_only":
        key = ObjectKey("continuous aggregate", name)
        return key, v2.objects.get(key, {}).get(setting)
    if setting == "chunk interval":
        for key, fields in v2.objects.items():
            if key.kind == "dimension" and key.name.startswith(f"{name}."):
                return key, Interval.parse(str(fields["chunk_interval"])).width()
        return ObjectKey("dimension", name), None
    policy = "policy_retention" if setting == "retention" else "policy_refresh_continuous_aggregate"
    for key, fields in v2.objects.items():
        if key.kind == "job" and key.name.endswith(f"{policy} on {name}"):
            config = dict(fields.get("config") or {})
            if setting == "retention":
                return key, Interval.parse(str(config["drop_after"]))
            window = (config.get("start_offset"), config.get("end_offset"))
            texts = (*window, fields.get("schedule_interval"))
            return key, tuple(None if t is None else Interval.parse(str(t)) for t in texts)
    return ObjectKey("job", f"{policy} on {name}"), None


def _rename_where_named(objects: dict[ObjectKey, Any], table: str, old: str, new: str) -> None:
    """Rename a column in the table, and in the constraints, indexes and sequences that name it."""
    word = re.compile(rf'"{old}"|\b{old}\b')
    reference = re.compile(rf"(REFERENCES {re.escape(table)}\()([^)]*)\)")
    quoted = quote_ident(new)
    for key, fields in objects.items():
        if key.kind not in ("table", "constraint", "index", "sequence"):
            continue
        definition = fields.get("definition")
        if key == ObjectKey("table", table):
            columns = [new if c == old else c for c in fields["columns"]]
            objects[key] = {**fields, "columns": columns}
        elif fields.get("owned_by") == f"{table}.{quote_ident(old)}":
            objects[key] = {**fields, "owned_by": f"{table}.{quoted}"}
        elif not isinstance(definition, str) or old not in definition:
            continue
        elif key.kind == "constraint" and key.name.startswith(f"{table}."):
            own, refers, rest = definition.partition(" REFERENCES ")
            objects[key] = {**fields, "definition": word.sub(quoted, own) + refers + rest}
        elif key.kind == "constraint":
            text = reference.sub(lambda m: f"{m[1]}{word.sub(quoted, m[2])})", definition)
            objects[key] = {**fields, "definition": text}
        elif key.kind == "index" and fields.get("table") == table:
            head, using, tail = definition.partition(" USING ")
            objects[key] = {**fields, "definition": head + using + word.sub(quoted, tail)}


def _hold_object(v1: Catalog, v2: Catalog, file: ObjectFile, request: ChangeRequest) -> HeldRequest:
    name = file.qualified_name
    before, here = _definitions(v1, name), _definitions(v2, name)
    key = next(iter(before), ObjectKey("table", name))
    problem = ""
    if request.action == "drop":
        problem = "it is still there" if here else ""
    elif not _definitions(v2, request.detail):
        problem = f"{request.detail} is not there"
    elif request.detail != name and here:
        problem = "it is still there"
    elif request.detail == name and {**here} == {**before}:
        problem = "it is as it was"
    return HeldRequest(file, request, key, problem)


def _definitions(catalog: Catalog, name: str) -> Mapping[ObjectKey, Any]:
    """All that goes by a qualified name and can be called, read or written to."""
    kinds = ("table", "view", "continuous aggregate", "function", "procedure")
    return {
        key: {k: v for k, v in fields.items() if k != "comment"}
        for key, fields in catalog.objects.items()
        if key.kind in kinds and key.name.partition("(")[0] == name
    }


def _hold_table(v1: Catalog, v2: Catalog, file: ObjectFile) -> Iterator[HeldRequest]:
    wanted, problems = _Wanted(v1, file).catalog()
    for at, request in enumerate(file.requests):
        key = _key(file, request, file.requests[at + 1 :])
        expected, actual = wanted.objects.get(key), v2.objects.get(key)
        problem = problems.get(request.line, "")
        if not problem:
            problem = _unlike(expected, actual)
        yield HeldRequest(file, request, key, problem)


def _key(file: ObjectFile, request: ChangeRequest, later: Sequence[ChangeRequest]) -> ObjectKey:
    """The part of v2 that a request speaks of, by the name that it has in the end."""
    name = request.detail if request.action == "rename" else request.name
    if request.target == "column" and request.action != "drop":
        for other in later:
            if other.action == "rename" and other.name == name:
                name = other.detail
    if request.target == "index":
        return ObjectKey("index", f"{file.layer}.{quote_ident(name)}")
    return ObjectKey(str(request.target), f"{file.qualified_name}.{quote_ident(name)}")


def _unlike(expected: Mapping[str, Any] | None, actual: Mapping[str, Any] | None) -> str:
    if expected is None:
        return "" if actual is None else "it is there"
    if actual is None:
        return "it is not there"
    for name in sorted({*expected, *actual} - {"comment", "statistics", "storage"}):
        left, right = expected.get(name), actual.get(name)
        if left == right:
            continue
        if name in ("definition", "default") and left is not None and right is not None:
            if left == "CHECK" and str(right).startswith("CHECK"):
                continue
            if equivalent_text(name, left, right) or equivalent_text(name, right, left):
                continue
        return f"{name}: asked {_plain(left)}, found {_plain(right)}"
    return ""


def _plain(value: Any) -> str:
    return "nothing" if value is None else "yes" if value is True else str(value)


class _Wanted:
    """A table of v1, changed request by request, as text that can be parsed."""

    def __init__(self, v1: Catalog, file: ObjectFile) -> None:
        self.table, self.file = file.qualified_name, file
        self.problems: dict[int, str] = {}
        self.columns: dict[str, str] = {}
        self.constraints: dict[str, str] = {}
        self.indexes: dict[str, tuple[str, str]] = {}
        table = v1.objects.get(ObjectKey("table", self.table), {})
        for name in table.get("columns", ()):
            column = v1.objects[ObjectKey("column", f"{self.table}.{quote_ident(name)}")]
            self.columns[name] = _column_text(column)
        for key, fields in v1.objects.items():
            if key.kind == "constraint" and key.name.startswith(f"{self.table}."):
                own = key.name.removeprefix(f"{self.table}.")
                self.constraints[own.strip('"')] = str(fields["definition"])
            elif (
                key.kind == "index"
                and fields.get("table") == self.table
                and "constraint" not in fields
            ):
                unique = "UNIQUE " if fields.get("unique") else ""
                rest = str(fields["definition"]).partition(f" ON {self.table} ")[2]
                self.indexes[key.name.partition(".")[2].strip('"')] = (unique, rest)
        for request in file.requests:
            try:
                getattr(self, f"_{request.action}_{request.target}")(request.name, request.detail)
            except KeyError:
                self.problems[request.line] = f"v1 has no {request.target} {request.name}"

    def catalog(self) -> tuple[Catalog, dict[int, str]]:
        """The table as it was asked for, and what cannot be asked for, by line."""
        bare = [name for name, text in self.constraints.items() if text == "CHECK"]
        columns = ", ".join(f"{quote_ident(n)} {text}" for n, text in self.columns.items())
        lines = [f"CREATE TABLE {self.table} ({columns})"]
        lines += [
            f"ALTER TABLE {self.table} ADD CONSTRAINT {quote_ident(name)} {text}"
            for name, text in self.constraints.items()
            if name not in bare
        ]
        lines += [
            f"CREATE {unique}INDEX {quote_ident(name)} ON {self.table} {text}"
            for name, (unique, text) in self.indexes.items()
        ]
        try:
            catalog = parse_schema([SourceFile("asked", ";\n".join(lines))], settings={})
        except (SchemaSourceError, KeyError) as error:
            problem = f"the requests of this table do not fit together: {error}"
            return Catalog(), {r.line: problem for r in self.file.requests}
        objects = dict(catalog.objects)
        for name in bare:
            objects[ObjectKey("constraint", f"{self.table}.{name}")] = {"definition": "CHECK"}
        return Catalog(objects), self.problems

    def _add_column(self, name: str, detail: str) -> None:
        self.columns[name] = detail

    def _retype_column(self, name: str, detail: str) -> None:
        self.columns[name]  # it must be there
        self.columns[name] = detail

    def _drop_column(self, name: str, _: str) -> None:
        del self.columns[name]

    def _rename_column(self, name: str, detail: str) -> None:
        self.columns[detail] = self.columns.pop(name)
        word = re.compile(rf'"{name}"|\b{name}\b')
        for constraint, definition in self.constraints.items():
            own, refers, other = definition.partition(" REFERENCES ")
            self.constraints[constraint] = word.sub(detail, own) + refers + other
        self.indexes = {n: (u, word.sub(detail, d)) for n, (u, d) in self.indexes.items()}

    def _add_constraint(self, name: str, detail: str) -> None:
        self.constraints[name] = detail

    def _drop_constraint(self, name: str, _: str) -> None:
        del self.constraints[name]

    def _add_index(self, name: str, detail: str) -> None:
        unique = "UNIQUE " if detail.startswith("UNIQUE ") else ""
        self.indexes[name] = (unique, detail.removeprefix(unique))

    def _drop_index(self, name: str, _: str) -> None:
        del self.indexes[name]


def _column_text(column: Mapping[str, Any]) -> str:
    parts = [str(column["type"])]
    if column.get("not_null"):
        parts.append("NOT NULL")
    if "default" in column:
        parts.append(f"DEFAULT {column['default']}")
    return " ".join(parts)
