"""Functions, procedures, triggers and types."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.enums import ConstrType

from setu.catalog.names import parts_of, qualified, quote_ident, split_name, type_text
from setu.catalog.parsing.reader import SETTING_NAMES, Reader
from setu.catalog.written import (
    OWNER,
    arguments_of,
    collation_of,
    constraint_text,
    flag,
    number,
    result_of,
    setting_value,
    sql_body,
    table_columns,
    text_of,
)


class RoutineReader(Reader):
    """CREATE FUNCTION, CREATE PROCEDURE, CREATE TRIGGER and CREATE TYPE."""

    def _CreateFunctionStmt(self, node: ast.CreateFunctionStmt) -> None:  # noqa: N802
        names = parts_of(node.funcname)
        schema = names[0] if len(names) > 1 else None
        kind = "procedure" if node.is_procedure else "function"
        options: dict[str, list[Any]] = {}
        for option in node.options or ():
            options.setdefault(option.defname, []).append(option.arg)
        identity = arguments_of(node, defaults=False)
        label = f"{qualified(schema, names[-1])}({identity})"
        language = str(options["language"][0].sval) if "language" in options else "sql"
        body = options.get("as")
        returns: Any = node.returnType
        returns_set = bool((returns is not None and returns.setof) or table_columns(node))
        cost = {"internal": 1, "c": 1}.get(language, 100)
        fields: dict[str, Any] = {
            "owner": OWNER,
            "arguments": arguments_of(node, defaults=True),
            "result": None if node.is_procedure else result_of(node),
            "language": language,
            "security": "definer" if flag(options, "security") else "invoker",
            "cost": number(options, "cost", cost),
            "body": str(body[0][0].sval) if body else sql_body(node.sql_body),
        }
        if not node.is_procedure:
            fields["volatility"] = (
                str(options["volatility"][0].sval) if "volatility" in options else "volatile"
            )
        if flag(options, "leakproof"):
            fields["leakproof"] = True
        if flag(options, "strict"):
            fields["strict"] = True
        if "parallel" in options and options["parallel"][0].sval != "unsafe":
            fields["parallel"] = str(options["parallel"][0].sval)
        if returns_set:
            fields["rows"] = number(options, "rows", 1000)
        settings = [
            f"{SETTING_NAMES.get(s.name, s.name)}={setting_value(s)}"
            for s in options.get("set", ())
        ]
        fields["settings"] = settings or None
        if flag(options, "window"):
            fields["window"] = True
        if "support" in options:
            fields["support"] = ".".join(quote_ident(p) for p in parts_of(options["support"][0]))
        if "transform" in options:
            raise self.not_understood(f"{kind} {label} with TRANSFORM")
        if body and len(body[0]) > 1:
            raise self.not_understood(f"{kind} {label} of a library")
        self.put(kind, label, fields, replace=bool(node.replace))
        self.privileges.add_object(kind, label)

    def _CreateTrigStmt(self, node: ast.CreateTrigStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        self.put(
            "trigger",
            f"{table}.{quote_ident(str(node.trigname))}",
            {"definition": text_of(node)},
            replace=bool(node.replace),
        )

    def _CreateEnumStmt(self, node: ast.CreateEnumStmt) -> None:  # noqa: N802
        self._type("enum", node.typeName, {"labels": parts_of(node.vals)})

    def _CompositeTypeStmt(self, node: ast.CompositeTypeStmt) -> None:  # noqa: N802
        relation: Any = node.typevar
        attributes = [
            f"{quote_ident(str(column.colname))} {type_text(column.typeName)}"
            for column in node.coldeflist or ()
        ]
        label = qualified(relation.schemaname, relation.relname)
        self.put("type", label, {"owner": OWNER, "attributes": attributes})
        self.privileges.add_object("type", label)

    def _CreateDomainStmt(self, node: ast.CreateDomainStmt) -> None:  # noqa: N802
        fields: dict[str, Any] = {"base": type_text(node.typeName)}
        if node.collClause is not None:
            fields["collation"] = collation_of(node.collClause)
        label = self._type("domain", node.domainname, fields)
        number = 0
        for constraint in node.constraints or ():
            if constraint.contype == ConstrType.CONSTR_NOTNULL:
                fields["not_null"] = True
            elif constraint.contype == ConstrType.CONSTR_DEFAULT:
                fields["default"] = text_of(constraint.raw_expr)
            elif constraint.contype == ConstrType.CONSTR_CHECK:
                made = f"{split_name(label)[-1]}_check{number or ''}"
                number += not constraint.conname
                name = quote_ident(str(constraint.conname or made))
                definition = constraint_text(constraint, "")
                self.put("constraint", f"{label}.{name}", {"definition": definition})

    def _type(self, kind: str, names: Any, fields: dict[str, Any]) -> str:
        parts = parts_of(names)
        label = qualified(parts[-2] if len(parts) > 1 else None, parts[-1])
        fields["owner"] = OWNER
        self.put(kind, label, fields)
        self.privileges.add_object("type", label)
        return label
