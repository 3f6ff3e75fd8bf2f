"""Tables, columns, sequences, constraints, indexes, and ALTER TABLE."""

from __future__ import annotations

from typing import Any, Final

from pglast import ast
from pglast.enums import AlterTableType, ConstrType

from setu.catalog.model import ObjectKey
from setu.catalog.names import SERIAL, parts_of, qualified, quote_ident, split_name, type_text
from setu.catalog.parsing.pieces import TRIGGER_STATES
from setu.catalog.parsing.reader import Reader
from setu.catalog.written import (
    OWNER,
    collation_of,
    constraint_text,
    deferral_text,
    index_param,
    index_text,
    option_value,
    options_of,
    order_by,
    sequence_fields,
    storage_of,
    text_of,
    with_attributes,
)

#: Options of TimescaleDB that are read, without the older prefix ``compress_``.
_STORE_OPTIONS: Final = ("compress", "enable_columnstore", "segmentby", "orderby")


class TableReader(Reader):
    """CREATE TABLE, CREATE INDEX, CREATE SEQUENCE and ALTER TABLE."""

    def _CreateStmt(self, node: ast.CreateStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        label = qualified(relation.schemaname, relation.relname)
        self.refuse(node, "CREATE TABLE", "inhRelations", "partspec", "partbound", "ofTypename")
        if relation.relpersistence == "t":
            raise self.not_understood("a temporary table")
        if any(option.defnamespace for option in node.options or ()):
            raise self.not_understood("CREATE TABLE with options of TimescaleDB or of TOAST")
        if node.if_not_exists and ObjectKey("table", label) in self.found:
            return
        columns: list[str] = []
        fields: dict[str, Any] = {"owner": OWNER, "columns": columns}
        fields["options"] = options_of(node.options)
        if relation.relpersistence == "u":
            fields["persistence"] = "unlogged"
        fields["tablespace"] = node.tablespacename
        fields["access_method"] = None if node.accessMethod == "heap" else node.accessMethod
        self.put("table", label, fields)
        self.privileges.add_object("table", label)
        for element in node.tableElts or ():
            if isinstance(element, ast.ColumnDef):
                self._column(label, element)
            elif not isinstance(element, ast.Constraint):
                raise self.not_understood(f"CREATE TABLE with {type(element).__name__}")
        for element in node.tableElts or ():
            if isinstance(element, ast.Constraint):
                self._constraint(label, element)

    def _column(self, table: str, node: ast.ColumnDef) -> None:
        name = str(node.colname)
        columns = self.found[ObjectKey("table", table)]["columns"]
        if name not in columns:
            columns.append(name)
        written: Any = node.typeName
        base = parts_of(written.names)[-1]
        label = f"{table}.{quote_ident(name)}"
        fields: dict[str, Any] = {}
        if base in SERIAL:
            fields["type"] = {"int4": "integer", "int8": "bigint", "int2": "smallint"}[SERIAL[base]]
            fields["not_null"] = True
            sequence = self._owned_sequence(table, name, fields["type"], identity=False)
            fields["default"] = f"nextval('{sequence}'::regclass)"
        else:
            fields["type"] = type_text(written)
        if node.is_not_null:
            fields["not_null"] = True
        if node.collClause is not None:
            fields["collation"] = collation_of(node.collClause)
        if node.storage_name:
            fields["storage"] = storage_of(node.storage_name, fields["type"])
        if node.compression:
            fields["compression"] = None if node.compression == "default" else node.compression
        self.put("column", label, fields)
        for constraint in with_attributes(node.constraints):
            self._column_constraint(table, name, fields, constraint)

    def _column_constraint(
        self, table: str, column: str, fields: dict[str, Any], node: Any
    ) -> None:
        if node.contype == ConstrType.CONSTR_NOTNULL:
            fields["not_null"] = True
        elif node.contype == ConstrType.CONSTR_DEFAULT:
            fields["default"] = text_of(node.raw_expr)
        elif node.contype == ConstrType.CONSTR_GENERATED:
            virtual = getattr(node, "generated_kind", None) == "v"
            fields["generated"] = text_of(node.raw_expr)
            fields["generated_kind"] = "virtual" if virtual else "stored"
        elif node.contype == ConstrType.CONSTR_IDENTITY:
            fields["not_null"] = True
            fields["identity"] = "always" if node.generated_when == "a" else "by default"
            self._owned_sequence(table, column, fields["type"], identity=True, options=node.options)
        elif node.contype != ConstrType.CONSTR_NULL:
            self._constraint(table, node, column)

    def _owned_sequence(
        self, table: str, column: str, kind: str, *, identity: bool, options: Any = None
    ) -> str:
        schema, name = split_name(table)
        # As makeObjectName: both names are shortened until the whole fits.
        left, right = name, column
        while len(left) + len(right) + 5 > 63:
            left, right = (left[:-1], right) if len(left) > len(right) else (left, right[:-1])
        sequence = f"{left}_{right}_seq"
        for option in options or ():
            if option.defname == "sequence_name":
                sequence = parts_of(option.arg)[-1]
        label = qualified(schema, sequence)
        fields = sequence_fields(kind, options)
        fields["owned_by"] = f"{table}.{quote_ident(column)}"
        if identity:
            fields["identity"] = True
        self.put("sequence", label, fields)
        self.privileges.add_object("sequence", label)
        return label

    def _CreateSeqStmt(self, node: ast.CreateSeqStmt) -> None:  # noqa: N802
        relation: Any = node.sequence
        label = qualified(relation.schemaname, relation.relname)
        fields = sequence_fields("bigint", node.options)
        if relation.relpersistence != "p":
            fields["persistence"] = "unlogged"
        self.put("sequence", label, fields)
        self.privileges.add_object("sequence", label)

    def _constraint(self, table: str, node: Any, column: str | None = None) -> None:
        schema, table_name = split_name(table)
        self.refuse(node, "a constraint", "indexname", "indexspace", "options", "without_overlaps")
        keys = [column] if column else parts_of(node.keys or node.fk_attrs)
        suffix = {
            ConstrType.CONSTR_PRIMARY: "pkey",
            ConstrType.CONSTR_UNIQUE: "key",
            ConstrType.CONSTR_FOREIGN: "fkey",
            ConstrType.CONSTR_EXCLUSION: "excl",
        }.get(node.contype, "check")
        included = parts_of(node.including)
        used = [] if suffix == "pkey" else [k for k in [*keys, *included] if k]
        name = node.conname or "_".join([table_name, *used, suffix])
        listed = ", ".join(quote_ident(key) for key in keys)
        also = f" INCLUDE ({', '.join(quote_ident(key) for key in included)})" if included else ""
        definition = constraint_text(node, listed) + also + deferral_text(node)
        if node.skip_validation:
            definition += " NOT VALID"
        fields: dict[str, Any] = {"definition": definition}
        if node.skip_validation:
            fields["not_valid"] = True
        if node.deferrable or node.initdeferred:
            fields["deferrable"] = f"initially {'deferred' if node.initdeferred else 'immediate'}"
        self.put("constraint", f"{table}.{quote_ident(name)}", fields)
        if suffix in ("pkey", "key"):
            if suffix == "pkey":
                for key in keys:
                    self.found[ObjectKey("column", f"{table}.{quote_ident(key)}")]["not_null"] = (
                        True
                    )
            index: dict[str, Any] = {
                "table": table,
                "unique": True,
                "constraint": name,
                "definition": f"CREATE UNIQUE INDEX {quote_ident(name)} ON {table}"
                f" USING btree ({listed}){also}",
            }
            if node.nulls_not_distinct:
                index["nulls_not_distinct"] = True
                index["definition"] += " NULLS NOT DISTINCT"
            self.put("index", qualified(schema, name), index)
        elif suffix == "excl":
            params = ", ".join(index_param(element) for element, _ in node.exclusions) + ")" + also
            method = node.access_method or "btree"
            where = f" WHERE ({text_of(node.where_clause)})" if node.where_clause else ""
            self.put(
                "index",
                qualified(schema, name),
                {
                    "table": table,
                    "constraint": name,
                    "definition": f"CREATE INDEX {quote_ident(name)} ON {table}"
                    f" USING {method} ({params}{where}",
                },
            )

    def _IndexStmt(self, node: ast.IndexStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        self.refuse(node, "CREATE INDEX", "concurrent")
        if any(p.opclassopts for p in node.indexParams or ()):
            raise self.not_understood("CREATE INDEX with options of an operator class")
        name = node.idxname
        if name is None:
            columns = [str(c.name or "expr") for c in node.indexParams or ()]
            name = "_".join([str(relation.relname), *columns, "idx"])
        if ObjectKey("table", table) not in self.found:
            raise self.not_made(f"table {table}")
        fields: dict[str, Any] = {"table": table, "definition": index_text(node, table, name)}
        fields["tablespace"] = node.tableSpace
        if node.unique:
            fields["unique"] = True
        if node.nulls_not_distinct:
            fields["nulls_not_distinct"] = True
        self.put("index", qualified(relation.schemaname, name), fields)

    def _AlterTableStmt(self, node: ast.AlterTableStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        kind = "table" if ObjectKey("table", table) in self.found else "view"
        self.made(kind, table)
        for command in node.cmds or ():
            self._alter(kind, table, command)

    def _alter(self, kind: str, table: str, command: Any) -> None:
        what = command.subtype
        column = f"{table}.{quote_ident(str(command.name))}"
        if what == AlterTableType.AT_AddColumn:
            self._column(table, command.def_)
        elif what == AlterTableType.AT_AddConstraint:
            self._constraint(table, command.def_)
        elif what == AlterTableType.AT_AddIdentity:
            fields = self.made("column", column)
            fields["not_null"] = True
            fields["identity"] = "always" if command.def_.generated_when == "a" else "by default"
            self._owned_sequence(
                table, command.name, fields["type"], identity=True, options=command.def_.options
            )
        elif what == AlterTableType.AT_ColumnDefault and kind == "table":
            default = None if command.def_ is None else text_of(command.def_)
            self.made("column", column)["default"] = default
        elif what == AlterTableType.AT_SetNotNull:
            self.made("column", column)["not_null"] = True
        elif what == AlterTableType.AT_SetStatistics:
            self.made("column", column)["statistics"] = command.def_.ival
        elif what == AlterTableType.AT_SetStorage:
            fields = self.made("column", column)
            fields["storage"] = storage_of(command.def_.sval, fields["type"])
        elif what == AlterTableType.AT_SetCompression:
            method = command.def_.sval
            self.made("column", column)["compression"] = None if method == "default" else method
        elif what == AlterTableType.AT_SetOptions:
            fields = self.made("column", column)
            added = options_of(command.def_) or ()
            fields["options"] = sorted({*(fields.get("options") or ()), *added})
        elif what in (AlterTableType.AT_EnableRowSecurity, AlterTableType.AT_ForceRowSecurity):
            fields = self.made("table", table)
            state = "enabled" if what == AlterTableType.AT_EnableRowSecurity else "forced"
            before = str(fields.get("row_security") or "").split(", ")
            fields["row_security"] = ", ".join(sorted({state, *before} - {""}))
        elif what in TRIGGER_STATES:
            self.made("trigger", column)["enabled"] = TRIGGER_STATES[what]
        elif what == AlterTableType.AT_ReplicaIdentity and command.def_.identity_type != "i":
            identity = {"f": "full", "n": "nothing"}.get(command.def_.identity_type)
            self.made("table", table)["replica_identity"] = identity
        elif what == AlterTableType.AT_SetRelOptions:
            self._set_options(kind, table, command.def_)
        else:
            raise self.not_understood(f"ALTER TABLE … {what.name.removeprefix('AT_')}")

    def _set_options(self, kind: str, table: str, options: Any) -> None:
        own = [o for o in options if o.defnamespace in ("timescaledb", "tsdb")]
        plain = [o for o in options if o not in own]
        if any(o.defnamespace for o in plain):
            raise self.not_understood("options of TOAST")
        if plain:
            fields = self.made(kind, table)
            new = {o.defname for o in plain}
            kept = [o for o in fields.get("options") or () if o.partition("=")[0] not in new]
            fields["options"] = sorted([*kept, *(options_of(plain) or ())])
        if not own:
            return
        values = {o.defname.removeprefix("compress_"): option_value(o) for o in own}
        aggregate = self.touch("continuous aggregate", table)
        known_options = ("materialized_only",) if aggregate is not None else _STORE_OPTIONS
        for name in values:
            if name not in known_options:
                raise self.not_understood(f"the option timescaledb.{name}")
        if aggregate is not None:
            aggregate["materialized_only"] = values["materialized_only"] == "true"
            return
        hypertable = self.made("hypertable", table)
        switch = values.get("enable_columnstore", values.get("compress"))
        if switch is not None:
            hypertable["column_store"] = True if switch == "true" else None
        if hypertable.get("column_store"):
            time = next(
                (
                    key.name.removeprefix(f"{table}.")
                    for key in self.found
                    if key.kind == "dimension" and key.name.startswith(f"{table}.")
                ),
                "",
            )
            segments = [s.strip() for s in values.get("segmentby", "").split(",") if s.strip()]
            hypertable["segment_by"] = [s.strip('"') for s in segments] or None
            hypertable["order_by"] = order_by(values.get("orderby", ""), time, segments)
