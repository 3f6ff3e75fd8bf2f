"""Compute the constant expressions that calls in schema files are made of, without a server.

Known are constants, casts, ``format``, ``current_setting('setu.…')`` (from the settings given),
``jsonb_build_object``, sums of intervals, arrays, and the columns of ``VALUES`` lists. Whatever
depends on the moment or on the database is :data:`UNKNOWN`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pglast import ast
from pglast.enums import BoolExprType

from setu.catalog.intervals import Interval
from setu.catalog.names import parts_of, quote_ident


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


#: The value of an expression that only a server can compute.
UNKNOWN: Final = _Unknown()


#: Stands for the name of whatever database the statements run in.
DATABASE: Final = "<database>"


class Call:
    """A call inside an expression, such as ``by_range(…)`` or ``add_job(…)``."""

    def __init__(
        self,
        name: str,
        positional: list[Any],
        named: Mapping[str, Any],
        nodes: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.positional = positional
        self.named = dict(named)
        #: The arguments with a name, as the grammar has them.
        self.nodes = dict(nodes)

    def argument(self, name: str, place: int | None = None, default: Any = None) -> Any:
        """An argument by name, or by its place."""
        if name in self.named:
            return self.named[name]
        if place is not None and place < len(self.positional):
            return self.positional[place]
        return default


Row = Mapping[str, Any]
_OWN: Final = frozenset({"by_range", "by_hash", "add_job", "alter_job"})


class Evaluator:
    """Evaluates expressions; ``settings`` are session settings by full name."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings

    def value(self, node: Any, row: Row | None = None) -> Any:
        """The value of an expression in a row (column, or ``alias.column``, → value)."""
        handler = getattr(self, f"_{type(node).__name__}", None)
        return UNKNOWN if handler is None else handler(node, row or {})

    def call(self, node: ast.FuncCall, row: Row | None = None) -> Call:
        """A function call with its arguments computed."""
        positional, named, nodes = [], {}, {}
        for argument in node.args or ():
            if isinstance(argument, ast.NamedArgExpr):
                named[str(argument.name)] = self.value(argument.arg, row)
                nodes[str(argument.name)] = argument.arg
            else:
                positional.append(self.value(argument, row))
        return Call(parts_of(node.funcname)[-1], positional, named, nodes)

    def rows(self, select: Any, outer: Row | None = None) -> Iterator[Row]:
        """The rows that a query reads; one empty row without FROM.

        Known are ``VALUES`` lists, ``jsonb_each``, and joins of these. Of a table of the server it
        is known what the query itself says: the values that a column is compared with.
        """
        found: list[Row] = [dict(outer or {})]
        for item in select.fromClause or ():
            found = [row for left in found for row in self._from(item, left, select.whereClause)]
        for row in found:
            if select.whereClause is None or self.holds(select.whereClause, row) is not False:
                yield row

    def holds(self, node: Any, row: Row) -> Any:
        """Whether a condition holds in a row: true, false, or :data:`UNKNOWN`."""
        if isinstance(node, ast.BoolExpr):
            values = [self.holds(argument, row) for argument in node.args or ()]
            if node.boolop == BoolExprType.NOT_EXPR:
                return UNKNOWN if values[0] is UNKNOWN else not values[0]
            decided = node.boolop != BoolExprType.AND_EXPR
            if decided in [value for value in values if value is not UNKNOWN]:
                return decided
            return UNKNOWN if UNKNOWN in values else not decided
        if not isinstance(node, ast.A_Expr):
            return UNKNOWN
        left = self.value(node.lexpr, row)
        right: Any = node.rexpr
        values = [self.value(v, row) for v in (right if isinstance(right, tuple) else (right,))]
        if left is UNKNOWN or UNKNOWN in values:
            return UNKNOWN
        operator = parts_of(node.name)[-1]
        if operator in ("=", "<>"):
            return (left in values) == (operator == "=")
        return UNKNOWN

    def _from(self, item: Any, row: Row, where: Any) -> Iterator[Row]:
        if isinstance(item, ast.JoinExpr):
            for left in self._from(item.larg, row, where):
                for found in self._from(item.rarg, left, item.quals or where):
                    if item.quals is None or self.holds(item.quals, found) is not False:
                        yield found
        elif isinstance(item, ast.RangeSubselect):
            yield from self._values(item, row)
        elif isinstance(item, ast.RangeFunction):
            yield from self._function(item, row)
        elif isinstance(item, ast.RangeVar):
            yield from self._table(item, row, where)

    def _values(self, item: Any, row: Row) -> Iterator[Row]:
        names = parts_of(item.alias.colnames)
        for values in item.subquery.valuesLists or ():
            found = dict(row)
            for at, value in enumerate(values):
                name = names[at] if at < len(names) else f"column{at + 1}"
                known = self.value(value, row)
                found[name] = found[f"{item.alias.aliasname}.{name}"] = known
            yield found

    def _function(self, item: Any, row: Row) -> Iterator[Row]:
        call = item.functions[0][0]
        name = parts_of(call.funcname)[-1]
        value = self.value(call.args[0], row) if call.args else UNKNOWN
        if not name.startswith("jsonb_each") or not isinstance(value, dict):
            return
        names = parts_of(item.alias.colnames) or ["key", "value"]
        for entry in value.items():
            found = dict(row)
            for column, known in zip(names, entry, strict=True):
                found[f"{item.alias.aliasname}.{column}"] = known
            yield found

    def _table(self, item: Any, row: Row, where: Any) -> Iterator[Row]:
        """One row for each value that a column is compared with."""
        alias = item.alias.aliasname if item.alias is not None else item.relname
        for condition in _conditions(where):
            if not isinstance(condition, ast.A_Expr) or parts_of(condition.name)[-1] != "=":
                continue
            column = _column(condition.lexpr)
            if column is None or not column.startswith(f"{alias}."):
                continue
            right: Any = condition.rexpr
            values = [self.value(v, row) for v in (right if isinstance(right, tuple) else (right,))]
            if UNKNOWN not in values:
                yield from ({**row, column: value} for value in values)
                return
        yield dict(row)

    # The methods below are named by their nodes.

    def _A_Const(self, node: ast.A_Const, _row: Row) -> Any:  # noqa: N802
        if node.isnull:
            return None
        value: Any = node.val
        if isinstance(value, ast.Integer):
            return int(value.ival or 0)
        if isinstance(value, ast.Boolean):
            return bool(value.boolval)
        if isinstance(value, ast.Float):
            return str(value.fval)
        return str(value.sval)

    def _TypeCast(self, node: ast.TypeCast, row: Row) -> Any:  # noqa: N802
        value = self.value(node.arg, row)
        name = parts_of(node.typeName.names)[-1]  # type: ignore[union-attr]
        if value is UNKNOWN or value is None:
            return value
        if name == "interval":
            try:
                return value if isinstance(value, Interval) else Interval.parse(str(value))
            except ValueError:
                return UNKNOWN
        if name in ("int4", "int8", "int2"):
            return int(value)
        if name in ("jsonb", "json") and isinstance(value, str):
            return json.loads(value)
        if name == "bool":
            return str(value).lower() in ("true", "t", "on", "1")
        return value

    def _NamedArgExpr(self, node: Any, row: Row) -> Any:  # noqa: N802
        return self.value(node.arg, row)

    def _A_ArrayExpr(self, node: Any, row: Row) -> Any:  # noqa: N802
        return [self.value(element, row) for element in node.elements or ()]

    def _ColumnRef(self, node: ast.ColumnRef, row: Row) -> Any:  # noqa: N802
        name = ".".join(str(getattr(field, "sval", "*")) for field in node.fields or ())
        return row.get(name, UNKNOWN)

    def _A_Expr(self, node: ast.A_Expr, row: Row) -> Any:  # noqa: N802
        operator = parts_of(node.name)[-1]
        left = self.value(node.lexpr, row) if node.lexpr is not None else None
        right = self.value(node.rexpr, row)
        if UNKNOWN in (left, right):
            return UNKNOWN
        if operator == "||":
            return f"{left}{right}"
        if operator == "+" and isinstance(left, Interval) and isinstance(right, Interval):
            return left + right
        if operator == "-" and isinstance(left, Interval) and isinstance(right, Interval):
            return left - right
        if operator == "*" and isinstance(left, int) and isinstance(right, Interval):
            return right.times(left)
        if operator == "*" and isinstance(right, int) and isinstance(left, Interval):
            return left.times(right)
        if operator == "-" and left is None and isinstance(right, int):
            return -right
        return UNKNOWN

    def _FuncCall(self, node: ast.FuncCall, row: Row) -> Any:  # noqa: N802
        call = self.call(node, row)
        if call.name in _OWN:
            return call
        values = call.positional
        if call.name == "current_setting" and values:
            return self.settings.get(str(values[0]), UNKNOWN)
        if call.name == "current_database":
            return DATABASE
        if call.name == "make_interval":
            return UNKNOWN
        if call.name in ("jsonb_build_object", "json_build_object"):
            if UNKNOWN in values:
                return UNKNOWN
            return {
                str(name): printed(value)
                for name, value in zip(values[::2], values[1::2], strict=False)
            }
        if call.name == "format" and UNKNOWN not in values:
            return _format(str(values[0]), values[1:])
        return UNKNOWN


