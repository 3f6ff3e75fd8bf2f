"""Statements that lead from one schema to another, as far as a program can know them.

The same function drafts both directions. Objects come back whole, in the text that their side has.
Where rows decide (values for a new column that may not be null, a column that may have been
renamed), a line says what was found, and opens a point that ``setu lint`` refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from setu.catalog import Catalog, ObjectKey
from setu.catalog.names import quote_ident, split_name
from setu.chain.scaffold import OPEN
from setu.review.archived_calls import (
    again,
    columns_of_type,
    is_computed,
    parts_that_call,
    without,
)
from setu.review.bound import (
    bound_text,
    in_order,
    in_order_of_texts,
    label,
    objects_in_the_way,
    objects_made_last,
)
from setu.review.changes import SchemaChange, changes_between
from setu.review.sql_style import LINE_LENGTH

_COMMUNITY: Final = "-- @community\n"
#: As the files of the schema have it: back to the role that owns all.
_BACK: Final = (
    f"{_COMMUNITY}SELECT set_config('role',"
    " coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true)"
)
_CREATE: Final = re.compile(r"^CREATE (FUNCTION|PROCEDURE|VIEW)\b")
_TYPES: Final = ("enum", "domain", "type")
#: Kinds of which each rank after the first takes some.
_ADDED_LATER: Final = (*_TYPES, "view", "continuous aggregate", "job", "privilege", "role setting")
#: Fields of a table that ALTER TABLE sets.
_TABLE_STATE: Final = frozenset({"options", "row_security", "replica_identity"})
_ROW_SECURITY: Final = {"enabled": ("ENABLE", "DISABLE"), "forced": ("FORCE", "NO FORCE")}
_CALLED: Final = ("function", "procedure", "sequence")
_GRANTED: Final = ("table", "view", "function", "procedure", "sequence", "schema")
_STRONG: Final = "ACCESS EXCLUSIVE"


@dataclass
class Drafted:
    """SQL of one direction.

    :param statements: in order, each without its semicolon, comments above it included.
    :param alone: statements that cannot run in a transaction, for a revision of their own.
    :param locks: the locks taken, as ``mode on object``.
    :param loses: columns whose values go.
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


def draft(before: Catalog, after: Catalog) -> Drafted:
    """Statements that lead from one schema to the other; both are from files."""
    return _Drafter(before, after).drafted()


