"""What every reader of statements shares: the objects found, their sources, the role."""

from __future__ import annotations

from typing import Any, Final

from pglast import ast

from setu.catalog.evaluate import Evaluator
from setu.catalog.model import Catalog, ObjectKey, SourceText, describe
from setu.catalog.names import quote_ident
from setu.catalog.parsing.pieces import Piece, SchemaSourceError
from setu.catalog.privileges import Privileges
from setu.catalog.written import OWNER, words_of

#: As the server spells these settings, however they are written.
SETTING_NAMES: Final = {name.lower(): name for name in ("TimeZone", "DateStyle", "IntervalStyle")}
#: Statements about rows make no object.
_ROWS: Final = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


class Reader:
    """Keeps what statements made. A subclass has a method a kind of statement."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.found: dict[ObjectKey, dict[str, Any]] = {}
        self.sources: dict[ObjectKey, list[SourceText]] = {}
        #: The labels of the functions and procedures of each name.
        self.routines: dict[str, dict[str, None]] = {}
        self.privileges = Privileges()
        self.role = OWNER
        self.source = SourceText("", 0, "", "")
        self.jobs: list[tuple[str, dict[str, Any], SourceText]] = []
        self._row: dict[str, Any] = {}

    def catalog(self) -> Catalog:
        """What was made."""
        self._name_jobs()
        for key, fields in self.privileges.objects():
            self.found[key] = dict(fields)
        return Catalog(
            {key: describe(fields) for key, fields in self.found.items()},
            origin="files",
            sources={key: tuple(texts) for key, texts in self.sources.items()},
        )

    def _name_jobs(self) -> None:
        by_label: dict[str, list[tuple[dict[str, Any], SourceText]]] = {}
        for label, fields, source in self.jobs:
            by_label.setdefault(label, []).append((fields, source))
        for label, jobs in by_label.items():
            jobs.sort(key=lambda job: str(job[0].get("config")))
            for place, (fields, source) in enumerate(jobs, start=1):
                key = ObjectKey("job", f"{label} #{place}" if len(jobs) > 1 else label)
                self.found[key] = fields
                self.sources[key] = [source]

    def take(self, piece: Piece) -> None:
        """Take one statement; what makes no object (seeds, SELECTs of functions) is passed over."""
        self.source = piece.source
        handler = getattr(self, f"_{type(piece.node).__name__}", None)
        if handler is not None:
            handler(piece.node)
        elif not isinstance(piece.node, _ROWS):
            raise self.not_understood(words_of(piece.node))

    def schema(self, name: str, source: SourceText) -> None:
        """A schema, if it is new."""
        key = ObjectKey("schema", quote_ident(name))
        if key not in self.found:
            self.found[key] = {"owner": OWNER}
            self.sources[key] = [source]
            self.privileges.add_object("schema", quote_ident(name))

    def put(
        self, kind: str, label: str, fields: dict[str, Any], *, replace: bool = False
    ) -> dict[str, Any]:
        key = ObjectKey(kind, label)
        if key in self.found and not replace:
            raise self.refused(
                f"makes {key}, which an earlier statement has made",
                "Remove one of the two, or rename it",
            )
        self.found[key] = fields
        self.sources[key] = [self.source]
        if kind in ("function", "procedure"):
            self.routines.setdefault(label.partition("(")[0], {})[label] = None
        return fields

    def made(self, kind: str, label: str) -> dict[str, Any]:
        """As :meth:`touch`, of an object that must be there."""
        found = self.touch(kind, label)
        if found is None:
            raise self.not_made(f"{kind} {label}")
        return found

    def refuse(self, node: Any, what: str, *slots: str) -> None:
        """Refuse a statement of which one of these parts is given."""
        for slot in slots:
            if getattr(node, slot, None):
                raise self.not_understood(f"{what} with {slot}")

    def touch(self, kind: str, label: str) -> dict[str, Any] | None:
        """An object that a statement changes; the statement becomes part of its source."""
        key = ObjectKey(kind, label)
        found = self.found.get(key)
        if found is not None and self.source not in self.sources[key]:
            self.sources[key].append(self.source)
        return found

    def not_understood(self, what: str) -> SchemaSourceError:
        """The error that names the current statement and what in it cannot be read."""
        return SchemaSourceError(
            f"{self.source.file}:{self.source.line} holds what cannot be read without a server.",
            context=[what],
            hint="Write it as plain statements",
        )

    def refused(self, what: str, hint: str) -> SchemaSourceError:
        """The error of a statement that is understood, and cannot be."""
        return SchemaSourceError(f"{self.source.file}:{self.source.line} {what}.", hint=hint)

    def not_made(self, what: str) -> SchemaSourceError:
        """The error of a statement on what is in none of the files."""
        return self.refused(
            f"is about {what}, which no file makes", "Correct the name, or remove the statement"
        )

    def _VariableSetStmt(self, node: ast.VariableSetStmt) -> None:  # noqa: N802
        if node.name == "search_path":
            raise self.not_understood("SET search_path: names say their schema instead")
        if node.name == "role":
            values = node.args or ()
            self.role = str(values[0].val.sval) if values else OWNER
