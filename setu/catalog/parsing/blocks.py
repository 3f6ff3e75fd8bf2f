"""Schemas, roles, and what a DO block does to them."""

from __future__ import annotations

from typing import Any, Final

import pglast
from pglast import ast, parser
from pglast.enums import VariableSetKind

from setu.catalog.model import ObjectKey
from setu.catalog.parsing.pieces import Piece
from setu.catalog.parsing.reader import SETTING_NAMES, Reader
from setu.catalog.trees import parse
from setu.catalog.written import last_field, query_of, role_name, setting_value

#: Statements of a block that make no object of their own.
_QUIET: Final = ("PLpgSQL_stmt_raise", "PLpgSQL_stmt_assign", "PLpgSQL_stmt_return")
_ROLE_OPTIONS: Final = {
    "superuser": "superuser",
    "inherit": "inherit",
    "createrole": "create_role",
    "createdb": "create_database",
    "canlogin": "login",
    "isreplication": "replication",
    "bypassrls": "bypass_row_security",
}


class BlockReader(Reader):
    """Schemas, roles and DO blocks."""

    def _CreateSchemaStmt(self, node: ast.CreateSchemaStmt) -> None:  # noqa: N802
        self.refuse(node, "CREATE SCHEMA", "authrole")
        self.schema(str(node.schemaname), self.source)
        for element in node.schemaElts or ():
            self.take(Piece(element, self.source))

    def _CreateRoleStmt(self, node: ast.CreateRoleStmt) -> None:  # noqa: N802
        fields: dict[str, Any] = dict.fromkeys(_ROLE_OPTIONS.values(), False)
        fields["inherit"] = True
        for option in node.options or ():
            if option.defname in _ROLE_OPTIONS:
                fields[_ROLE_OPTIONS[option.defname]] = bool(option.arg.boolval)
            elif option.defname == "connectionlimit" and option.arg.ival != -1:
                fields["connection_limit"] = option.arg.ival
            elif option.defname not in ("connectionlimit", "password"):
                raise self.not_understood(f"CREATE ROLE with {option.defname}")
        self.put("role", str(node.role), fields)

    def _AlterRoleSetStmt(self, node: ast.AlterRoleSetStmt) -> None:  # noqa: N802
        setting: Any = node.setstmt
        role: Any = node.role
        name = str(setting.name)
        label = f"{role.rolename}.{SETTING_NAMES.get(name.lower(), name)}"
        if node.database:
            label += " in <database>"
        if setting.kind != VariableSetKind.VAR_SET_VALUE:
            raise self.not_understood("ALTER ROLE that takes its setting from elsewhere")
        self.put("role setting", label, {"value": setting_value(setting)}, replace=True)

    def _GrantRoleStmt(self, node: Any) -> None:  # noqa: N802
        admin = any(o.defname == "admin" and o.arg.boolval for o in node.opt or ())
        if any(o.defname != "admin" for o in node.opt or ()):
            raise self.not_understood("membership of a role with INHERIT or SET")
        for granted in node.granted_roles or ():
            for grantee in node.grantee_roles or ():
                key = ObjectKey("membership", f"{role_name(grantee)} in {granted.priv_name}")
                # Members that are not SETU's are the server's own business.
                if not role_name(grantee).startswith("setu_"):
                    continue
                if node.is_grant:
                    self.put(*key, {"admin": True if admin else None}, replace=True)
                else:
                    self.found.pop(key, None)

    def _DoStmt(self, node: ast.DoStmt) -> None:  # noqa: N802
        body = next(str(a.arg.sval) for a in node.args or () if a.defname == "as")
        wrapped = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $setu_do$" + body
        try:
            tree = pglast.parse_plpgsql(wrapped + "$setu_do$")
        except parser.ParseError as error:
            raise self.not_understood(f"the block: {error.args[0]}") from error
        self._block(tree[0]["PLpgSQL_function"]["action"]["PLpgSQL_stmt_block"]["body"], {})

    def _block(self, statements: list[dict[str, Any]], row: dict[str, Any]) -> None:
        """Run what a block does to the catalog. A condition that only a server knows is true."""
        for statement in statements:
            [(kind, what)] = statement.items()
            if kind == "PLpgSQL_stmt_fors":
                variable = next(iter(what["var"].values()))["refname"]
                query: Any = parse(query_of(what["query"]))[0].stmt
                for found in self.evaluator.rows(query, row):
                    own = {k: v for k, v in found.items() if "." not in k}
                    for at, target in enumerate(query.targetList or ()):
                        name = target.name or last_field(target.val)
                        own[name or str(at)] = self.evaluator.value(target.val, found)
                    inner = {f"{variable}.{name}": value for name, value in own.items()}
                    self._block(what["body"], {**row, **inner})
            elif kind == "PLpgSQL_stmt_if":
                self._block(what.get("then_body", []), row)
            elif kind == "PLpgSQL_stmt_block":
                self._block(what.get("body", []), row)
            elif kind == "PLpgSQL_stmt_dynexecute":
                text = self._expression(query_of(what["query"]), row)
                if not isinstance(text, str):
                    raise self.not_understood("an EXECUTE whose text is not constant")
                for raw in parse(text):
                    self.take(Piece(raw.stmt, self.source))
            elif kind in ("PLpgSQL_stmt_execsql", "PLpgSQL_stmt_perform"):
                text = query_of(what.get("sqlstmt") or what["expr"])
                for raw in parse(text):
                    self.take(Piece(raw.stmt, self.source))
            elif kind not in _QUIET:
                raise self.not_understood(f"a block with {kind.removeprefix('PLpgSQL_stmt_')}")

    def _expression(self, text: str, row: dict[str, Any]) -> Any:
        select: Any = parse(text if text.upper().startswith("SELECT") else f"SELECT {text}")
        return self.evaluator.value(select[0].stmt.targetList[0].val, row)
