"""Statements that lead from one schema to another, as far as a program can know them.

The same function drafts both directions. Objects come back whole, in the text that their side has.
Where rows decide (values for a new column that may not be null, a column that may have been
renamed), a line says what was found, and opens a point that ``setu lint`` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from setu.catalog import Catalog, ObjectKey
from setu.catalog.names import split_name
from setu.chain.scaffold import OPEN
from setu.review.archived_calls import (
    again,
    columns_of_type,
    is_computed,
    parts_that_call,
    without,
)
from setu.review.bound import bound_text, in_order, in_order_of_texts, label, objects_made_last
from setu.review.changes import SchemaChange
from setu.review.drafted import COMMUNITY, STRONG, Drafted, Drafting, last_part, literal
from setu.review.drafted_columns import add_column, change_column, drop_column
from setu.review.drafted_guards import constraint_guards
from setu.review.drafted_jobs import add_job, change_job, drop_job
from setu.review.sql_style import LINE_LENGTH

_CREATE: Final = re.compile(r"^CREATE (FUNCTION|PROCEDURE|VIEW)\b")
_COMMENT: Final = re.compile(r"^COMMENT ON\b", re.MULTILINE)
#: Kinds that COMMENT calls otherwise.
_COMMENTED_AS: Final = {"continuous aggregate": "VIEW", "enum": "TYPE", "range": "TYPE"}
_TYPES: Final = ("enum", "domain", "type")
#: Kinds of which each rank after the first takes some.
_ADDED_LATER: Final = (*_TYPES, "view", "continuous aggregate", "job", "privilege", "role setting")
#: Fields of a table that ALTER TABLE sets.
_TABLE_STATE: Final = frozenset({"options", "row_security", "replica_identity"})
_ROW_SECURITY: Final = {"enabled": ("ENABLE", "DISABLE"), "forced": ("FORCE", "NO FORCE")}
_CALLED: Final = ("function", "procedure", "sequence")
_GRANTED: Final = ("table", "view", "function", "procedure", "sequence", "schema")


def draft(before: Catalog, after: Catalog) -> Drafted:
    """Statements that lead from one schema to the other; both are from files."""
    return _Drafter(before, after).drafted()


class _Drafter(Drafting):
    def __init__(self, before: Catalog, after: Catalog) -> None:
        super().__init__(before, after)
        self._last_made = objects_made_last(after, self.changes, self.gone)

    def drafted(self) -> Drafted:
        for change in reversed([c for c in self.changes if c.action == "drop"]):
            for key in (change.key, *change.parts):
                if key.kind == "job":
                    drop_job(self, key)
        for change in self.changes:
            if change.action == "drop" and change.key.kind == "table" and not change.facet:
                for part in parts_that_call(self.before, change.key.name, self._called("drop")):
                    if is_computed(self.before, part):
                        self._open_computed(part)
                    else:
                        self.say(without(self.before, part))
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

    def _called(self, action: str) -> set[str]:
        """The functions and sequences that come or go."""
        return {
            label(change.key)
            for change in self.changes
            if change.action == action and not change.facet and change.key.kind in _CALLED
        }

    def _open_computed(self, column: ObjectKey) -> None:
        self.say(
            f"-- {OPEN}: {column.name} is computed with a function that comes or goes with its"
            " table, and\n-- the archived table needs the function. Write two revisions: one for"
            " the column alone,\n-- one for the rest.\nSELECT 1"
        )

    # -- what is bound to others

    def _drop_bound(self) -> None:
        for key in reversed(in_order(self.before, self.gone)):
            aggregate = key.kind == "continuous aggregate"
            word = "MATERIALIZED VIEW" if aggregate else key.kind.upper()
            lock = "" if "(" in key.name else f"{STRONG} on {key.name}"
            self.say(f"{COMMUNITY if aggregate else ''}DROP {word} {key.name}", lock=lock)
            if aggregate:
                self.result.loses.append(f"{key.name} beyond silver")

    def _make_bound(self) -> None:
        gone = {(key.kind, label(key)) for key in self.gone}
        for key in in_order(self.after, self._last_made):
            texts = self.texts(self.after, key)
            if (key.kind, label(key)) not in gone and key in self.before.objects:
                self.say(*(_replacing(text) for text in texts[:1]))
                continue
            view = ObjectKey("view", key.name)
            texts += [t for t in self.texts(self.after, view) if t not in texts]
            for part in self.after.sources:
                if part.kind == "column" and part.name.startswith(f"{key.name}."):
                    texts += [t for t in self.texts(self.after, part) if t not in texts]
            texts += [t for t in self.granted(self.after, key.name) if t not in texts]
            for job in self.after.objects:
                if job.kind == "job" and job.name.partition(" #")[0].endswith(f" on {key.name}"):
                    texts += self.texts(self.after, job)
            self.say(*texts)
            if key.kind == "continuous aggregate" and key in self.before.objects:
                self.say(
                    f"-- {OPEN}: {key.name} is empty now.\n-- Its policy fills it from its start"
                    " offset on; refresh what is older by hand after the deploy\n-- (not in a"
                    " transaction), then replace this by a line that says so. What retention has"
                    "\n-- dropped from silver is lost, as is a pause or a schedule that an operator"
                    " gave its policy.\nSELECT 1"
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
        # A schema goes once it is empty, and a role once it may do nothing more.
        later = {**dict.fromkeys(_TYPES, 4), "schema": 5, "role": 6}
        return later.get(kind, 2)

    def _drop(self, change: SchemaChange) -> None:
        if change.action != "drop" or change.facet or change.key in self.gone:
            return
        kind, name = change.key.kind, change.key.name
        table = change.whole.name
        part = last_part(name)
        if kind == "table":
            self.result.kept.append(f"table {name}")
            self.say(
                f"SELECT _archive.archive_table('{name}', '{_archived(name)}')",
                lock=f"{STRONG} on {name}",
            )
        elif kind == "column" and change.whole.kind == "table":
            drop_column(self, change)
        elif kind == "constraint":
            self.say(f"ALTER TABLE {table} DROP CONSTRAINT {part}", lock=f"{STRONG} on {table}")
            self._lock_referenced(self.before, [change.key], STRONG)
        elif kind == "index":
            self.say(f"DROP INDEX {name}", lock=f"{STRONG} on {table}")
        elif kind in ("function", "procedure"):
            self.say(f"DROP {kind.upper()} {name}")
        elif kind == "trigger":
            self.say(f"DROP TRIGGER {part} ON {table}", lock=f"{STRONG} on {table}")
        elif kind in _TYPES:
            self._drop_type(change)
        elif kind == "role":
            self.say(
                f"-- {OPEN}: {name} belongs to the whole server: another database may use it, or"
                "\n-- somebody made it before. Let it stay, or drop it where neither is so."
                "\nSELECT 1"
            )
        elif kind in ("schema", "sequence"):
            if kind == "sequence":
                self.result.loses.append(f"the last number of {name}")
            self.say(f"DROP {kind.upper()} {name}")
        elif kind == "membership":
            member, _, role = name.partition(" in ")
            self.say(f"REVOKE {role} FROM {member}")
        elif kind == "role setting" and " in <database>" not in name:
            role, _, setting = name.partition(".")
            self.say(f"ALTER ROLE {role} RESET {setting}")
        elif kind == "privilege":
            column = name.partition(" ")[2].rpartition(" to ")[0]
            # The rights on a column go with it.
            if not name.startswith("column ") or ObjectKey("column", column) in self.after.objects:
                self.say(self._revoked(change))
        elif kind in ("hypertable", "dimension", "role setting"):
            self.open_point(change)

    def _drop_type(self, change: SchemaChange) -> None:
        name = change.key.name
        gone = {c.key.name for c in self.changes if c.action == "drop" and c.key.kind == "table"}
        columns = columns_of_type(self.before, gone, name)
        if columns:
            self.say(
                f"-- {OPEN}: {name} cannot go, since the archived table needs it:"
                f" {columns[0].name} has this type.\n-- Give the column a type that stays, such as"
                " text with a check, and draft again; if the table is\n-- released, in a revision"
                " before.\nSELECT 1"
            )
        else:
            word = "DOMAIN" if change.key.kind == "domain" else "TYPE"
            self.say(f"DROP {word} {name}")

    def _add_types(self, change: SchemaChange) -> None:
        if change.action == "add" and not change.facet and change.key.kind in _TYPES:
            self.say(*self._whole(change))

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
            self.say(*self._whole(change))
            for key in change.parts:
                if key.kind == "job":
                    add_job(self, key)
        elif kind == "membership":
            self.say(*self.texts(self.after, change.key))
        elif kind not in _ADDED_LATER:
            self.open_point(change)

    def _add_table(self, change: SchemaChange) -> None:
        """A table, with its policies, or the archived one in its place with the parts it lacks."""
        before, after = [], []
        made = self.texts(self.after, change.key)[:1]
        lacking = parts_that_call(self.after, change.key.name, self._called("add"))
        for key in lacking:
            texts = self.texts(self.after, key)
            if is_computed(self.after, key):
                self._open_computed(key)
            elif texts[:1] == made:
                before += [without(self.after, key)] if key.kind == "constraint" else []
                after += [again(self.after, key), *texts[1:]]
            else:
                after += texts
        self.say(*(text for text in self._whole(change) if text not in after), *before)
        self._lock_referenced(self.after, change.parts, "SHARE ROW EXCLUSIVE")
        for key in change.parts:
            if key.kind == "job":
                add_job(self, key)
        schema, name = split_name(change.key.name)
        self.say(f"SELECT _archive.restore_in_place('{schema}', '{name}')", *after)

    def _lock_referenced(self, side: Catalog, keys: Iterable[ObjectKey], mode: str) -> None:
        """Note the lock on the table that a foreign key refers to: its triggers change."""
        for key in keys:
            if key.kind == "constraint":
                _, _, referred = str(side.objects[key]["definition"]).partition(" REFERENCES ")
                table = referred.partition("(")[0].strip()
                if ObjectKey("table", table) in self.before.objects:
                    self.say(lock=f"{mode} on {table}")

    def _whole(self, change: SchemaChange) -> list[str]:
        """All that the files of the new side say of a new object, in their order."""
        found: dict[tuple[str, int], str] = {}
        for key in (change.key, *(part for part in change.parts if part.kind != "job")):
            for source in self.after.sources.get(key, ()):
                if source.text:
                    mark = COMMUNITY if source.community else ""
                    found[source.file, source.number] = mark + source.text
        texts = [found[place] for place in sorted(found)]
        own = [key for key in (change.key, *change.parts) if key.kind in _GRANTED]
        granted = [t for key in own for t in self.granted(self.after, key.name)]
        return [t for t in texts if t not in granted] + list(dict.fromkeys(granted))

    def _change(self, change: SchemaChange) -> None:
        if change.action not in ("change", "rename") or change.facet:
            return
        if change.key in self._last_made:
            return
        kind, name, fields = change.key.kind, change.key.name, change.fields
        if kind == "column":
            change_column(self, change)
        elif kind in ("function", "procedure"):
            self._function(change)
        elif kind == "constraint":
            table, part = change.whole.name, last_part(name)
            definition = str(self.after.objects[change.key]["definition"])
            self.say(
                *constraint_guards(table, part, definition),
                f"ALTER TABLE {table}\n    DROP CONSTRAINT {part},\n"
                f"    ADD CONSTRAINT {part} {definition}",
                lock=f"{STRONG} on {table}",
            )
            self._lock_referenced(self.before, [change.key], STRONG)
            self._lock_referenced(self.after, [change.key], "SHARE ROW EXCLUSIVE")
        elif kind == "index":
            self.say(f"DROP INDEX {name}", lock=f"{STRONG} on {change.whole.name}")
            self._index(change)
        elif kind == "dimension" and set(fields) == {"chunk_interval"}:
            width = fields["chunk_interval"][1]
            self.say(
                "SELECT public.set_chunk_time_interval(\n"
                f"    hypertable => '{change.whole.name}',\n"
                f"    chunk_time_interval => INTERVAL '{width}'\n)"
            )
        elif kind == "trigger":
            table = change.whole.name
            self.say(
                f"DROP TRIGGER {last_part(name)} ON {table}",
                *self.texts(self.after, change.key),
                lock=f"{STRONG} on {table}",
            )
        elif kind == "job":
            change_job(self, change.key)
        elif kind == "privilege":
            self.say(self._revoked(change), *self.texts(self.after, change.key))
        elif kind == "continuous aggregate":
            value = str(fields["materialized_only"][1]).lower()
            self.say(
                f"{COMMUNITY}ALTER MATERIALIZED VIEW {name}"
                f" SET (timescaledb.materialized_only = {value})"
            )
        elif kind == "sequence" and "owned_by" in self.after.objects[change.key]:
            self._sequence(change)
        elif kind == "role setting":
            self.say(*self.texts(self.after, change.key))
        elif kind == "hypertable":
            alterations = [t for t in self.texts(self.after, change.key) if "ALTER TABLE" in t]
            self.say(*alterations, lock=f"{STRONG} on {name}")
        elif kind == "table" and set(fields) <= _TABLE_STATE:
            altered = [line for field in fields.items() for line in _altered(*field)]
            joined = ",\n    ".join(altered)
            self.say(f"ALTER TABLE {name}\n    {joined}", lock=f"{STRONG} on {name}")
        elif kind not in ("view", "continuous aggregate"):
            self.open_point(change)

    def _function(self, change: SchemaChange) -> None:
        texts = self.texts(self.after, change.key)
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
            self.say(f"DROP {change.key.kind.upper()} {old}", *texts)
            self.say(*self.granted(self.after, change.key.name))
        else:
            self.say(*(_replacing(text) for text in texts[:1]))

    def _sequence(self, change: SchemaChange) -> None:
        words = {"increment": "INCREMENT BY", "start": "START WITH", "cache": "CACHE"}
        parts = [
            f"{words[name]} {new}" for name, (_, new) in change.fields.items() if name in words
        ]
        if len(parts) != len(change.fields):
            self.open_point(change)
        if parts:
            self.say(f"ALTER SEQUENCE {change.key.name} {' '.join(parts)}")

    def _add_parts(self, change: SchemaChange) -> None:
        if change.action != "add" or change.facet or change.key == change.whole:
            return
        kind, name, table = change.key.kind, change.key.name, change.whole.name
        if change.whole in self.gone:
            return
        part, fields = last_part(name), self.after.objects[change.key]
        if kind == "column" and change.whole.kind == "table":
            add_column(self, change)
        elif kind == "constraint":
            self.say(
                *constraint_guards(table, part, str(fields["definition"])),
                f"ALTER TABLE {table}\n    ADD CONSTRAINT {part} {fields['definition']}",
                lock=f"{STRONG} on {table}, while its rows are checked",
            )
            self._lock_referenced(self.after, [change.key], "SHARE ROW EXCLUSIVE")
        elif kind == "index":
            self._index(change)
        elif kind in ("trigger", "role setting"):
            self.say(*self.texts(self.after, change.key), lock=f"SHARE ROW EXCLUSIVE on {table}")
        elif kind == "job":
            add_job(self, change.key)
        elif kind != "privilege":
            self.open_point(change)

    def _index(self, change: SchemaChange) -> None:
        table = str(self.after.objects[change.key]["table"])
        fields = self.after.objects[change.key]
        definition = str(fields["definition"])
        if self.is_hypertable(table) and not fields.get("unique"):
            # Chunk by chunk; one that a failure left behind is made anew.
            head, where, tail = definition.partition(" WHERE ")
            self.result.alone += [
                f"DROP INDEX IF EXISTS {change.key.name}",
                _wrapped(f"{head} WITH (timescaledb.transaction_per_chunk){where}{tail}"),
            ]
        else:
            self.say(_wrapped(definition), lock=f"SHARE on {table}, while the index is built")

    def _last(self, change: SchemaChange) -> None:
        """Comments and grants, once all that they are about is there."""
        if change.whole in self.gone or change.key in self.gone:
            return
        kind, name = change.key.kind, change.key.name
        if change.facet == "comment":
            self._comment(change)
        elif change.facet:
            self.open_point(change)
        elif kind == "privilege" and change.action == "add":
            table, _, role = name.partition(" ")[2].rpartition(" to ")
            table, column = table.rpartition(".")[0], last_part(table)
            if not (name.startswith("column ") and self.has_column_store(table)):
                self.say(*self.texts(self.after, change.key))
            elif self.after.objects[change.key]["privileges"] == ["INSERT"]:
                self.say(f"SELECT _etl.fn_grant_insert('{table}', '{column}', '{role}')")
            else:
                # A plain GRANT on a column fails there.
                self.open_point(change)

    def _comment(self, change: SchemaChange) -> None:
        """The comment as its file has it, else none."""
        kind, name = change.key.kind, change.key.name
        written = [t for t in self.texts(self.after, change.key) if _COMMENT.search(t)]
        on = f" ON {change.whole.name}" if kind in ("constraint", "trigger") else ""
        text = change.fields["comment"][1]
        word = _COMMENTED_AS.get(kind, kind.upper())
        mark = COMMUNITY if kind == "continuous aggregate" else ""
        said = (
            f"{mark}COMMENT ON {word} {last_part(name) if on else name}{on}"
            f" IS {'NULL' if text is None else literal(text)}"
        )
        self.say(*(written[-1:] if text is not None and written else [said]))

    def _revoked(self, change: SchemaChange) -> str:
        kind, _, rest = change.key.name.partition(" ")
        label, _, role = rest.rpartition(" to ")
        held = self.before.objects[change.key]["privileges"]
        listed = ", ".join(str(name).rstrip("*") for name in held)
        if kind == "column":
            table, column = label.rpartition(".")[0], last_part(label)
            listed = ", ".join(f"{name} ({column})" for name in listed.split(", "))
            return f"REVOKE {listed} ON {table} FROM {role}"
        word = "" if kind == "table" else f"{kind.upper()} "
        return f"REVOKE {listed} ON {word}{label} FROM {role}"


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


def _wrapped(definition: str) -> str:
    """CREATE INDEX, over lines where it is too long for one."""
    if len(definition) < LINE_LENGTH:
        return definition
    return re.sub(r" (?=ON |WITH |WHERE )", "\n    ", definition)


def _archived(table: str) -> str:
    """The name of a table in ``_archive``."""
    return f"v2_{split_name(table)[-1]}"


def _replacing(text: str) -> str:
    """A CREATE that may find the object there."""
    mark = COMMUNITY if text.startswith(COMMUNITY) else ""
    return mark + _CREATE.sub(r"CREATE OR REPLACE \1", text.removeprefix(mark), count=1)
