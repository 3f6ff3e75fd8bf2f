"""Names and types as the server prints them: ``quote_ident`` and ``format_type``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from pglast import keywords

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS: Final = frozenset(
    {*keywords.RESERVED_KEYWORDS, *keywords.COL_NAME_KEYWORDS, *keywords.TYPE_FUNC_NAME_KEYWORDS}
)
#: Names of types in the parse tree → as ``format_type`` prints them.
_PRINTED: Final = {
    "int2": "smallint",
    "int4": "integer",
    "int": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "character",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
    "decimal": "numeric",
}
#: Bits of an interval's modifier.
_YEAR, _MONTH, _DAY, _HOUR, _MINUTE, _SECOND = 1 << 2, 1 << 1, 1 << 3, 1 << 10, 1 << 11, 1 << 12
_INTERVAL_FIELDS: Final = {
    _YEAR: "year",
    _MONTH: "month",
    _DAY: "day",
    _HOUR: "hour",
    _MINUTE: "minute",
    _SECOND: "second",
    _YEAR | _MONTH: "year to month",
    _DAY | _HOUR: "day to hour",
    _DAY | _HOUR | _MINUTE: "day to minute",
    _DAY | _HOUR | _MINUTE | _SECOND: "day to second",
    _HOUR | _MINUTE: "hour to minute",
    _HOUR | _MINUTE | _SECOND: "hour to second",
    _MINUTE | _SECOND: "minute to second",
}
SERIAL: Final = {"serial": "int4", "bigserial": "int8", "smallserial": "int2", "serial4": "int4"}


@lru_cache(maxsize=8192)
def quote_ident(name: str) -> str:
    """A name, in quotes where the server would print it so."""
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str | None, name: str) -> str:
    """``schema.name``; ``public`` where no schema is given."""
    return f"{quote_ident(schema or 'public')}.{quote_ident(name)}"


def parts_of(names: Any) -> list[str]:
    """The strings of a list of names of the parse tree."""
    return [str(name.sval) for name in names or ()]


def type_text(node: Any) -> str:
    """A ``TypeName`` of the parse tree, as ``format_type`` prints it."""
    names = parts_of(node.names)
    base = names[-1]
    qualifiers = [name for name in names[:-1] if name != "pg_catalog"]
    printed = _PRINTED.get(base, base)
    if base == "char":
        printed = '"char"'
    if qualifiers:
        printed = ".".join(quote_ident(name) for name in names)
    modifiers = [_modifier(entry) for entry in node.typmods or ()]
    if base == "interval" and modifiers:
        fields = _INTERVAL_FIELDS.get(int(modifiers[0]), "")
        printed += f" {fields}" if fields else ""
        modifiers = modifiers[1:]
    if base == "numeric" and len(modifiers) == 1:
        modifiers.append("0")
    if modifiers:
        text = f"({','.join(modifiers)})"
        head, space, tail = printed.partition(" ")
        timed = base in ("timestamptz", "timestamp", "timetz", "time")
        printed = f"{head}{text}{space}{tail}" if timed else f"{printed}{text}"
    if node.arrayBounds:
        printed += "[]"
    return f"SETOF {printed}" if node.setof else printed


def base_type(text: str) -> str:
    """A printed type without its modifiers, for comparisons that do not care for them."""
    return re.sub(r"\([\d,]+\)", "", text)


def split_name(label: str) -> list[str]:
    """The parts of a qualified name as printed, without quotes: ``a."b.c"`` → ``a``, ``b.c``."""
    return [
        match[1].replace('""', '"') if match[1] is not None else match[2]
        for match in re.finditer(r'"((?:[^"]|"")*)"|([^."]+)', label)
    ]


def _modifier(node: Any) -> str:
    value = getattr(node, "val", None)
    return str(getattr(value, "ival", getattr(value, "sval", "")))