class _Drafter:
    def __init__(self, before: Catalog, after: Catalog) -> None:
        self.before, self.after = before, after
        self.result = Drafted()
        self.changes = changes_between(before, after)
        self._gone = objects_in_the_way(before, after, self.changes)
        self._last_made = objects_made_last(after, self.changes, self._gone)

    def drafted(self) -> Drafted:
        for change in reversed([c for c in self.changes if c.action == "drop"]):
            for key in (change.key, *change.parts):
                if key.kind == "job":
                    self._drop_job(key)
        for change in self.changes:
            if change.action == "drop" and change.key.kind == "table" and not change.facet:
                for part in parts_that_call(self.before, change.key.name, self._called("drop")):
                    if is_computed(self.before, part):
                        self._open_computed(part)
                    else:
                        self._say(without(self.before, part))
        self._drop_bound()
        # What hangs on columns and functions goes before them, and keys after what points to them.
        for change in sorted(self.changes, key=self._drop_rank):
            self._drop(change)
        for change in self.changes:
            self._add_types(change)
        for change in self._new_wholes():
            self._add_whole(change)
        for rank in (self._change, self._add_parts):
            for change in self.changes:
                rank(change)
        self._make_bound()
        for change in self.changes:
            self._last(change)
        return self.result

    # -- helpers

    def _say(self, *statements: str, lock: str = "") -> None:
        self.result.statements += [s for s in statements if s not in self.result.statements]
        if lock and lock not in self.result.locks:
            self.result.locks.append(lock)

    def _hypertable(self, table: str) -> bool:
        return ObjectKey("hypertable", table) in self.before.objects

    def _column_store(self, table: str) -> bool:
        hypertable = self.before.objects.get(ObjectKey("hypertable", table), {})
        return bool(hypertable.get("column_store"))

    def _texts(self, catalog: Catalog, key: ObjectKey) -> list[str]:
        """The statements that make an object and its grants, from the files of a side."""
        found = []
        for source in catalog.sources.get(key, ()):
            if source.text:
                found.append((_COMMUNITY if source.community else "") + source.text)
        return found

    def _granted(self, catalog: Catalog, label: str) -> list[str]:
        """GRANT and REVOKE statements about an object, also those that leave nothing behind."""
        texts: list[str] = []
        for key in catalog.sources:
            if key.kind == "privilege" and key.name.partition(" ")[2].startswith(f"{label} to "):
                texts += [t for t in self._texts(catalog, key) if t not in texts]
        return texts

    def _called(self, action: str) -> set[str]:
        """The functions and sequences that come or go."""
        return {
            label(change.key)
            for change in self.changes
            if change.action == action and not change.facet and change.key.kind in _CALLED
        }

    def _open_computed(self, column: ObjectKey) -> None:
        self._say(
            f"-- {OPEN}: {column.name} is computed with a function that comes or goes with its"
            " table, and\n-- the archived table needs the function. Write two revisions: one for"
            " the column alone,\n-- one for the rest.\nSELECT 1"
        )

    # -- what is bound to others

    def _drop_bound(self) -> None:
        for key in reversed(in_order(self.before, self._gone)):
            aggregate = key.kind == "continuous aggregate"
            word = "MATERIALIZED VIEW" if aggregate else key.kind.upper()
            lock = "" if "(" in key.name else f"{_STRONG} on {key.name}"
            self._say(f"{_COMMUNITY if aggregate else ''}DROP {word} {key.name}", lock=lock)

    def _make_bound(self) -> None:
        gone = {(key.kind, label(key)) for key in self._gone}
        for key in in_order(self.after, self._last_made):
            texts = self._texts(self.after, key)
            if (key.kind, label(key)) not in gone and key in self.before.objects:
                self._say(*(_replacing(text) for text in texts[:1]))
                continue
            view = ObjectKey("view", key.name)
            texts += [t for t in self._texts(self.after, view) if t not in texts]
            for part in self.after.sources:
                if part.kind == "column" and part.name.startswith(f"{key.name}."):
                    texts += [t for t in self._texts(self.after, part) if t not in texts]
            texts += [t for t in self._granted(self.after, key.name) if t not in texts]
            for job in self.after.objects:
                if job.kind == "job" and job.name.partition(" #")[0].endswith(f" on {key.name}"):
                    texts += self._texts(self.after, job)
            self._say(*texts)
            if key.kind == "continuous aggregate" and key in self.before.objects:
                self._say(
                    f"-- {OPEN}: {key.name} is empty now.\n-- Its policy fills it from its start"
                    " offset on; refresh what is older by hand after the deploy\n-- (not in a"
                    " transaction), then replace this by a line that says so.\nSELECT 1"
                )

    # -- the ranks

    def _drop_rank(self, change: SchemaChange) -> int:
        kind = change.key.kind
        definition = str(self.before.objects.get(change.key, {}).get("definition", ""))
        if kind == "trigger" or (kind == "constraint" and definition.startswith("FOREIGN")):
            return 0
        if kind in ("constraint", "index"):
            return 1
        if kind in ("function", "procedure"):
            return 3
        return 4 if kind in _TYPES else 2

    def _drop(self, change: SchemaChange) -> None:
        if change.action != "drop" or change.facet or change.key in self._gone:
            return
        kind, name = change.key.kind, change.key.name
        table = change.whole.name
        part = _last_part(name)
        if kind == "table":
            self.result.kept.append(f"table {name}")
            self._say(
                f"SELECT _archive.archive_table('{name}', '{_archived(name)}')",
                lock=f"{_STRONG} on {name}",
            )
        elif kind == "column" and change.whole.kind == "table":
            keep = self._kept_column("fn_keep_column", change)
            if self.before.objects[change.key].get("generated"):
                self.result.computed.append(f"column {name}")
            else:
                (self.result.kept if keep else self.result.loses).append(f"column {name}")
            self._say(*keep)
            self._say(f"ALTER TABLE {table} DROP COLUMN {part}", lock=f"{_STRONG} on {table}")
        elif kind == "constraint":
            self._say(f"ALTER TABLE {table} DROP CONSTRAINT {part}", lock=f"{_STRONG} on {table}")
        elif kind == "index":
            self._say(f"DROP INDEX {name}", lock=f"{_STRONG} on {table}")
        elif kind in ("function", "procedure"):
            self._say(f"DROP {kind.upper()} {name}")
        elif kind == "trigger":
            self._say(f"DROP TRIGGER {part} ON {table}", lock=f"{_STRONG} on {table}")
        elif kind in _TYPES:
            self._drop_type(change)
        elif kind in ("schema", "sequence", "role"):
            if kind == "sequence":
                self.result.loses.append(f"the last number of {name}")
            self._say(f"DROP {kind.upper()} {name}")
        elif kind == "membership":
            member, _, role = name.partition(" in ")
            self._say(f"REVOKE {role} FROM {member}")
        elif kind == "role setting" and " in <database>" not in name:
            role, _, setting = name.partition(".")
            self._say(f"ALTER ROLE {role} RESET {setting}")
        elif kind == "privilege":
            column = name.partition(" ")[2].rpartition(" to ")[0]
            # The rights on a column go with it.
            if not name.startswith("column ") or ObjectKey("column", column) in self.after.objects:
                self._say(self._revoked(change))
        elif kind in ("hypertable", "dimension", "role setting"):
            self._open(change)

    def _drop_type(self, change: SchemaChange) -> None:
        name = change.key.name
        gone = {c.key.name for c in self.changes if c.action == "drop" and c.key.kind == "table"}
        columns = columns_of_type(self.before, gone, name)
        if columns:
            self._say(
                f"-- {OPEN}: {name} cannot go, since the archived table needs it:"
                f" {columns[0].name} has this type.\n-- Keep its file in schema_new/, and draft"
                " again.\nSELECT 1"
            )
        else:
            word = "DOMAIN" if change.key.kind == "domain" else "TYPE"
            self._say(f"DROP {word} {name}")

    def _add_types(self, change: SchemaChange) -> None:
        if change.action == "add" and not change.facet and change.key.kind in _TYPES:
            self._say(*self._whole(change))

    def _new_wholes(self) -> list[SchemaChange]:
        """The objects to add, each after those that its text names."""
        added = {
            change.key: change
            for change in self.changes
            if change.action == "add" and not change.facet and change.key == change.whole
        }
        texts = {
            key: bound_text(self.after, key) if "(" in key.name else "\n".join(self._whole(change))
            for key, change in added.items()
            if key not in self._last_made
        }
        return [added[key] for key in in_order_of_texts(texts)]

    def _add_whole(self, change: SchemaChange) -> None:
        kind = change.key.kind
        if kind == "table":
            self._add_table(change)
        elif kind in ("function", "procedure", "schema", "sequence", "role"):
            self._say(*self._whole(change))
            for key in change.parts:
                if key.kind == "job":
                    self._job(key)
        elif kind == "membership":
            self._say(*self._texts(self.after, change.key))
        elif kind not in _ADDED_LATER:
            self._open(change)

    def _add_table(self, change: SchemaChange) -> None:
        """A table, with its policies, or the archived one in its place with the parts it lacks."""
        before, after = [], []
        made = self._texts(self.after, change.key)[:1]
        lacking = parts_that_call(self.after, change.key.name, self._called("add"))
        for key in lacking:
            texts = self._texts(self.after, key)
            if is_computed(self.after, key):
                self._open_computed(key)
            elif texts[:1] == made:
                before += [without(self.after, key)] if key.kind == "constraint" else []
                after += [again(self.after, key), *texts[1:]]
            else:
                after += texts
        self._say(*(text for text in self._whole(change) if text not in after), *before)
        for key in change.parts:
            if key.kind == "job":
                self._job(key)
        schema, name = split_name(change.key.name)
        self._say(f"SELECT _archive.restore_in_place('{schema}', '{name}')", *after)

    def _whole(self, change: SchemaChange) -> list[str]:
        """All that the files of the new side say of a new object, in their order."""
        found: dict[tuple[str, int], str] = {}
        for key in (change.key, *(part for part in change.parts if part.kind != "job")):
            for source in self.after.sources.get(key, ()):
                if source.text:
                    mark = _COMMUNITY if source.community else ""
                    found[source.file, source.line] = mark + source.text
        texts = [found[place] for place in sorted(found)]
        own = [key for key in (change.key, *change.parts) if key.kind in _GRANTED]
        granted = [t for key in own for t in self._granted(self.after, key.name)]
        return [t for t in texts if t not in granted] + list(dict.fromkeys(granted))

    def _change(self, change: SchemaChange) -> None:
        if change.action not in ("change", "rename") or change.facet:
            return
        if change.key in self._last_made:
            return
        kind, name, fields = change.key.kind, change.key.name, change.fields
        if kind == "column":
            self._column(change)
        elif kind in ("function", "procedure"):
            self._function(change)
        elif kind == "constraint":
            table, part = change.whole.name, _last_part(name)
            definition = self.after.objects[change.key]["definition"]
            self._say(
                f"ALTER TABLE {table}\n    DROP CONSTRAINT {part},\n"
                f"    ADD CONSTRAINT {part} {definition}",
                lock=f"{_STRONG} on {table}",
            )
        elif kind == "index":
            self._say(f"DROP INDEX {name}", lock=f"{_STRONG} on {change.whole.name}")
            self._index(change)
        elif kind == "dimension" and set(fields) == {"chunk_interval"}:
            width = fields["chunk_interval"][1]
            self._say(
                "SELECT public.set_chunk_time_interval(\n"
                f"    hypertable => '{change.whole.name}',\n"
                f"    chunk_time_interval => INTERVAL '{width}'\n)"
            )
        elif kind == "trigger":
            table = change.whole.name
            self._say(
                f"DROP TRIGGER {_last_part(name)} ON {table}",
                *self._texts(self.after, change.key),
                lock=f"{_STRONG} on {table}",
            )
        elif kind == "job":
            self._drop_job(change.key)
            self._job(change.key)
        elif kind == "privilege":
            self._say(self._revoked(change), *self._texts(self.after, change.key))
        elif kind == "continuous aggregate":
            value = str(fields["materialized_only"][1]).lower()
            self._say(
                f"{_COMMUNITY}ALTER MATERIALIZED VIEW {name}"
                f" SET (timescaledb.materialized_only = {value})"
            )
        elif kind == "sequence" and "owned_by" in self.after.objects[change.key]:
            self._sequence(change)
        elif kind == "role setting":
            self._say(*self._texts(self.after, change.key))
        elif kind == "hypertable":
            alterations = [t for t in self._texts(self.after, change.key) if "ALTER TABLE" in t]
            self._say(*alterations, lock=f"{_STRONG} on {name}")
        elif kind == "table" and set(fields) <= _TABLE_STATE:
            altered = [line for field in fields.items() for line in _altered(*field)]
            joined = ",\n    ".join(altered)
            self._say(f"ALTER TABLE {name}\n    {joined}", lock=f"{_STRONG} on {name}")
        elif kind not in ("view", "continuous aggregate"):
            self._open(change)

    def _column(self, change: SchemaChange) -> None:
        table, part = change.whole.name, _last_part(change.key.name)
        lines = []
        for name, (old, new) in change.fields.items():
            if name == "default":
                lines.append(
                    f"ALTER COLUMN {part} DROP DEFAULT"
                    if new is None
                    else f"ALTER COLUMN {part} SET DEFAULT {new}"
                )
            elif name == "statistics":
                lines.append(f"ALTER COLUMN {part} SET STATISTICS {-1 if new is None else new}")
            elif name == "not_null":
                lines.append(f"ALTER COLUMN {part} {'SET' if new else 'DROP'} NOT NULL")
            elif name == "type":
                self._say(
                    f"-- {OPEN}: {old} becomes {new}: each row is rewritten under an exclusive"
                    " lock, and compressed chunks refuse it.\n-- Say how values are turned, or"
                    f" take another way, and replace this line.\nALTER TABLE {table}"
                    f"\n    ALTER COLUMN {part} TYPE {new} USING {part}::{new}",
                    lock=f"{_STRONG} on {table}, while all rows are rewritten",
                )
            elif name == "collation" and "type" not in change.fields:
                collation = "default" if new is None else str(new)
                kind = self.after.objects[change.key]["type"]
                self._say(
                    f"ALTER TABLE {table}\n    ALTER COLUMN {part} TYPE {kind}"
                    f" COLLATE {quote_ident(collation)}",
                    lock=f"{_STRONG} on {table}, while indexes on the column are built anew",
                )
            elif name == "identity" and new is None:
                lines.append(f"ALTER COLUMN {part} DROP IDENTITY")
            elif name == "identity":
                words = f"GENERATED {new.upper()} AS IDENTITY"
                verb = "ADD" if old is None else "SET"
                words = words if old is None else f"GENERATED {new.upper()}"
                lines.append(f"ALTER COLUMN {part} {verb} {words}")
            else:
                self._open(change)
        if lines:
            joined = ",\n    ".join(lines)
            self._say(f"ALTER TABLE {table}\n    {joined}", lock=f"{_STRONG} on {table}")

    def _function(self, change: SchemaChange) -> None:
        texts = self._texts(self.after, change.key)
        if "arguments" in change.fields or "result" in change.fields:
            old = next(
                (
                    key.name
                    for key in self.before.objects
                    if key.kind == change.key.kind
                    and key.name.partition("(")[0] == change.key.name.partition("(")[0]
                ),
                change.key.name,
            )
            self._say(f"DROP {change.key.kind.upper()} {old}", *texts)
            self._say(*self._granted(self.after, change.key.name))
        else:
            self._say(*(_replacing(text) for text in texts[:1]))

    def _sequence(self, change: SchemaChange) -> None:
        words = {"increment": "INCREMENT BY", "start": "START WITH", "cache": "CACHE"}
        parts = [
            f"{words[name]} {new}" for name, (_, new) in change.fields.items() if name in words
        ]
        if len(parts) != len(change.fields):
            self._open(change)
        if parts:
            self._say(f"ALTER SEQUENCE {change.key.name} {' '.join(parts)}")

    def _add_parts(self, change: SchemaChange) -> None:
        if change.action != "add" or change.facet or change.key == change.whole:
            return
        kind, name, table = change.key.kind, change.key.name, change.whole.name
        if change.whole in self._gone:
            return
        part, fields = _last_part(name), self.after.objects[change.key]
        if kind == "column" and change.whole.kind == "table":
            self._new_column(change)
        elif kind == "constraint":
            self._say(
                f"ALTER TABLE {table}\n    ADD CONSTRAINT {part} {fields['definition']}",
                lock=f"{_STRONG} on {table}, while its rows are checked",
            )
        elif kind == "index":
            self._index(change)
        elif kind in ("trigger", "role setting"):
            self._say(*self._texts(self.after, change.key), lock=f"SHARE ROW EXCLUSIVE on {table}")
        elif kind == "job":
            self._job(change.key)
        elif kind != "privilege":
            self._open(change)

    def _new_column(self, change: SchemaChange) -> None:
        table, part = change.whole.name, _last_part(change.key.name)
        fields = self.after.objects[change.key]
        words = [str(fields["type"])]
        if fields.get("collation"):
            words.append(f"COLLATE {quote_ident(str(fields['collation']))}")
        if fields.get("generated"):
            words.append(f"GENERATED ALWAYS AS ({fields['generated']}) STORED")
        if fields.get("identity"):
            words.append(f"GENERATED {fields['identity'].upper()} AS IDENTITY")
        elif fields.get("not_null"):
            words.append("NOT NULL")
        if fields.get("default") is not None:
            words.append(f"DEFAULT {fields['default']}")
        note = ""
        dropped = [
            _last_part(c.key.name)
            for c in self.changes
            if c.action == "drop" and c.key.kind == "column" and c.whole == change.whole
        ]
        if dropped:
            note = (
                f"-- {OPEN}: {part} came and {', '.join(dropped)} went. If that is a rename, write"
                f" ALTER TABLE {table} RENAME COLUMN\n-- in place of both; else remove this line.\n"
            )
        elif fields.get("not_null") and fields.get("default") is None:
            note = (
                f"-- {OPEN}: rows that are there have no {part}. Add it nullable, fill it, then set"
                " NOT NULL; or give a default.\n"
            )
        elif not self._last_column(change):
            note = (
                f"-- {OPEN}: {part} is added behind all others, and stands before some in"
                " schema_new/:\n-- a new database would have another order. Move it to the end"
                " there, or say that the order does\n-- not matter.\n"
            )
        elif self._hypertable(table) and change.risk == "risky":
            note = (
                f"-- {OPEN}: compressed chunks take no default that differs by row. Add it without"
                " one, and fill what needs it.\n"
            )
        self._say(
            f"{note}ALTER TABLE {table}\n    ADD COLUMN {part} {' '.join(words)}",
            lock=f"{_STRONG} on {table}, "
            + (
                "while all rows are rewritten"
                if fields.get("generated")
                else "for the catalog alone"
            ),
        )
        if fields.get("comment"):
            self._say(f"COMMENT ON COLUMN {change.key.name} IS {_literal(fields['comment'])}")
        self._say(*self._kept_column("fn_restore_column", change))

    def _kept_column(self, function: str, change: SchemaChange) -> list[str]:
        """The call that keeps a column's values, or restores them; none where it cannot be.

        It needs a key of the table that is there on both sides, and the functions themselves.
        """
        table, column = change.whole.name, split_name(change.key.name)[-1]
        fields = {
            **self.before.objects.get(change.key, {}),
            **self.after.objects.get(change.key, {}),
        }
        sides = (self.before, self.after)
        there = all(any(f".{function}(" in key.name for key in side) for side in sides)
        keys = [_key_of(side, table) for side in sides]
        if not there or fields.get("identity") or fields.get("generated"):
            return []
        if not keys[0] or keys[0] != keys[1] or column in keys[0]:
            return []
        key = ", ".join(f"'{name}'" for name in keys[0])
        call = f"SELECT _etl.{function}('{table}', '{column}', {key})"
        if len(call) >= LINE_LENGTH:
            call = f"SELECT _etl.{function}(\n    '{table}', '{column}',\n    {key}\n)"
        return [call]

    def _last_column(self, change: SchemaChange) -> bool:
        """Whether only new columns stand behind a new one."""
        old = self.before.objects.get(change.whole, {}).get("columns", ())
        new = list(self.after.objects[change.whole]["columns"])
        behind = new[new.index(split_name(change.key.name)[-1]) :]
        return not any(name in old for name in behind)

    def _index(self, change: SchemaChange) -> None:
        table = str(self.after.objects[change.key]["table"])
        fields = self.after.objects[change.key]
        definition = str(fields["definition"])
        if self._hypertable(table) and not fields.get("unique"):
            # Chunk by chunk; one that a failure left behind is made anew.
            head, where, tail = definition.partition(" WHERE ")
            self.result.alone += [
                f"DROP INDEX IF EXISTS {change.key.name}",
                f"{head} WITH (timescaledb.transaction_per_chunk){where}{tail}",
            ]
        else:
            self._say(definition, lock=f"SHARE on {table}, while the index is built")

    def _last(self, change: SchemaChange) -> None:
        """Comments and grants, once all that they are about is there."""
        if change.whole in self._gone or change.key in self._gone:
            return
        kind, name = change.key.kind, change.key.name
        if change.facet == "comment":
            text = change.fields["comment"][1]
            written = "NULL" if text is None else _literal(text)
            label = name
            on = f" ON {change.whole.name}" if kind in ("constraint", "trigger") else ""
            label = _last_part(name) if on else label
            self._say(f"COMMENT ON {kind.upper()} {label}{on} IS {written}")
        elif change.facet:
            self._open(change)
        elif kind == "privilege" and change.action == "add":
            table, _, role = name.partition(" ")[2].rpartition(" to ")
            table, column = table.rpartition(".")[0], _last_part(table)
            if name.startswith("column ") and self._column_store(table):
                # A plain GRANT on a column fails there.
                self._say(f"SELECT _etl.fn_grant_insert('{table}', '{column}', '{role}')")
            else:
                self._say(*self._texts(self.after, change.key))

    def _revoked(self, change: SchemaChange) -> str:
        kind, _, rest = change.key.name.partition(" ")
        label, _, role = rest.rpartition(" to ")
        held = self.before.objects[change.key]["privileges"]
        listed = ", ".join(str(name).rstrip("*") for name in held)
        if kind == "column":
            table, column = label.rpartition(".")[0], _last_part(label)
            listed = ", ".join(f"{name} ({column})" for name in listed.split(", "))
            return f"REVOKE {listed} ON {table} FROM {role}"
        word = "" if kind == "table" else f"{kind.upper()} "
        return f"REVOKE {listed} ON {word}{label} FROM {role}"

    def _drop_job(self, key: ObjectKey) -> None:
        proc, _, table = key.name.partition(" #")[0].partition(" on ")
        gone = ObjectKey("table", table) not in self.after.objects
        if ObjectKey("continuous aggregate", table) in self._gone:
            return
        if gone and ObjectKey("table", table) in self.before.objects:
            return  # it goes with its table
        calls = {
            "policy_retention": ("SELECT public.remove_retention_policy", "relation"),
            "policy_compression": ("CALL public.remove_columnstore_policy", "hypertable"),
            "policy_refresh_continuous_aggregate": (
                "SELECT public.remove_continuous_aggregate_policy",
                "continuous_aggregate",
            ),
        }
        known = calls.get(proc.rpartition(".")[2])
        if known is not None:
            self._say(f"{_COMMUNITY}{known[0]}({known[1]} => '{table}')")
            return
        schema, name = split_name(proc)
        self._say(
            f"{_COMMUNITY}SELECT public.delete_job(j.job_id)\n"
            "FROM timescaledb_information.jobs AS j\n"
            f"WHERE j.proc_schema = '{schema}' AND j.proc_name = '{name}'"
        )

    def _job(self, key: ObjectKey) -> None:
        """A job, as the role that owns it: a job belongs to the role that is current then."""
        owner = str(self.after.objects[key].get("owner", "<owner>"))
        texts = self._texts(self.after, key)
        others = [k for k in self.after.sources if k.kind == "job" and k != key]
        if any(self.after.sources[k] == self.after.sources[key] for k in others):
            # Its statement makes more jobs than this one.
            texts = [_COMMUNITY + _job_text(key, self.after.objects[key])]
        if owner != "<owner>" and texts and texts[0] not in self.result.statements:
            self.result.statements.append(f"{_COMMUNITY}SET LOCAL ROLE {owner}")
            self._say(*texts)
            self.result.statements.append(_BACK)
        else:
            self._say(*texts)

    def _open(self, change: SchemaChange) -> None:
        details = "".join(f"\n--   {detail}" for detail in change.details)
        self._say(f"-- {OPEN}: {change.title}{details}\nSELECT 1")


