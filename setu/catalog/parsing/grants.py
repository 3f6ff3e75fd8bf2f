"""Comments and grants."""

from __future__ import annotations

from typing import Any, Final

from pglast.enums import ObjectType

from setu.catalog.model import ObjectKey
from setu.catalog.names import parts_of, qualified, quote_ident, type_text
from setu.catalog.parsing.reader import Reader
from setu.catalog.trees import parse
from setu.catalog.written import role_name

_OBJECT_KINDS: Final = {
    ObjectType.OBJECT_TABLE: "table",
    ObjectType.OBJECT_VIEW: "view",
    ObjectType.OBJECT_MATVIEW: "view",
    ObjectType.OBJECT_COLUMN: "column",
    ObjectType.OBJECT_SCHEMA: "schema",
    ObjectType.OBJECT_INDEX: "index",
    ObjectType.OBJECT_SEQUENCE: "sequence",
    ObjectType.OBJECT_ROLE: "role",
    ObjectType.OBJECT_TRIGGER: "trigger",
    ObjectType.OBJECT_TABCONSTRAINT: "constraint",
    ObjectType.OBJECT_FUNCTION: "function",
    ObjectType.OBJECT_PROCEDURE: "procedure",
    ObjectType.OBJECT_ROUTINE: "function",
    ObjectType.OBJECT_TYPE: "type",
    ObjectType.OBJECT_DOMAIN: "domain",
}


class GrantReader(Reader):
    """COMMENT ON, GRANT and REVOKE."""

    def _CommentStmt(self, node: Any) -> None:  # noqa: N802
        kind = _OBJECT_KINDS.get(node.objtype)
        target: Any = node.object
        if kind is None:
            raise self.not_understood(f"COMMENT ON {node.objtype}")
        if kind in ("schema", "role"):
            label = quote_ident(str(target.sval))
        elif kind in ("function", "procedure"):
            label = self._function_label(kind, target)
            kind = "procedure" if ObjectKey("procedure", label) in self.found else "function"
        elif kind in ("type", "domain"):
            label = ".".join(quote_ident(p) for p in parts_of(target.names))
        else:
            label = ".".join(quote_ident(p) for p in parts_of(target))
        if kind == "type":
            made = ("type", "enum", "domain")
            kind = next((k for k in made if ObjectKey(k, label) in self.found), kind)
        if kind == "view" and ObjectKey("view", label) not in self.found:
            kind = "table"
        self.made(kind, label)["comment"] = node.comment

    def _function_label(self, kind: str, node: Any) -> str:
        names = parts_of(node.objname)
        called = qualified(names[0] if len(names) > 1 else None, names[-1])
        fitting = list(self.routines.get(called, ()))
        if not node.args_unspecified and len(fitting) > 1:
            wanted = [type_text(a) for a in node.objargs or ()]
            fitting = [name for name in fitting if self._argument_types(name) == wanted]
        if len(fitting) > 1:
            raise self.refused(
                f"is about {kind} {called}, of which there are several", "Say its arguments' types"
            )
        if not fitting:
            raise self.not_made(f"{kind} {called}")
        return fitting[0]

    def _argument_types(self, label: str) -> list[str]:
        inside = label[label.index("(") + 1 : -1]
        if not inside:
            return []
        node: Any = parse(f"CREATE FUNCTION f({inside}) RETURNS int LANGUAGE sql")
        return [type_text(p.argType) for p in node[0].stmt.parameters or ()]

    def _GrantStmt(self, node: Any) -> None:  # noqa: N802
        kind = {
            ObjectType.OBJECT_TABLE: "table",
            ObjectType.OBJECT_SEQUENCE: "sequence",
            ObjectType.OBJECT_SCHEMA: "schema",
            ObjectType.OBJECT_FUNCTION: "function",
            ObjectType.OBJECT_PROCEDURE: "procedure",
            ObjectType.OBJECT_ROUTINE: "function",
            ObjectType.OBJECT_TYPE: "type",
            ObjectType.OBJECT_DOMAIN: "type",
        }.get(node.objtype)
        if kind is None:
            raise self.not_understood(f"GRANT on {node.objtype.name.removeprefix('OBJECT_')}")
        roles = [role_name(grantee) for grantee in node.grantees or ()]
        for label in self._granted_on(kind, node):
            self._grant(kind, label, roles, node)

    def _granted_on(self, kind: str, node: Any) -> list[str]:
        if str(node.targtype.name) == "ACL_TARGET_ALL_IN_SCHEMA":
            schemas = {quote_ident(name) for name in parts_of(node.objects)}
            return [n for n in self.privileges.labels(kind) if n.split(".")[0] in schemas]
        labels = []
        for target in node.objects or ():
            if kind == "schema":
                labels.append(quote_ident(str(target.sval)))
            elif kind in ("function", "procedure"):
                labels.append(self._function_label(kind, target))
            elif kind == "type":
                labels.append(".".join(quote_ident(p) for p in parts_of(target)))
            else:
                labels.append(qualified(target.schemaname, target.relname))
        return labels

    def _grant(self, kind: str, label: str, roles: list[str], node: Any) -> None:
        if kind == "function" and ObjectKey("procedure", label) in self.found:
            kind = "procedure"
        if kind == "table" and ObjectKey("sequence", label) in self.found:
            kind = "sequence"
        whole: list[str] = []
        named: list[tuple[str, str]] = []
        for privilege in node.privileges or ():
            name = str(privilege.priv_name or "").upper()
            if privilege.cols:
                named += [(c, name) for c in parts_of(privilege.cols)]
            else:
                whole.append(name)
        targets: list[tuple[str, str, list[str]]] = []
        if whole or not node.privileges:
            targets.append((kind, label, whole))
        targets += [("column", f"{label}.{quote_ident(c)}", [name]) for c, name in named]
        for target, where, names in targets:
            if target != "column" and (target, where) not in self.privileges:
                raise self.not_made(f"{target} {where}")
            if node.is_grant:
                self.privileges.grant(target, where, roles, names, option=bool(node.grant_option))
            else:
                only = bool(node.grant_option)
                self.privileges.revoke(target, where, roles, names, option=only)
            for role in roles:
                key = ObjectKey("privilege", f"{target} {where} to {role}")
                self.sources.setdefault(key, []).append(self.source)
