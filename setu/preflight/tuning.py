"""Which differences from v1 are tuning: kept on the way up, back after the way down, and no harm.

v1's tables, aggregates, code and views are archived as they are, so whatever belongs to such an
object comes back with it. What would do harm is another shape: columns, keys, unique indexes, code
that does something else.
"""

from __future__ import annotations

import re
from typing import Any, Final

from setu.catalog import Catalog, Difference
from setu.catalog.difference import Change

_KEPT_WITH_THE_OBJECT: Final = frozenset(
    {
        "comment",
        "owner",
        "options",
        "toast_options",
        "tablespace",
        "tablespaces",
        "access_method",
        "replica_identity",
        "persistence",
    }
)
#: Fields of an object that may differ, by kind; those above may for every kind.
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "column": frozenset({"storage", "compression", "statistics"}),
    "function": frozenset({"cost", "rows", "parallel", "leakproof", "settings", "support"}),
    "procedure": frozenset({"settings"}),
    "index": frozenset({"clustered", "statistics"}),
    "sequence": frozenset({"cache"}),
    "hypertable": frozenset({"chunk_skipping"}),
    "dimension": frozenset({"chunk_interval", "compressed_chunk_interval"}),
    "continuous aggregate": frozenset({"materialized_only", "indexes"}),
    "job": frozenset(
        {
            "name",
            "schedule_interval",
            "fixed_schedule",
            "max_runtime",
            "max_retries",
            "retry_period",
            "config",
            "scheduled",
            "timezone",
        }
    ),
}
#: Kinds of objects that may be there beside v1's, or be gone.
_MORE: Final = frozenset({"statistics", "job"})
_LESS: Final = frozenset({"privilege", "default privilege", "job"})
_INDEX_STORAGE: Final = re.compile(r" (WITH \([^)]*\)|TABLESPACE \S+)")


def is_tuning(difference: Difference, actual: Catalog) -> bool:
    """Whether a difference is one that is kept and does no harm.

    :param actual: the catalog of the database, in which the difference was found.
    """
    kind = difference.key.kind
    if difference.change is Change.UNEXPECTED:
        return kind in _MORE or _is_plain_index(difference, actual)
    if difference.change is Change.MISSING:
        return kind in _LESS
    if kind in _LESS - _MORE:
        return True
    allowed = _KEPT_WITH_THE_OBJECT | _FIELDS.get(kind, frozenset())
    return all(
        name in allowed or (kind == "index" and name == "definition" and _same_index(*sides))
        for name, sides in difference.fields.items()
    )


def _is_plain_index(difference: Difference, actual: Catalog) -> bool:
    """Whether it is an index more that constrains nothing."""
    fields = actual.objects.get(difference.key, {})
    return difference.key.kind == "index" and not (fields.get("unique") or fields.get("constraint"))


def _same_index(expected: Any, actual: Any) -> bool:
    return _shape(expected) == _shape(actual)


def _shape(definition: Any) -> str:
    text = " ".join(definition) if isinstance(definition, list) else str(definition)
    return _INDEX_STORAGE.sub("", text)
