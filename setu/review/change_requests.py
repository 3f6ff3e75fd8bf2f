"""The change requests that each file of ``schema/`` opens with.

A request is a comment, ``-- change: …``, in the grammar that ``schema/README.md`` gives; lines that
open with ``--     `` go on with it.
What a request defines (a column, a constraint, an index) is read with PostgreSQL's own grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pglast

from setu.catalog.intervals import Interval
from setu.chain.script import read_sql
from setu.errors import SetuError

Action = Literal["add", "drop", "rename", "retype", "replace", "order", "set"]
Target = Literal["column", "constraint", "index", "object", "columns", "setting"]
#: Targets that are no part of a table's definition.
BESIDE: Final = ("columns", "setting")

#: How far back a refresh goes (``start``: to the first bucket), how near to now, and how often.
REFRESH: Final = re.compile(r"FROM (start|.+?) TO (.+?) EVERY (.+)")
_MARK = re.compile(r"^\s*--\s*change\b", re.IGNORECASE)
_REQUEST = re.compile(r"^-- change: (?P<text>\S.*?)\s*$")
_FURTHER = re.compile(r"^--     (?P<text>\S.*?)\s*$")
_NAME = r"[a-z_][a-z0-9_]*"
_FORMS: tuple[tuple[re.Pattern[str], Action, Target], ...] = (
    (re.compile(rf"add column (?P<name>{_NAME}) (?P<detail>.+)"), "add", "column"),
    (re.compile(rf"add constraint (?P<name>{_NAME}) (?P<detail>.+)"), "add", "constraint"),
    (re.compile(rf"add index (?P<name>{_NAME}) (?P<detail>.+)"), "add", "index"),
    (re.compile(rf"drop column (?P<name>{_NAME})"), "drop", "column"),
    (re.compile(rf"drop constraint (?P<name>{_NAME})"), "drop", "constraint"),
    (re.compile(rf"drop index (?P<name>{_NAME})"), "drop", "index"),
    (re.compile(rf"rename column (?P<name>{_NAME}) TO (?P<detail>{_NAME})"), "rename", "column"),
    (re.compile(rf"retype column (?P<name>{_NAME}) (?P<detail>.+)"), "retype", "column"),
    (re.compile(rf"order columns(?P<name>) (?P<detail>{_NAME}(, {_NAME})*)"), "order", "columns"),
    (
        re.compile(
            r"set (?P<name>chunk interval|retention|materialized_only|refresh) (?P<detail>.+)"
        ),
        "set",
        "setting",
    ),
    (re.compile(r"drop (?P<name>retention|refresh)"), "drop", "setting"),
    (re.compile(r"(?P<name>)drop"), "drop", "object"),
    (re.compile(rf"(?P<name>)replace BY (?P<detail>{_NAME}\.{_NAME})"), "replace", "object"),
)
_KINDS = ("Tables", "Functions", "Stored Procedures", "Views", "Continuous Aggregates")


class ChangeRequestError(SetuError):
    """A line, or a file, that does not hold to the grammar of change requests."""


@dataclass(frozen=True)
class ChangeRequest:
    """One request. ``name`` is empty for the object itself; ``detail`` is empty for a drop.

    ``detail`` is the new name of a rename, the successor of a replacement, or else the definition
    as it is written.
    """

    action: Action
    target: Target
    name: str
    detail: str
    line: int


@dataclass(frozen=True)
class ObjectFile:
    """One object of ``schema/`` with its requests, in the order in which they stand."""

    path: Path
    layer: str
    kind: str
    name: str
    requests: tuple[ChangeRequest, ...]

    @property
    def qualified_name(self) -> str:
        """The object as SQL names it, ``layer.name``."""
        return f"{self.layer}.{self.name}"


def read_object_file(path: Path) -> ObjectFile:
    """Read one file at ``…/<layer>/<Kind>/<object>.sql``.

    Raises ChangeRequestError when it has no request, a broken one, or one below its first other
    line.
    """
    kind = path.parent.name
    if kind not in _KINDS:
        raise ChangeRequestError(
            f"{path} stands in a folder that is no kind of object",
            context=(f"folder: {kind}",),
            hint=f"Move it to <layer>/<Kind>/, the kind one of: {', '.join(_KINDS)}",
        )
    requests = tuple(_requests(path))
    if not requests:
        raise ChangeRequestError(
            f"{path} has no change request",
            hint="Open the file with what v2 asks of this object: -- change: …",
        )
    return ObjectFile(path, path.parent.parent.name, kind, path.stem, requests)


def read_schema(root: Path) -> list[ObjectFile]:
    """Read every ``.sql`` file below ``root``, sorted by path; raises as read_object_file does."""
    return [read_object_file(path) for path in sorted(root.rglob("*.sql"))]


def _requests(path: Path) -> Iterator[ChangeRequest]:
    opening = True
    for number, line in _joined(read_sql(path, str(path))):
        if not _MARK.match(line):
            opening = False
        elif opening:
            yield _parse(path, number, line)
        else:
            raise _broken(path, number, line, "it stands below the opening block of requests")


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; a request with what the lines below it go on with."""
    started, whole = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if started and (further := _FURTHER.match(line)):
            whole += f" {further['text']}"
            continue
        if started:
            yield started, whole
        started, whole = (number, line.rstrip()) if _MARK.match(line) else (0, "")
        if not started:
            yield number, line
    if started:
        yield started, whole


