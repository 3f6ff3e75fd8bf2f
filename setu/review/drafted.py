"""What a draft is made of: two schemas, what differs between them, and the statements so far."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from setu.catalog import Catalog, ObjectKey
from setu.chain.scaffold import OPEN
from setu.review.bound import objects_in_the_way
from setu.review.changes import SchemaChange, changes_between

COMMUNITY: Final = "-- @community\n"
STRONG: Final = "ACCESS EXCLUSIVE"


@dataclass
class Drafted:
    """SQL of one direction.

    :param statements: in order, each without its semicolon, comments above it included.
    :param alone: statements that cannot run in a transaction, for a revision of their own.
    :param locks: the locks taken, as ``mode on object``.
    :param loses: what goes for good: values of columns, of aggregates beyond silver, of sequences.
    :param kept: columns and tables whose values are kept in ``_archive`` for the other direction.
    :param computed: columns that go and come back with the same values, from other columns.
    """

    statements: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    loses: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All statements that run in a transaction."""
        return "\n\n".join(_ended(statement) for statement in self.statements)

    @property
    def text_alone(self) -> str:
        """The statements that run on their own."""
        return "\n\n".join(_ended(statement) for statement in self.alone)


class Drafting:
    """The schemas before and after, and the draft of the way from one to the other.

    :ivar gone: the objects that stand in the way of a change, and are dropped first.
    """

    def __init__(self, before: Catalog, after: Catalog) -> None:
        self.before, self.after = before, after
        self.result = Drafted()
        self.changes = changes_between(before, after)
        self.gone = objects_in_the_way(before, after, self.changes)

    def say(self, *statements: str, lock: str = "") -> None:
        """Add statements that are not there yet, and the lock that they take."""
        self.result.statements += [s for s in statements if s not in self.result.statements]
        if lock and lock not in self.result.locks:
            self.result.locks.append(lock)

    def is_hypertable(self, table: str) -> bool:
        """Whether a table was one before."""
        return ObjectKey("hypertable", table) in self.before.objects

    def has_column_store(self, table: str) -> bool:
        """Whether a table was compressed before."""
        hypertable = self.before.objects.get(ObjectKey("hypertable", table), {})
        return bool(hypertable.get("column_store"))

    def texts(self, catalog: Catalog, key: ObjectKey) -> list[str]:
        """The statements that make an object and its grants, from the files of a side."""
        found = []
        for source in catalog.sources.get(key, ()):
            if source.text:
                found.append((COMMUNITY if source.community else "") + source.text)
        return found

    def granted(self, catalog: Catalog, label: str) -> list[str]:
        """GRANT and REVOKE statements about an object, also those that leave nothing behind."""
        texts: list[str] = []
        for key in catalog.sources:
            if key.kind == "privilege" and key.name.partition(" ")[2].startswith(f"{label} to "):
                texts += [t for t in self.texts(catalog, key) if t not in texts]
        return texts

    def open_point(self, change: SchemaChange) -> None:
        """Leave to a person what no program can know."""
        details = "".join(f"\n--   {detail}" for detail in change.details)
        self.say(f"-- {OPEN}: {change.title}{details}\nSELECT 1")


def _ended(statement: str) -> str:
    return f"{statement.strip().removesuffix(';')};"


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def last_part(label: str) -> str:
    """The last part of a qualified name, quoted where it was."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^".]+', label)
    return str(parts[-1])
