"""Functions, procedures and triggers."""

from __future__ import annotations

from typing import Any

from pglast import ast

from setu.catalog.names import parts_of, qualified, quote_ident
from setu.catalog.parsing.reader import SETTING_NAMES, Reader
from setu.catalog.written import (
    OWNER,
    arguments_of,
    flag,
    number,
    result_of,
    setting_value,
    sql_body,
    table_columns,
    text_of,
)


class RoutineReader(Reader):
    """CREATE FUNCTION, CREATE PROCEDURE and CREATE TRIGGER."""

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
        self.put(kind, label, fields)
        self.privileges.add_object(kind, label)

    def _CreateTrigStmt(self, node: ast.CreateTrigStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        self.put(
            "trigger", f"{table}.{quote_ident(str(node.trigname))}", {"definition": text_of(node)}
        )