def _altered(field_: str, pair: tuple[Any, Any]) -> list[str]:
    """What ALTER TABLE says where one of :data:`_TABLE_STATE` changed."""
    after = pair[1]
    if field_ == "replica_identity":
        return [f"REPLICA IDENTITY {str(after or 'default').upper()}"]
    if field_ == "row_security":
        old, new = (set(str(side).split(", ")) if side else set() for side in pair)
        words = [_ROW_SECURITY[state][0] for state in sorted(new - old)]
        words += [_ROW_SECURITY[state][1] for state in sorted(old - new)]
        return [f"{word} ROW LEVEL SECURITY" for word in words]
    names = {side: [str(o).partition("=")[0] for o in pair[side] or ()] for side in (0, 1)}
    gone = [name for name in names[0] if name not in names[1]]
    listed = ", ".join(str(option) for option in after or ())
    return [f"SET ({listed})"] * bool(listed) + [f"RESET ({', '.join(gone)})"] * bool(gone)


def _key_of(catalog: Catalog, table: str) -> list[str]:
    """The columns of a table's key: the primary one, a unique constraint, or an identity."""
    for words in ("PRIMARY KEY (", "UNIQUE ("):
        for key, fields in catalog.objects.items():
            definition = str(fields.get("definition", ""))
            of_table = key.kind == "constraint" and key.name.startswith(f"{table}.")
            if of_table and definition.startswith(words):
                listed = definition[len(words) :].partition(")")[0]
                return [split_name(name)[0] for name in listed.split(", ")]
    for key, fields in catalog.objects.items():
        if key.kind == "column" and key.name.startswith(f"{table}.") and fields.get("identity"):
            return [split_name(key.name)[-1]]
    return []


