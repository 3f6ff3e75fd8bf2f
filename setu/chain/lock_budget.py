"""The waits of a step in a transaction: together they end before another session pays for them.

A session that waits for a lock looks for a deadlock after ``deadlock_timeout``, and fails when it
finds one. So a step that holds a lock which others want must not go on waiting for a further one:
it gives way, and is tried again. Time counts from where the first wait begins: who comes then waits
behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pglast import ast, parse_sql
from pglast.enums import ObjectType
from pglast.visitors import Visitor

from setu.chain.script import Origin, Statement

#: Nobody but the deploy waits for what lies here.
_OWN: Final = ("_archive", "_stage", "_setu")
_RELATIONS: Final = (
    ObjectType.OBJECT_TABLE,
    ObjectType.OBJECT_VIEW,
    ObjectType.OBJECT_MATVIEW,
    ObjectType.OBJECT_INDEX,
    ObjectType.OBJECT_SEQUENCE,
)
#: Objects of a table: in DROP, their name follows the table's.
_PARTS: Final = (ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_RULE, ObjectType.OBJECT_POLICY)
#: Statements that lock the one relation that they are about.
_LOCKS_ITS_RELATION: Final = (
    ast.AlterTableStmt,
    ast.AlterObjectSchemaStmt,
    ast.RenameStmt,
    ast.CreateTrigStmt,
    ast.RuleStmt,
    ast.IndexStmt,
    ast.InsertStmt,
    ast.UpdateStmt,
    ast.DeleteStmt,
    ast.MergeStmt,
)
_ORIGIN: Final = (Origin("setu/chain/lock_budget.py", 1),)
_BEGIN: Final = Statement(
    "SELECT pg_catalog.set_config('setu.lock_deadline', (pg_catalog.clock_timestamp() + least(\n"
    "    nullif(pg_catalog.current_setting('lock_timeout')::interval, INTERVAL '0'),\n"
    "    pg_catalog.current_setting('deadlock_timeout')::interval * 0.9\n"
    "))::text, true)",
    "",
    False,
    _ORIGIN,
)


def bounded(statements: Sequence[Statement]) -> Iterator[Statement]:
    """The statements of a step, and between them what bounds their waits together.

    Only relations count that a statement names, and that were there before the step; one that
    names several has a share of the time for each. A function or a ``DO`` that locks several takes
    them with ``_archive.lock_within``.
    """
    made: set[str] = set()
    begun = False
    for statement in statements:
        found = _Relations()
        found(parse_sql(statement.text))
        made |= found.made
        waits = len(found.locked - made)
        if waits:
            if not begun:
                yield _BEGIN
                begun = True
            yield _what_is_left(waits)
        yield statement


def _what_is_left(waits: int) -> Statement:
    """Sets ``lock_timeout`` so that as many waits end in time."""
    return Statement(
        "SELECT pg_catalog.set_config('lock_timeout', greatest(1, floor(\n"
        "    1000 * extract(EPOCH FROM\n"
        "        pg_catalog.current_setting('setu.lock_deadline')::timestamptz\n"
        "            - pg_catalog.clock_timestamp()\n"
        f"    ) / {waits}\n"
        "))::text, true)",
        "",
        False,
        _ORIGIN,
    )


class _Relations(Visitor):
    """The relations that statements make, and those that they lock so that others notice."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.locked: set[str] = set()

    def visit(self, _ancestors: Any, node: Any) -> None:
        """Look at a node; called for each."""
        kind = type(node)
        if kind in _LOCKS_ITS_RELATION:
            self._lock(node.relation)
        elif kind in (ast.LockStmt, ast.TruncateStmt):
            self._lock(*node.relations)
        elif kind is ast.CreatePolicyStmt:
            self._lock(node.table)
        elif kind is ast.Constraint:
            self._lock(node.pktable)
        elif kind is ast.DropStmt:
            self._drop(node)
        elif kind is ast.CreateStmt:
            self.made.add(_name(node.relation))
        elif kind is ast.CreateTableAsStmt:
            self.made.add(_name(node.into.rel))
        elif kind is ast.ViewStmt and node.replace:
            self._lock(node.view)
        elif kind is ast.ViewStmt:
            self.made.add(_name(node.view))
        if kind is ast.IndexStmt:
            self.made.add(".".join(filter(None, (node.relation.schemaname, node.idxname))))

    def _lock(self, *relations: Any) -> None:
        self.locked.update(_name(r) for r in relations if r and r.schemaname not in _OWN)

    def _drop(self, node: Any) -> None:
        for names in node.objects if node.removeType in _RELATIONS + _PARTS else ():
            parts = [name.sval for name in names]
            if parts[0] not in _OWN:
                self.locked.add(".".join(parts[:-1] if node.removeType in _PARTS else parts))


def _name(relation: Any) -> str:
    return ".".join(filter(None, (relation.schemaname, relation.relname)))
