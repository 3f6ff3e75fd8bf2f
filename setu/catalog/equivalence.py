"""Compare the server's text of an expression with a file's.

A file has ``x IN (1, 2)``, the server prints ``(x = ANY (ARRAY[1, 2]))``. Both are parsed, and the
trees are walked together: casts that the analyser adds, expanded lists, output names, spelled-out
types, default sort orders and optional qualifiers are allowed on the server's side; anything else
is a difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pglast import ast, parser
from pglast.enums import A_Expr_Kind, BoolExprType, SortByDir, SortByNulls

from setu.catalog.intervals import Interval
from setu.catalog.names import parts_of, type_text
from setu.catalog.trees import parse
from setu.catalog.written import option_value

_IGNORED: Final = frozenset(
    {
        "location", "stmt_location", "stmt_len", "row_format", "funcformat", "rexpr_list_start",
        "rexpr_list_end", "list_start", "list_end", "relpersistence", "inh", "limitOption",
        "isNatural", "name_location", "rtindex",
    }
)  # fmt: skip


def equivalent_text(field: str, written: Any, printed: Any, *, exact: bool = False) -> bool:
    """Whether a field's text in a file and that of the server say the same.

    :param field: what the text is: ``definition``, ``default``, ``arguments``, ``body``.
    :param exact: both texts are written, so that neither has casts that the other leaves out.
    """
    if written == printed:
        return True
    left, right = _joined(written), _joined(printed)
    for wrap in _WRAPS[field]:
        mine, theirs = _parsed(wrap % left), _parsed(wrap % right)
        if mine is not None and theirs is not None:
            return _Matcher(exact=exact).same(mine, theirs)
    return False


_WRAPS: Final[Mapping[str, Sequence[str]]] = {
    "default": ("SELECT %s",),
    "generated": ("SELECT %s",),
    "definition": ("%s", "ALTER TABLE t ADD CONSTRAINT c %s"),
    "arguments": ("CREATE FUNCTION f(%s) RETURNS int LANGUAGE sql", "CREATE PROCEDURE f(%s) AS ''"),
    "body": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql %s",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE %s",
    ),
}


def _joined(value: Any) -> str:
    text = "\n".join(str(line) for line in value) if isinstance(value, list) else str(value)
    return text.strip().removesuffix(";")


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    try:
        statements = parse(text)
    except parser.ParseError:
        return None
    return statements[0].stmt if len(statements) == 1 else None


class _Matcher:
    def __init__(self, *, exact: bool = False) -> None:
        self.exact = exact

    def same(self, file: Any, server: Any) -> bool:
        """Whether two nodes, or lists of nodes, or values mean the same."""
        file, server = _simplified(file), _simplified(server)
        if isinstance(file, ast.Node) or isinstance(server, ast.Node):
            return self._nodes(file, server)
        if isinstance(file, tuple) or isinstance(server, tuple):
            left, right = file or (), server or ()
            return len(left) == len(right) and all(map(self.same, left, right))
        return (file or None) == (server or None)

    def _nodes(self, file: Any, server: Any) -> bool:
        if file is None and _is_null(server):
            return True  # CASE without ELSE
        if isinstance(server, ast.TypeCast) and not self.exact:
            if isinstance(file, ast.TypeCast):
                return self._casts(file, server) or self.same(file, server.arg)
            return self.same(file, server.arg)
        if isinstance(file, ast.TypeCast) and isinstance(server, ast.TypeCast):
            return self._casts(file, server)
        if self.exact and type(file) is not type(server):
            return False
        if isinstance(file, ast.TypeCast) and type(file.arg) is type(server):
            return self.same(file.arg, server)  # a cast to the type that it has
        if type(file) is not type(server):
            return False
        special = getattr(self, f"_{type(file).__name__}", None)
        if special is not None:
            return bool(special(file, server))
        return self._slots(file, server)

    def _slots(self, file: Any, server: Any, *, without: Sequence[str] = ()) -> bool:
        return all(
            self.same(getattr(file, slot), getattr(server, slot))
            for slot in file.__slots__
            if slot not in _IGNORED and slot not in without
        )

    def _casts(self, file: ast.TypeCast, server: ast.TypeCast) -> bool:
        left, right = type_text(file.typeName), type_text(server.typeName)
        if left.removeprefix("public.") != right.removeprefix("public."):
            return False
        if left == "interval":
            texts = [_constant(file.arg), _constant(server.arg)]
            if None not in texts:
                try:
                    return Interval.parse(str(texts[0])) == Interval.parse(str(texts[1]))
                except ValueError:
                    return texts[0] == texts[1]
        if left.startswith("time") and None not in (_constant(file.arg), _constant(server.arg)):
            first, second = (str(_constant(cast.arg)) for cast in (file, server))
            return second in (first, f"{first}:00", f"{first}:00:00")
        return self.same(file.arg, server.arg)

    # Named by their nodes.

    def _A_Const(self, file: ast.A_Const, server: ast.A_Const) -> bool:  # noqa: N802
        return _constant(file) == _constant(server)

    def _TypeName(self, file: ast.TypeName, server: ast.TypeName) -> bool:  # noqa: N802
        return type_text(file).split(".")[-1] == type_text(server).split(".")[-1]

    def _ColumnRef(self, file: ast.ColumnRef, server: ast.ColumnRef) -> bool:  # noqa: N802
        left, right = _names(file.fields), _names(server.fields)
        if right == [*left, "*"]:
            return True  # a whole row
        if not _same_tail(left[-1:], right[-1:]):
            return False
        return all(map(_same_name, reversed(left[:-1]), reversed(right[:-1])))

    def _FuncCall(self, file: ast.FuncCall, server: ast.FuncCall) -> bool:  # noqa: N802
        left, right = parts_of(file.funcname), parts_of(server.funcname)
        if left[-1] == "extract" and right[-1] == "extract":
            fields = [str(_constant((n.args or (None,))[0])).lower() for n in (file, server)]
            rest = [(n.args or (None,))[1:] for n in (file, server)]
            return fields[0] == fields[1] and self.same(*rest)
        return _same_tail(left, right) and self._slots(file, server, without=("funcname",))

    def _RangeVar(self, file: ast.RangeVar, server: ast.RangeVar) -> bool:  # noqa: N802
        left = [n for n in (file.schemaname, file.relname) if n]
        right = [n for n in (server.schemaname, server.relname) if n]
        return _same_tail(left, right) and self._aliases(file.alias, server.alias)

    def _aliases(self, file: Any, server: Any) -> bool:
        if file is None:
            return True
        if server is None or not _same_name(file.aliasname, server.aliasname):
            return server is None
        names = parts_of(file.colnames)
        return not names or names == parts_of(server.colnames)[: len(names)]

    def _RangeSubselect(self, file: Any, server: Any) -> bool:  # noqa: N802
        return self._slots(file, server, without=("alias",)) and self._aliases(
            file.alias, server.alias
        )

    def _RangeFunction(self, file: Any, server: Any) -> bool:  # noqa: N802
        return self._slots(file, server, without=("alias",)) and self._aliases(
            file.alias, server.alias
        )

    def _JoinExpr(self, file: Any, server: Any) -> bool:  # noqa: N802
        return self._slots(file, server, without=("alias",))

    def _SortBy(self, file: ast.SortBy, server: ast.SortBy) -> bool:  # noqa: N802
        return _order(file) == _order(server) and self.same(file.node, server.node)

    def _IndexElem(self, file: Any, server: Any) -> bool:  # noqa: N802
        return _order(file) == _order(server) and self._slots(
            file, server, without=("ordering", "nulls_ordering", "indexcolname")
        )

    def _DefElem(self, file: ast.DefElem, server: ast.DefElem) -> bool:  # noqa: N802
        # The server quotes the values of options.
        return file.defname == server.defname and option_value(file) == option_value(server)

    def _SelectStmt(self, file: Any, server: Any) -> bool:  # noqa: N802
        if file.op.name != "SETOP_NONE" or server.op.name != "SETOP_NONE":
            return self._slots(file, server)
        targets, others = file.targetList or (), server.targetList or ()
        starred = any(_is_star(t.val) for t in targets)
        if not starred and not (
            len(targets) == len(others) and all(map(self._target, targets, others))
        ):
            return False
        for slot in ("groupClause", "sortClause"):
            left, right = getattr(file, slot) or (), getattr(server, slot) or ()
            if len(left) != len(right) or not all(
                self.same(a, b) or self.same(_resolved(a, targets), b)
                for a, b in zip(left, right, strict=True)
            ):
                return False
        return self._slots(file, server, without=("targetList", "groupClause", "sortClause"))

    def _target(self, file: Any, server: Any) -> bool:
        left = file.name or _own_name(file.val)
        right = server.name or _own_name(server.val)
        return (left is None or right is None or left == right) and self.same(file.val, server.val)

    def _CreateTrigStmt(self, file: Any, server: Any) -> bool:  # noqa: N802
        # EXECUTE FUNCTION f() may leave the schema out, as its table may.
        return _same_tail(parts_of(file.funcname), parts_of(server.funcname)) and self._slots(
            file, server, without=("funcname", "replace")
        )


def _simplified(node: Any) -> Any:
    """One form for what can be written in several."""
    if isinstance(node, ast.BoolExpr) and node.boolop != BoolExprType.NOT_EXPR:
        flat: list[Any] = []
        for argument in node.args or ():
            inner = _simplified(argument)
            if isinstance(inner, ast.BoolExpr) and inner.boolop == node.boolop:
                flat += inner.args or ()
            else:
                flat.append(inner)
        return ast.BoolExpr(boolop=node.boolop, args=tuple(flat))
    if isinstance(node, ast.A_Expr):
        return _simplified_operator(node)
    if isinstance(node, ast.A_ArrayExpr):
        return ast.A_ArrayExpr(elements=node.elements)
    return node


def _simplified_operator(node: ast.A_Expr) -> Any:
    kind, name = node.kind, parts_of(node.name)[-1] if node.name else ""
    if kind == A_Expr_Kind.AEXPR_IN:
        values: Any = node.rexpr
        if len(values) == 1:
            return _operator(A_Expr_Kind.AEXPR_OP, name, node.lexpr, values[0])
        any_or_all = A_Expr_Kind.AEXPR_OP_ANY if name == "=" else A_Expr_Kind.AEXPR_OP_ALL
        return _operator(any_or_all, name, node.lexpr, ast.A_ArrayExpr(elements=values))
    if kind in (A_Expr_Kind.AEXPR_BETWEEN, A_Expr_Kind.AEXPR_NOT_BETWEEN):
        low, high = node.rexpr  # type: ignore[misc]
        inside = kind == A_Expr_Kind.AEXPR_BETWEEN
        first = _operator(A_Expr_Kind.AEXPR_OP, ">=" if inside else "<", node.lexpr, low)
        second = _operator(A_Expr_Kind.AEXPR_OP, "<=" if inside else ">", node.lexpr, high)
        word = BoolExprType.AND_EXPR if inside else BoolExprType.OR_EXPR
        return ast.BoolExpr(boolop=word, args=(first, second))
    if kind in (A_Expr_Kind.AEXPR_LIKE, A_Expr_Kind.AEXPR_ILIKE):
        return _operator(A_Expr_Kind.AEXPR_OP, name, node.lexpr, node.rexpr)
    if kind == A_Expr_Kind.AEXPR_NOT_DISTINCT:
        inner = _operator(A_Expr_Kind.AEXPR_DISTINCT, "=", node.lexpr, node.rexpr)
        return ast.BoolExpr(boolop=BoolExprType.NOT_EXPR, args=(inner,))
    if name == "!=":
        return _operator(kind, "<>", node.lexpr, node.rexpr)
    return _operator(kind, name, node.lexpr, node.rexpr)


def _operator(kind: Any, name: str, left: Any, right: Any) -> ast.A_Expr:
    return ast.A_Expr(kind=kind, name=(ast.String(sval=name),), lexpr=left, rexpr=right)


def _constant(node: Any) -> str | None:
    if not isinstance(node, ast.A_Const):
        return None
    if node.isnull:
        return "NULL"
    value: Any = node.val
    if isinstance(value, ast.Integer):
        return str(value.ival or 0)
    if isinstance(value, ast.Boolean):
        return "true" if value.boolval else "false"
    return str(getattr(value, "fval", None) or getattr(value, "sval", None) or "")


def _is_null(node: Any) -> bool:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return isinstance(node, ast.A_Const) and bool(node.isnull)


def _names(fields: Any) -> list[str]:
    return [str(getattr(field, "sval", "*")) for field in fields or ()]


def _same_tail(left: Sequence[str], right: Sequence[str]) -> bool:
    length = min(len(left), len(right))
    return list(left[-length:]) == list(right[-length:])


def _same_name(file: Any, server: Any) -> bool:
    """Whether an alias is the same: the server numbers those that a query has more than once."""
    return bool(file == server or re.sub(r"_\d+$", "", str(server)) == file)


def _is_star(node: Any) -> bool:
    return isinstance(node, ast.ColumnRef) and isinstance((node.fields or (None,))[-1], ast.A_Star)


def _own_name(node: Any) -> str | None:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.ColumnRef):
        return _names(node.fields)[-1]
    return parts_of(node.funcname)[-1] if isinstance(node, ast.FuncCall) else None


def _resolved(node: Any, targets: Sequence[Any]) -> Any:
    """What an ordinal or an output name in GROUP BY or ORDER BY stands for."""
    inner = node.node if isinstance(node, ast.SortBy) else node
    found = inner
    constant = _constant(inner)
    if constant is not None and constant.isdigit() and 0 < int(constant) <= len(targets):
        found = targets[int(constant) - 1].val
    elif isinstance(inner, ast.ColumnRef) and len(inner.fields or ()) == 1:
        name = _names(inner.fields)[0]
        found = next((t.val for t in targets if t.name == name), inner)
    if isinstance(node, ast.SortBy):
        return ast.SortBy(node=found, sortby_dir=node.sortby_dir, sortby_nulls=node.sortby_nulls)
    return found


def _order(node: Any) -> tuple[bool, bool]:
    direction = getattr(node, "sortby_dir", None) or getattr(node, "ordering", None)
    nulls = getattr(node, "sortby_nulls", None) or getattr(node, "nulls_ordering", None)
    descending = direction == SortByDir.SORTBY_DESC
    first = nulls == SortByNulls.SORTBY_NULLS_FIRST or (
        descending and nulls != SortByNulls.SORTBY_NULLS_LAST
    )
    return descending, first