def _archived(table: str) -> str:
    """The name of a table in ``_archive``."""
    return f"v2_{split_name(table)[-1]}"


def _job_text(key: ObjectKey, fields: Mapping[str, Any]) -> str:
    """A call that adds one job, from what is known of it."""
    config = json.dumps(fields.get("config"))
    lines = [
        f"proc => '{key.name.partition(' #')[0]}'",
        f"schedule_interval => INTERVAL '{fields['schedule_interval']}'",
        f"config => '{config}'",
        "initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '1 minute'",
        f"fixed_schedule => {str(bool(fields.get('fixed_schedule', True))).lower()}",
    ]
    inner = ",\n        ".join(lines)
    outer = [f"job_id => add_job(\n        {inner}\n    )"]
    for name in ("max_runtime", "max_retries", "retry_period"):
        value = fields.get(name)
        if value is not None:
            written = str(value) if name == "max_retries" else f"INTERVAL '{value}'"
            outer.append(f"{name} => {written}")
    joined = ",\n    ".join(outer)
    return f"SELECT alter_job(\n    {joined}\n)"


def _ended(statement: str) -> str:
    return f"{statement.strip().removesuffix(';')};"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _last_part(label: str) -> str:
    parts = re.findall(r'"(?:[^"]|"")*"|[^".]+', label)
    return str(parts[-1])


def _replacing(text: str) -> str:
    """A CREATE that may find the object there."""
    mark = _COMMUNITY if text.startswith(_COMMUNITY) else ""
    return mark + _CREATE.sub(r"CREATE OR REPLACE \1", text.removeprefix(mark), count=1)


def open_points(text: str) -> int:
    """How many points of a draft a person has to settle."""
    return sum(OPEN in line for line in text.splitlines())
