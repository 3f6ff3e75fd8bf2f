"""Guards above a constraint that the rows of a table may break: how many do, and what to do.

PostgreSQL names one such row at most. A guard counts them before the statement is tried.
"""

from __future__ import annotations

import re
from typing import Final

from setu.review.drafted import literal
from setu.review.sql_style import LINE_LENGTH

_CHECK: Final = re.compile(r"CHECK \((.*)\)(?: NO INHERIT)?")
_UNIQUE: Final = re.compile(r"(?:UNIQUE|PRIMARY KEY) \((.*?)\)")


def not_null_guard(table: str, column: str) -> str:
    """A block that refuses where rows have no value in a column."""
    return _guard(f"set {table}.{column} NOT NULL", table, f"t.{column} IS NULL")


def constraint_guards(table: str, name: str, definition: str) -> list[str]:
    """Blocks that refuse where rows break a check, or share a key; none for other constraints."""
    check, unique = _CHECK.fullmatch(definition), _UNIQUE.match(definition)
    what = f"add {name} to {table}"
    if check is not None:
        return [_guard(what, table, f"NOT ({check[1]})")]
    if unique is None:
        return []
    columns = [f"t.{column}" for column in unique[1].split(", ")]
    there = "\n            AND ".join(f"{column} IS NOT NULL" for column in columns)
    listed = ", ".join(columns)
    shared = (
        f"    SELECT coalesce(sum(g.n), 0)\n    INTO v_rows\n    FROM (\n"
        f"        SELECT count(*) AS n\n        FROM {table} AS t\n"
        f"        WHERE {there}\n"
        f"        GROUP BY {listed}\n        HAVING count(*) > 1\n    ) AS g;"
    )
    return [_block(what, shared, f"have the same {unique[1]} as another")]


def _guard(what: str, table: str, condition: str) -> str:
    counted = f"    SELECT count(*)\n    INTO v_rows\n    FROM {table} AS t\n    WHERE {condition};"
    return _block(what, counted, f"do not fit: {condition.removeprefix('t.')}")


def _block(what: str, counted: str, found: str) -> str:
    return (
        f"DO $guard$\nDECLARE\n    v_rows bigint;\nBEGIN\n{counted}\n    IF v_rows > 0 THEN\n"
        f"        RAISE EXCEPTION {_folded(f'cannot {what} because rows do not fit')}\n"
        "            USING ERRCODE = 'integrity_constraint_violation',\n"
        f"            DETAIL = v_rows || {_folded(f' rows {found}')},\n"
        "            HINT = 'Correct these rows, or take them away, and run this again';\n"
        "    END IF;\nEND\n$guard$"
    )


def _folded(text: str) -> str:
    """A literal, in pieces where it is too long for a line; they are one to PostgreSQL."""
    width = LINE_LENGTH - 40
    pieces = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n            ".join(literal(piece) for piece in pieces)
