"""Statements that add, alter and drop columns."""

from __future__ import annotations

import re
from typing import Final

from setu.catalog import Catalog, ObjectKey
from setu.catalog.names import quote_ident, split_name
from setu.chain.scaffold import OPEN
from setu.review.changes import SchemaChange
from setu.review.drafted import STRONG, Drafting, last_part, literal
from setu.review.drafted_guards import not_null_guard
from setu.review.sql_style import LINE_LENGTH

_ZONED: Final = re.compile(r"\b(time|timestamp)(\(\d\))? (with|without) time zone")


def drop_column(drafting: Drafting, change: SchemaChange) -> None:
    """Drop a column of a table, whose values are kept where that can be."""
    table, name = change.whole.name, change.key.name
    keep = _kept_column(drafting, "fn_keep_column", change)
    if drafting.before.objects[change.key].get("generated"):
        drafting.result.computed.append(f"column {name}")
    else:
        (drafting.result.kept if keep else drafting.result.loses).append(f"column {name}")
    drafting.say(*keep)
    drafting.say(f"ALTER TABLE {table} DROP COLUMN {last_part(name)}", lock=f"{STRONG} on {table}")


def change_column(drafting: Drafting, change: SchemaChange) -> None:
    """Alter what has changed of a column."""
    table, part = change.whole.name, last_part(change.key.name)
    lines, guards = [], list[str]()
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
            if new:
                guards.append(not_null_guard(table, part))
            lines.append(f"ALTER COLUMN {part} {'SET' if new else 'DROP'} NOT NULL")
        elif name == "type":
            old, new = written_type(old), written_type(new)
            drafting.say(
                f"-- {OPEN}: {old} becomes {new}:\n-- each row is rewritten under an exclusive"
                " lock, and compressed chunks refuse it.\n-- Say how values are turned, or take"
                f" another way, and replace these lines.\nALTER TABLE {table}"
                f"\n    ALTER COLUMN {part} TYPE {new} USING {part}::{new}",
                lock=f"{STRONG} on {table}, while all rows are rewritten",
            )
        elif name == "collation" and "type" not in change.fields:
            collation = "default" if new is None else str(new)
            kind = written_type(drafting.after.objects[change.key]["type"])
            drafting.say(
                f"ALTER TABLE {table}\n    ALTER COLUMN {part} TYPE {kind}"
                f" COLLATE {quote_ident(collation)}",
                lock=f"{STRONG} on {table}, while indexes on the column are built anew",
            )
        elif name == "identity" and new is None:
            lines.append(f"ALTER COLUMN {part} DROP IDENTITY")
        elif name == "identity":
            words = f"GENERATED {new.upper()} AS IDENTITY"
            verb = "ADD" if old is None else "SET"
            words = words if old is None else f"GENERATED {new.upper()}"
            lines.append(f"ALTER COLUMN {part} {verb} {words}")
        else:
            drafting.open_point(change)
    if lines:
        joined = ",\n    ".join(lines)
        read = ", while its rows are checked" if "SET NOT NULL" in joined else ""
        drafting.say(*guards)
        drafting.say(f"ALTER TABLE {table}\n    {joined}", lock=f"{STRONG} on {table}{read}")


def add_column(drafting: Drafting, change: SchemaChange) -> None:
    """Add a column to a table that is there."""
    table, part = change.whole.name, last_part(change.key.name)
    fields = drafting.after.objects[change.key]
    words = [written_type(fields["type"])]
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
        last_part(c.key.name)
        for c in drafting.changes
        if c.action == "drop" and c.key.kind == "column" and c.whole == change.whole
    ]
    if dropped:
        note = (
            f"-- {OPEN}: {part} came and {', '.join(dropped)} went.\n-- If that is a rename, write"
            f" ALTER TABLE {table} RENAME COLUMN in place of both;\n-- else remove these lines.\n"
        )
    elif fields.get("not_null") and fields.get("default") is None:
        note = (
            f"-- {OPEN}: rows that are there have no {part}. Add it nullable, fill it, then set"
            " NOT NULL; or give a default.\n"
        )
    elif not _last_column(drafting, change):
        note = (
            f"-- {OPEN}: {part} is added behind all others, and stands before some in"
            " schema_new/:\n-- a new database would have another order. Move it to the end"
            " there, or say that the order does\n-- not matter.\n"
        )
    elif drafting.is_hypertable(table) and change.risk == "risky":
        note = (
            f"-- {OPEN}: compressed chunks take no default that differs by row. Add it without"
            " one, and fill what needs it.\n"
        )
    drafting.say(
        f"{note}ALTER TABLE {table}\n    ADD COLUMN {part} {' '.join(words)}",
        lock=f"{STRONG} on {table}, "
        + ("while all rows are rewritten" if fields.get("generated") else "for the catalog alone"),
    )
    if fields.get("comment"):
        drafting.say(f"COMMENT ON COLUMN {change.key.name} IS {literal(fields['comment'])}")
    drafting.say(*_kept_column(drafting, "fn_restore_column", change))


def _kept_column(drafting: Drafting, function: str, change: SchemaChange) -> list[str]:
    """The call that keeps a column's values, or restores them; none where it cannot be.

    It needs a key of the table that is there on both sides, and the functions themselves.
    """
    table, column = change.whole.name, split_name(change.key.name)[-1]
    fields = {
        **drafting.before.objects.get(change.key, {}),
        **drafting.after.objects.get(change.key, {}),
    }
    both = (drafting.before, drafting.after)
    there = all(any(f".{function}(" in key.name for key in side) for side in both)
    keys = [_key_of(side, table) for side in both]
    if not there or fields.get("identity") or fields.get("generated"):
        return []
    if not keys[0] or keys[0] != keys[1] or column in keys[0]:
        return []
    key = ", ".join(f"'{name}'" for name in keys[0])
    call = f"SELECT _etl.{function}('{table}', '{column}', {key})"
    if len(call) >= LINE_LENGTH:
        call = f"SELECT _etl.{function}(\n    '{table}', '{column}',\n    {key}\n)"
    return [call]


def written_type(name: object) -> str:
    """A type by the name that files of the schema give it: its long name has keywords in it."""
    return _ZONED.sub(lambda m: f"{m[1]}{'tz' if m[3] == 'with' else ''}{m[2] or ''}", str(name))


def _last_column(drafting: Drafting, change: SchemaChange) -> bool:
    """Whether only new columns stand behind a new one."""
    old = drafting.before.objects.get(change.whole, {}).get("columns", ())
    new = list(drafting.after.objects[change.whole]["columns"])
    behind = new[new.index(split_name(change.key.name)[-1]) :]
    return not any(name in old for name in behind)


def _key_of(catalog: Catalog, table: str) -> list[str]:
    """The columns of a table's key: the primary one, a unique constraint, or an identity.

    None of them may be null: a row with null there is not found again.
    """
    for words in ("PRIMARY KEY (", "UNIQUE ("):
        for key, fields in catalog.objects.items():
            definition = str(fields.get("definition", ""))
            of_table = key.kind == "constraint" and key.name.startswith(f"{table}.")
            if of_table and definition.startswith(words):
                listed = definition[len(words) :].partition(")")[0]
                names = listed.split(", ")
                if words.startswith("PRIMARY") or all(
                    catalog.objects[ObjectKey("column", f"{table}.{name}")].get("not_null")
                    for name in names
                ):
                    return [split_name(name)[0] for name in names]
    for key, fields in catalog.objects.items():
        if key.kind == "column" and key.name.startswith(f"{table}.") and fields.get("identity"):
            return [split_name(key.name)[-1]]
    return []