def _parse(path: Path, number: int, line: str) -> ChangeRequest:
    written = _REQUEST.match(line)
    if written is None:
        raise _broken(path, number, line, "a request is written '-- change: …', in small letters")
    for form, action, target in _FORMS:
        matched = form.fullmatch(written["text"])
        if matched is None:
            continue
        detail = matched.groupdict().get("detail") or ""
        request = ChangeRequest(action, target, matched["name"], detail, number)
        _check_definition(path, line, request)
        return request
    raise _broken(path, number, line, "it is none of the forms of the grammar")


def _check_definition(path: Path, line: str, request: ChangeRequest) -> None:
    """Check what a request defines with PostgreSQL's grammar."""
    name, detail = request.name, request.detail
    if request.target == "column" and request.action in ("add", "retype"):
        statement = f"ALTER TABLE t ADD COLUMN {name} {detail}"
    elif request.target == "constraint" and request.action == "add" and detail != "CHECK":
        statement = f"ALTER TABLE t ADD CONSTRAINT {name} {detail}"
    elif request.target == "index" and request.action == "add":
        unique = "UNIQUE " if detail.startswith("UNIQUE ") else ""
        statement = f"CREATE {unique}INDEX {name} ON t {detail.removeprefix(unique)}"
    else:
        problem = _beside(request)
        if problem:
            raise _broken(path, request.line, line, problem)
        return
    try:
        parsed = pglast.parse_sql(statement)
    except pglast.parser.ParseError as error:
        raise _broken(path, request.line, line, f"PostgreSQL: {error.args[0]}") from error
    if len(parsed) != 1:
        raise _broken(path, request.line, line, "it holds more than one definition")


def _beside(request: ChangeRequest) -> str:
    """What is wrong with the order of columns, or with a setting; empty where nothing is."""
    if request.target == "columns":
        names = request.detail.split(", ")
        return "it names a column twice" if len(names) != len({*names}) else ""
    if request.action != "set":
        return ""
    if request.name == "materialized_only":
        return "" if request.detail in ("true", "false") else "it is neither true nor false"
    parts = [request.detail]
    if request.name == "refresh":
        window = REFRESH.fullmatch(request.detail)
        if window is None:
            return "a refresh is written FROM start TO INTERVAL EVERY INTERVAL"
        parts = [part for part in window.groups() if part != "start"]
    for part in parts:
        try:
            Interval.parse(part)
        except ValueError:
            return f"{part} is no interval"
    return ""


def _broken(path: Path, number: int, line: str, reason: str) -> ChangeRequestError:
    return ChangeRequestError(
        f"{path}:{number}: broken change request",
        context=(f"line: {line.strip()}", f"reason: {reason}"),
        hint="Write the request as schema/README.md shows",
    )
