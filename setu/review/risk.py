"""How dangerous a change is for a database in use, and why.

``safe``: only the catalog changes, nothing that runs today notices. ``risky``: rows are rewritten
or read under a lock, or something behaves otherwise. ``destructive``: data or an interface is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from setu.catalog import Catalog, ObjectKey
from setu.catalog.intervals import Interval
from setu.catalog.names import base_type
from setu.review.changes import RISKS, Risk, SchemaChange

Assessment = tuple[Risk, str]
_WIDENED: Final = {
    ("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"),
    ("real", "double precision"), ("integer", "numeric"), ("bigint", "numeric"),
}  # fmt: skip
#: Properties of a function that only the planner reads.
_PLANNED: Final = frozenset({"volatility", "parallel", "cost", "rows", "leakproof", "support"})
_VOLATILE: Final = re.compile(r"\b(nextval|clock_timestamp|random|gen_random_uuid|uuid\w*)\s*\(")


def assessed(change: SchemaChange, left: Catalog, right: Catalog) -> SchemaChange:
    """The change with its class and the reason for it."""
    risk, why = _assess(change, left, right)
    return replace(change, risk=risk, why=why)


def worst(found: list[Assessment]) -> Assessment:
    """The most dangerous of several assessments, which keeps the reasons of its class."""
    risk: Risk = "safe"
    for level, _ in found:
        risk = max(risk, level, key=RISKS.index)
    reasons = dict.fromkeys(why for level, why in found if level == risk)
    return risk, "; ".join(reasons)


def _assess(change: SchemaChange, left: Catalog, right: Catalog) -> Assessment:
    if change.facet == "comment":
        return "safe", "A comment changes only what people read"
    if change.facet == "owner":
        return "risky", "The new owner may do everything with the object, the old one no longer"
    if change.action == "rename":
        return "destructive", "Whatever uses the old name fails"
    by_kind = _BY_KIND.get(change.key.kind)
    if by_kind is not None:
        return by_kind(change, left, right)
    if change.action == "add":
        return "safe", "Nothing uses a new object yet"
    if change.action == "drop":
        return "destructive", "Whatever uses the object fails"
    return "risky", "It behaves otherwise from then on"


def _table(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "add":
        return "safe", "Nothing uses a new table yet"
    if change.action == "drop":
        return "destructive", "Its rows leave, and whatever uses it fails"
    if "columns" in change.fields:
        return "risky", "Columns in another order need a new table and a copy of all rows"
    if "row_security" in change.fields:
        return "risky", "Roles see other rows than before"
    if set(change.fields) == {"replica_identity"}:
        return "risky", "Each update and delete writes other columns to the log"
    return "risky", "Storage changes for rows that are written from then on"


def _column(change: SchemaChange, left: Catalog, right: Catalog) -> Assessment:
    new = right.objects.get(change.key, {})
    if change.action == "drop":
        return "destructive", "The values of the column are lost"
    if change.action == "add":
        if new.get("identity") or new.get("generated"):
            return "risky", "Each row gets a value, so the table is rewritten under its lock"
        if _volatile(new.get("default")):
            return "risky", "The default differs for each row, so the table is rewritten"
        if new.get("not_null") and new.get("default") is None:
            return "risky", "Rows that are there have no value for it"
        return "safe", "Only the catalog changes; rows that are there are not touched"
    found = [_column_field(name, pair) for name, pair in change.fields.items()]
    return worst(found)


def _column_field(name: str, pair: tuple[Any, Any]) -> Assessment:
    before, after = pair
    if name == "type":
        types = (base_type(str(before)), base_type(str(after)))
        if types in _WIDENED:
            return "risky", "Each row is rewritten under an exclusive lock"
        if types == ("character varying", "text"):
            return "safe", "The stored values stay as they are"
        return (
            "destructive",
            f"Values that are no {after} cannot stay, and readers get another type",
        )
    if name == "not_null":
        if after:
            return "risky", "All rows are read under an exclusive lock, and a null makes it fail"
        return "risky", "Readers may meet nulls"
    if name == "default":
        return "safe", "Only rows that come later get the new default"
    if name == "identity":
        return "risky", "Inserts that give a value themselves fail, or are given one"
    if name in ("generated", "generated_kind"):
        return "destructive", "Stored values are computed again"
    if name == "collation":
        return "risky", "Text sorts otherwise, and indexes on it are built anew under a lock"
    if name in ("statistics", "options"):
        return "safe", "Only what the planner estimates changes"
    return "risky", "Rows that come later are stored otherwise"


def _volatile(default: Any) -> bool:
    if default is None:
        return False
    return bool(_VOLATILE.search(str(default)))


def _constraint(change: SchemaChange, _left: Catalog, right: Catalog) -> Assessment:
    new = right.objects.get(change.key) or {}
    definition = str(new.get("definition", ""))
    if change.action == "drop":
        return "risky", "Nothing holds rows to it any more, nor can upserts name it"
    if definition.startswith(("PRIMARY", "UNIQUE", "EXCLUDE")):
        return "risky", "An index is built while writers wait, and duplicates make it fail"
    if new.get("not_valid"):
        return "risky", "Rows that come later are refused; the lock is short, since none is read"
    return "risky", "All rows are checked under a lock, unless it is added NOT VALID first"


def _index(change: SchemaChange, _left: Catalog, right: Catalog) -> Assessment:
    if change.action == "drop":
        return "risky", "Queries that used it read the whole table"
    table = (right.objects.get(change.key) or {}).get("table")
    if ObjectKey("hypertable", str(table)) in right.objects:
        return "risky", "Writers wait while it is built, unless it goes chunk by chunk"
    return "risky", "Writers wait while it is built, unless it is built CONCURRENTLY"


def _function(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "add":
        return "safe", "Nothing calls a new function yet"
    if change.action == "drop":
        return "destructive", "Whatever calls it with these arguments fails"
    if {"result", "arguments"} & set(change.fields):
        return "destructive", "Callers get another result, or must pass other arguments"
    if {"security", "settings"} & set(change.fields):
        return "risky", "It runs with other rights, or finds other objects by their names"
    if set(change.fields) <= _PLANNED:
        return "risky", "Its text is the same; queries that call it are planned otherwise"
    if set(change.fields) <= {*_PLANNED, "strict"}:
        return "risky", "It is no longer called, or now is, where an argument is null"
    return "risky", "Callers get what the new text says from the next call on"


def _trigger(change: SchemaChange, _left: Catalog, right: Catalog) -> Assessment:
    if change.action == "drop":
        return "risky", "Writers are no longer checked or followed by it"
    if (right.objects.get(change.key) or {}).get("enabled") == "disabled":
        return "risky", "It stays, but writers are no longer checked or followed by it"
    return "risky", "Each write runs it, and making it waits for all writers"


def _view(change: SchemaChange, left: Catalog, right: Catalog) -> Assessment:
    if change.action == "add":
        return "safe", "Nothing reads a new view yet"
    if change.action == "drop":
        return "destructive", "Whatever reads it fails"
    before = list((left.objects.get(change.key) or {}).get("columns") or ())
    after = list((right.objects.get(change.key) or {}).get("columns") or ())
    if after[: len(before)] != before:
        return "destructive", "Readers miss columns that they know, or find them elsewhere"
    return "risky", "Readers see what the new query gives"


def _aggregate(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "add":
        return "safe", "Nothing reads a new aggregate yet; it is empty until it is refreshed"
    if change.action == "drop":
        return "destructive", "Buckets of source rows that are gone cannot be made again"
    if set(change.fields) <= {"materialized_only"}:
        return "safe", "Only whether the newest rows are added at each read changes"
    return "destructive", "It is created again: buckets whose source rows are gone are lost"


def _hypertable(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "add":
        return "risky", "All rows of the table are moved into chunks under an exclusive lock"
    if change.action == "drop":
        return "destructive", "Only a copy turns a hypertable back into a table"
    return "risky", "Chunks that are compressed stay as they are, later ones differ"


def _dimension(change: SchemaChange, left: Catalog, right: Catalog) -> Assessment:
    if change.action == "change" and set(change.fields) == {"chunk_interval"}:
        return "safe", "Only chunks that come later have the new width"
    return _hypertable(change, left, right)


def _job(change: SchemaChange, left: Catalog, right: Catalog) -> Assessment:
    deletes = "policy_retention" in change.key.name
    if change.action == "add":
        if deletes:
            return "destructive", "It drops chunks that are older than it says"
        return "risky", "It begins to run by itself and takes its locks"
    if change.action == "drop":
        return "risky", "Its work is no longer done from then on"
    config = change.fields.get("config")
    if deletes and config and _shorter(*config):
        return "destructive", "Chunks that were kept until now are dropped"
    return "risky", "It runs at other times or does other work"


def _shorter(before: Any, after: Any) -> bool:
    try:
        old, new = (Interval.parse(str((side or {}).get("drop_after"))) for side in (before, after))
    except ValueError:
        return False
    return (new.months * 30 + new.days) < (old.months * 30 + old.days)


def _privilege(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    before, after = (_held(change, at) for at in (0, 1))
    # A right with a star may be granted on.
    lost, gained = before - after - {right.removesuffix("*") for right in after}, after - before
    if change.action != "drop" and lost and not {r.removesuffix("*") for r in lost} - after:
        return "destructive", "The role can no longer grant the right on"
    if change.action == "drop" or lost:
        return "destructive", "Sessions that used the right are refused"
    if change.key.name.endswith(" to PUBLIC") and (gained or change.action == "add"):
        return "risky", "Every role of the server gets the right"
    if any(right.endswith("*") for right in gained):
        return "risky", "The role may grant the right on to others"
    return "safe", "One role may do more"


def _held(change: SchemaChange, side: int) -> set[str]:
    pair = change.fields.get("privileges")
    return set(pair[side] or ()) if pair else set()


def _role(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "add":
        return "safe", "A new role can do nothing by itself"
    if change.action == "drop":
        return "destructive", "Sessions that connect as the role are refused"
    return "risky", "The role may do other things than before"


def _membership(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "drop":
        return "destructive", "Sessions that used rights of the other role are refused"
    return "risky", "The role may do all that the other one may"


def _setting(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    return "risky", "Each new session of the role behaves otherwise"


def _schema(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "drop":
        return "destructive", "Whatever is in it has to leave"
    return "safe", "Nothing uses a new schema yet"


def _sequence(change: SchemaChange, _left: Catalog, _right: Catalog) -> Assessment:
    if change.action == "drop":
        return "destructive", "Whatever draws from it fails"
    if change.action == "add":
        return "safe", "Nothing draws from a new sequence yet"
    return "risky", "Numbers that are drawn later differ"


_BY_KIND: Final[Mapping[str, Callable[[SchemaChange, Catalog, Catalog], Assessment]]] = {
    "table": _table,
    "column": _column,
    "constraint": _constraint,
    "index": _index,
    "function": _function,
    "procedure": _function,
    "aggregate": _function,
    "trigger": _trigger,
    "view": _view,
    "continuous aggregate": _aggregate,
    "hypertable": _hypertable,
    "dimension": _dimension,
    "job": _job,
    "privilege": _privilege,
    "default privilege": _privilege,
    "role": _role,
    "membership": _membership,
    "role setting": _setting,
    "database setting": _setting,
    "schema": _schema,
    "sequence": _sequence,
}
