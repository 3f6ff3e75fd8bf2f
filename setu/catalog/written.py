"""Parts of statements as text, in the form in which the server prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pglast import ast
from pglast.enums import ConstrType, FunctionParameterMode
from pglast.stream import RawStream

from setu.catalog.evaluate import UNKNOWN, printed
from setu.catalog.names import parts_of, qualified, quote_ident, type_text

OWNER: Final = "<owner>"
#: Settings that are lists of names, each quoted where it must be.
_LISTS: Final = ("search_path", "temp_tablespaces", "session_preload_libraries")
_RANGES: Final = {
    "smallint": 32767,
    "integer": 2147483647,
    "bigint": 9223372036854775807,
}


def text_of(node: Any) -> str:
    return str(RawStream()(node))


def sql_body(node: Any) -> str:
    """The body of a function that PostgreSQL parses when it is made."""
    if isinstance(node, ast.ReturnStmt):
        return f"RETURN {text_of(node.returnval)}"
    statements = node[0] if node and isinstance(node[0], tuple) else node
    return "\n".join(["BEGIN ATOMIC", *(f" {text_of(s)};" for s in statements), "END"])


def query_of(expression: Mapping[str, Any]) -> str:
    return str(expression["PLpgSQL_expr"]["query"])


def last_field(node: Any) -> str:
    return parts_of(node.fields)[-1] if isinstance(node, ast.ColumnRef) else ""


def known(value: Any) -> Any:
    return None if value is UNKNOWN else printed(value)


def flag(options: Mapping[str, list[Any]], name: str) -> bool:
    return name in options and bool(options[name][0].boolval)


def number(options: Mapping[str, list[Any]], name: str, default: int) -> int | float:
    if name not in options:
        return default
    value: Any = options[name][0]
    return int(value.ival or 0) if isinstance(value, ast.Integer) else float(value.fval)


def role_name(node: Any) -> str:
    kind = node.roletype.name
    if kind == "ROLESPEC_PUBLIC":
        return "PUBLIC"
    return OWNER if kind != "ROLESPEC_CSTRING" else str(node.rolename)


def setting_value(node: Any) -> str:
    values = []
    for argument in node.args or ():
        value: Any = argument.val if isinstance(argument, ast.A_Const) else argument
        if isinstance(value, ast.Integer):
            values.append(str(value.ival or 0))
        elif isinstance(value, ast.Float):
            values.append(str(value.fval))
        elif isinstance(value, ast.Boolean):
            values.append("on" if value.boolval else "off")
        else:
            values.append(str(getattr(value, "sval", "")))
    if node.name in _LISTS:
        return ", ".join(quote_ident(v) if v else '""' for v in values)
    return ", ".join(values)


def options_of(options: Any) -> list[str] | None:
    found = [f"{o.defname}={option_value(o)}" for o in options or () if o.defnamespace is None]
    return sorted(found) or None


def option_value(option: Any) -> str:
    value = option.arg
    if value is None:
        return "true"
    if isinstance(value, ast.Integer):
        return str(value.ival or 0)
    if isinstance(value, ast.Boolean):
        return "true" if value.boolval else "false"
    if isinstance(value, ast.TypeName):
        return parts_of(value.names)[-1]
    return str(getattr(value, "sval", None) or getattr(value, "fval", "") or "")


def order_by(text: str, time: str, segments: list[str]) -> list[str]:
    parts = [p.strip() for p in text.split(",") if p.strip()]
    printed_parts = []
    for part in parts:
        words = part.split()
        rest = " ".join(words[1:]).upper().removeprefix("ASC").strip()
        rest = "" if rest == "NULLS LAST" else rest.replace("DESC NULLS FIRST", "DESC")
        printed_parts.append(
            " ".join([quote_ident(words[0].strip('"')), *([rest] if rest else [])])
        )
    named = {p.split()[0] for p in printed_parts} | set(segments)
    if time and time not in named:
        printed_parts.append(f"{time} DESC")
    return printed_parts


def sequence_fields(kind: str, options: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "owner": OWNER,
        "type": kind,
        "start": 1,
        "increment": 1,
        "minimum": 1,
        "maximum": _RANGES[kind],
        "cache": 1,
    }
    names = {"minvalue": "minimum", "maxvalue": "maximum"}
    for option in options or ():
        name = names.get(option.defname, option.defname)
        if option.defname == "as":
            fields["type"] = type_text(option.arg)
            fields["maximum"] = _RANGES[fields["type"]]
        elif option.defname == "cycle":
            fields["cycle"] = True if option.arg.boolval else None
        elif option.defname == "owned_by":
            fields["owned_by"] = ".".join(quote_ident(p) for p in parts_of(option.arg))
        elif name in fields and option.arg is not None:
            value = option.arg
            fields[name] = int(getattr(value, "fval", None) or getattr(value, "ival", 0) or 0)
    return fields


#: How a type stores its values, where it is not ``plain``: those that may be long.
_STORAGE: Final = {"numeric": "main"}
_LONG: Final = ("text", "character varying", "character(", "bytea", "json", "jsonb", "xml", "bit")


def storage_of(name: str, kind: str) -> str | None:
    """How a column is stored; None where it is as its type has it."""
    long = kind.startswith(_LONG) or kind.endswith("[]")
    own = _STORAGE.get(kind.partition("(")[0], "extended" if long else "plain")
    wanted = name.lower()
    return None if wanted in ("default", own) else wanted


def collation_of(clause: Any) -> str | None:
    """The collation of a clause; None for that of the type."""
    name = parts_of(clause.collname)[-1]
    return None if name == "default" else name


def with_attributes(constraints: Any) -> list[Any]:
    """Constraints of a column: ``DEFERRABLE`` and the like belong to the one before them."""
    found: list[Any] = []
    for node in constraints or ():
        if node.contype == ConstrType.CONSTR_ATTR_DEFERRABLE:
            found[-1].deferrable = True
        elif node.contype == ConstrType.CONSTR_ATTR_DEFERRED:
            found[-1].deferrable = found[-1].initdeferred = True
        elif not node.contype.name.startswith("CONSTR_ATTR_"):
            found.append(node)
    return found


def words_of(node: Any) -> str:
    """What kind of statement a node is: ``CreatePolicyStmt`` → ``CREATE POLICY``."""
    name = type(node).__name__.removesuffix("Stmt")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper()


def constraint_text(node: Any, listed: str) -> str:
    if node.contype == ConstrType.CONSTR_PRIMARY:
        return f"PRIMARY KEY ({listed})"
    if node.contype == ConstrType.CONSTR_UNIQUE:
        distinct = "NULLS NOT DISTINCT " if node.nulls_not_distinct else ""
        return f"UNIQUE {distinct}({listed})"
    if node.contype == ConstrType.CONSTR_CHECK:
        inherited = " NO INHERIT" if node.is_no_inherit else ""
        return f"CHECK ({text_of(node.raw_expr)}){inherited}"
    if node.contype == ConstrType.CONSTR_FOREIGN:
        table: Any = node.pktable
        text = f"FOREIGN KEY ({listed}) REFERENCES {qualified(table.schemaname, table.relname)}"
        other = ", ".join(quote_ident(name) for name in parts_of(node.pk_attrs))
        text += f"({other})" if other else ""
        text += " MATCH FULL" if node.fk_matchtype == "f" else ""
        words = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
        for when, action in (("UPDATE", node.fk_upd_action), ("DELETE", node.fk_del_action)):
            if action in words:
                text += f" ON {when} {words[str(action)]}"
        columns = ", ".join(quote_ident(name) for name in parts_of(node.fk_del_set_cols))
        text += f" ({columns})" if columns else ""
        return text
    excluded = ", ".join(
        f"{index_param(element)} WITH {parts_of(operator)[-1]}"
        for element, operator in node.exclusions or ()
    )
    text = f"EXCLUDE USING {node.access_method or 'btree'} ({excluded})"
    return f"{text} WHERE ({text_of(node.where_clause)})" if node.where_clause else text


def deferral_text(node: Any) -> str:
    """When a constraint is checked, as it stands behind its definition; empty for at once."""
    if node.initdeferred:
        return " DEFERRABLE INITIALLY DEFERRED"
    return " DEFERRABLE" if node.deferrable else ""


def index_text(node: ast.IndexStmt, table: str, name: str) -> str:
    params = ", ".join(index_param(p) for p in node.indexParams or ())
    text = f"CREATE {'UNIQUE ' if node.unique else ''}INDEX {quote_ident(name)} ON {table}"
    text += f" USING {node.accessMethod or 'btree'} ({params})"
    included = ", ".join(quote_ident(str(p.name)) for p in node.indexIncludingParams or ())
    if included:
        text += f" INCLUDE ({included})"
    if node.nulls_not_distinct:
        text += " NULLS NOT DISTINCT"
    plain = options_of([o for o in node.options or () if o.defnamespace is None])
    if plain:
        text += f" WITH ({', '.join(plain)})"
    if node.whereClause is not None:
        text += f" WHERE ({text_of(node.whereClause)})"
    return text


def index_param(node: Any) -> str:
    text = quote_ident(str(node.name)) if node.name else f"({text_of(node.expr)})"
    if node.collation:
        text += " COLLATE " + ".".join(quote_ident(name) for name in parts_of(node.collation))
    if node.opclass:
        text += " " + ".".join(parts_of(node.opclass))
    descending = node.ordering.name == "SORTBY_DESC"
    nulls = node.nulls_ordering.name
    if descending:
        text += " DESC"
    if nulls == "SORTBY_NULLS_FIRST" and not descending:
        text += " NULLS FIRST"
    if nulls == "SORTBY_NULLS_LAST" and descending:
        text += " NULLS LAST"
    return text


def table_columns(node: ast.CreateFunctionStmt) -> list[Any]:
    mode = FunctionParameterMode.FUNC_PARAM_TABLE
    return [p for p in node.parameters or () if p.mode == mode]


def arguments_of(node: ast.CreateFunctionStmt, *, defaults: bool) -> str:
    words = {
        FunctionParameterMode.FUNC_PARAM_OUT: "OUT ",
        FunctionParameterMode.FUNC_PARAM_INOUT: "INOUT ",
        FunctionParameterMode.FUNC_PARAM_VARIADIC: "VARIADIC ",
    }
    parts = []
    for parameter in node.parameters or ():
        if parameter.mode == FunctionParameterMode.FUNC_PARAM_TABLE:
            continue
        word = words.get(parameter.mode, "IN " if node.is_procedure else "")
        name = f"{quote_ident(parameter.name)} " if parameter.name else ""
        text = f"{word}{name}{type_text(parameter.argType)}"
        if defaults and parameter.defexpr is not None:
            text += f" DEFAULT {text_of(parameter.defexpr)}"
        parts.append(text)
    return ", ".join(parts)


def result_of(node: ast.CreateFunctionStmt) -> str | None:
    table = table_columns(node)
    if table:
        columns = ", ".join(f"{quote_ident(p.name)} {type_text(p.argType)}" for p in table)
        return f"TABLE({columns})"
    if node.returnType is not None:
        return type_text(node.returnType)
    out = [
        p
        for p in node.parameters or ()
        if p.mode in (FunctionParameterMode.FUNC_PARAM_OUT, FunctionParameterMode.FUNC_PARAM_INOUT)
    ]
    return type_text(out[0].argType) if len(out) == 1 else "record"


def named_outputs(query: Any, aliases: list[str]) -> list[str]:
    """The columns of a view; names that stand before its query are given to the query's own."""
    while query.op is not None and query.op.name != "SETOP_NONE":
        query = query.larg
    for target, alias in zip(query.targetList or (), aliases, strict=False):
        target.name = alias
    return output_names(query)


def output_names(query: Any) -> list[str]:
    names = []
    for target in query.targetList or ():
        value = target.val
        if target.name:
            names.append(str(target.name))
        else:
            names.append(figured_name(value))
    return names


def figured_name(node: Any) -> str:
    """The name that the server gives to an output column without an alias."""
    if isinstance(node, ast.ColumnRef):
        return str(getattr((node.fields or (None,))[-1], "sval", "*"))
    if isinstance(node, ast.FuncCall):
        return parts_of(node.funcname)[-1]
    if isinstance(node, ast.TypeCast):
        inner, cast_to = figured_name(node.arg), node.typeName
        return inner if cast_to is None or inner != "?column?" else parts_of(cast_to.names)[-1]
    if isinstance(node, ast.CoalesceExpr):
        return "coalesce"
    if isinstance(node, ast.CaseExpr):
        return figured_name(node.defresult) if node.defresult is not None else "case"
    return "?column?"