def _conditions(where: Any) -> Iterator[Any]:
    """The conditions of a WHERE that all have to hold."""
    if isinstance(where, ast.BoolExpr) and where.boolop == BoolExprType.AND_EXPR:
        for argument in where.args or ():
            yield from _conditions(argument)
    elif where is not None:
        yield where


def _column(node: Any) -> str | None:
    """``alias.column`` of a plain column, also inside ``lower(…)``."""
    if isinstance(node, ast.FuncCall) and parts_of(node.funcname)[-1] == "lower" and node.args:
        node = node.args[0]
    if not isinstance(node, ast.ColumnRef):
        return None
    return ".".join(str(getattr(field, "sval", "*")) for field in node.fields or ())


def printed(value: Any) -> Any:
    """A value as it stands in a job's ``config``."""
    return str(value) if isinstance(value, Interval) else value


def _format(pattern: str, values: list[Any]) -> Any:
    result, at, taken = "", 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character != "%":
            result, at = result + character, at + 1
            continue
        kind = pattern[at + 1 : at + 2]
        at += 2
        if kind == "%":
            result += "%"
            continue
        if kind not in ("s", "I", "L") or taken >= len(values):
            return UNKNOWN
        value, taken = values[taken], taken + 1
        text = "" if value is None else str(value)
        if kind == "I":
            text = quote_ident(text)
        elif kind == "L":
            text = "NULL" if value is None else "'" + text.replace("'", "''") + "'"
        result += text
    return result
