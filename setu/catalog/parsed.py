"""A catalog from SQL files, with PostgreSQL's own grammar and without a server.

It has the kinds, names and fields that :func:`setu.catalog.snapshot` gives of a database in which
the files were run, with three limits: columns of views have no type, expressions are as written,
and jobs have only what their calls say. ``setu.catalog.equivalence`` compares across the limits.

Files may come in any order: schemas and roles are taken first, then tables, then what builds on
them, and grants last. Sections and steps do not matter, only what the statements make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pglast
from pglast import ast, parser
from pglast.enums import AlterTableType, ConstrType, ObjectType, VariableSetKind

from setu.catalog.evaluate import UNKNOWN, Call, Evaluator, printed
from setu.catalog.intervals import Interval
from setu.catalog.model import Catalog, ObjectKey, SourceText, describe
from setu.catalog.names import (
    SERIAL,
    parts_of,
    qualified,
    quote_ident,
    split_name,
    type_text,
)
from setu.catalog.privileges import Privileges
from setu.catalog.written import (
    OWNER,
    arguments_of,
    collation_of,
    constraint_text,
    deferral_text,
    flag,
    index_param,
    index_text,
    known,
    last_field,
    named_outputs,
    number,
    option_value,
    options_of,
    order_by,
    query_of,
    result_of,
    role_name,
    sequence_fields,
    setting_value,
    sql_body,
    storage_of,
    table_columns,
    text_of,
    with_attributes,
    words_of,
)
from setu.errors import SetuError

_COMMENTS: Final = ("SQL_COMMENT", "C_COMMENT")
#: As the server spells these settings, however they are written.
_SETTING_NAMES: Final = {name.lower(): name for name in ("TimeZone", "DateStyle", "IntervalStyle")}
#: Statements about rows make no object.
_ROWS: Final = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
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
#: Statements of a block that make no object of their own.
_QUIET: Final = ("PLpgSQL_stmt_raise", "PLpgSQL_stmt_assign", "PLpgSQL_stmt_return")
_TRIGGER_STATES: Final = {
    AlterTableType.AT_DisableTrig: "disabled",
    AlterTableType.AT_EnableTrig: None,
    AlterTableType.AT_EnableAlwaysTrig: "always",
    AlterTableType.AT_EnableReplicaTrig: "replica",
}
#: Options of TimescaleDB that are read, without the older prefix ``compress_``.
_STORE_OPTIONS: Final = ("compress", "enable_columnstore", "segmentby", "orderby")
#: Calls and arguments of TimescaleDB that change a catalog in ways that are not read here.
_UNREAD_CALLS: Final = frozenset(
    {
        "add_dimension", "add_reorder_policy", "add_process_hypertable_invalidations_policy",
        "add_policies", "alter_policies", "remove_policies", "attach_tablespace",
        "detach_tablespace", "detach_tablespaces", "set_number_partitions",
        "set_integer_now_func", "enable_chunk_skipping", "disable_chunk_skipping",
        "remove_retention_policy", "remove_compression_policy", "remove_columnstore_policy",
        "remove_continuous_aggregate_policy", "remove_reorder_policy", "delete_job",
        "set_adaptive_chunking",
    }
)  # fmt: skip
_UNREAD_ARGUMENTS: Final = frozenset(
    {
        "partitioning_column", "number_partitions", "partitioning_func", "time_partitioning_func",
        "associated_schema_name", "associated_table_prefix", "chunk_sizing_func",
        "chunk_target_size", "drop_created_before", "compress_created_before", "created_before",
        "check_config", "next_start",
    }
)  # fmt: skip
_ROLE_OPTIONS: Final = {
    "superuser": "superuser",
    "inherit": "inherit",
    "createrole": "create_role",
    "createdb": "create_database",
    "canlogin": "login",
    "isreplication": "replication",
    "bypassrls": "bypass_row_security",
}


class SchemaSourceError(SetuError):
    """A schema file cannot be parsed, or holds what this parser does not understand."""


@dataclass(frozen=True)
class SourceFile:
    """SQL text with the name it is known by."""

    name: str
    text: str


@dataclass(frozen=True)
class _Piece:
    node: Any
    source: SourceText


def files_below(folder: Path) -> list[SourceFile]:
    """The ``.sql`` files of a schema folder, sorted.

    SQLite's source templates are left out, and ``_archive``, which is state.
    """
    return [
        SourceFile(
            f"{folder.name}/{path.relative_to(folder).as_posix()}",
            path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"),
        )
        for path in sorted(folder.rglob("*.sql"))
        if not path.name.endswith(".sqlite.sql") and path.parent.name != "_archive"
    ]


def parse_schema(
    files: Iterable[SourceFile], *, settings: Mapping[str, str], edition: str = "community"
) -> Catalog:
    """The catalog that files make.

    :param files: in any order; the layer of ``<folder>/<layer>/…`` is a schema of its own accord.
    :param settings: session settings by full name, such as ``setu.bronze_chunk_interval``.
    :param edition: on another than ``community``, statements under ``-- @community`` are left out.

    Raises :class:`SchemaSourceError`.
    """
    reader = _Reader(Evaluator(settings))
    pieces: list[_Piece] = []
    layers: dict[str, str] = {}
    for file in files:
        if file.name.count("/") > 1:
            layers.setdefault(file.name.split("/")[1], file.name)
        pieces += [p for p in _pieces(file) if edition == "community" or not p.source.community]
    # Stable: within a rank the order of the files holds.
    for piece in sorted(pieces, key=lambda p: _rank(p.node)):
        reader.take(piece)
    for layer, name in layers.items():
        reader.schema(layer, SourceText(name, 1, "", ""))
    return reader.catalog()


@lru_cache(maxsize=2048)
def _pieces(file: SourceFile) -> tuple[_Piece, ...]:
    try:
        tree = parser.parse_sql(file.text)
        slices = parser.split(file.text, only_slices=True)
        tokens = parser.scan(file.text)
    except parser.ParseError as error:
        at = int(error.args[1]) if len(error.args) > 1 else 0
        raise SchemaSourceError(
            f"{file.name}:{file.text.count(chr(10), 0, at) + 1} cannot be parsed.",
            context=[str(error.args[0])],
            hint="Correct the SQL; it is read with PostgreSQL's own grammar",
        ) from error
    comments = [t for t in tokens if t.name in _COMMENTS]
    pieces: list[_Piece] = []
    last = 0
    for raw, piece in zip(tree, slices, strict=True):
        above = [
            file.text[t.start : t.end + 1].strip()
            for t in comments
            if last <= t.start < piece.start
        ]
        last = piece.stop
        written = [
            re.sub(r"^-- ?", "", line)
            for line in above
            if not line.startswith(("-- @", "-- change"))
        ]
        source = SourceText(
            file.name,
            file.text.count("\n", 0, piece.start) + 1,
            file.text[piece],
            " ".join(written),
            "-- @community" in above,
            pieces[0].source.comment if pieces else " ".join(written),
        )
        pieces.append(_Piece(raw.stmt, source))
    return tuple(pieces)


def _rank(node: Any) -> int:
    for rank, kinds in enumerate(
        (
            (ast.CreateSchemaStmt, ast.CreateRoleStmt, ast.DoStmt),
            (ast.CreateEnumStmt, ast.CreateDomainStmt, ast.CompositeTypeStmt, ast.CreateSeqStmt),
            (ast.CreateStmt,),
            (ast.CreateFunctionStmt,),
            (ast.ViewStmt, ast.AlterTableStmt, ast.IndexStmt),
            (ast.SelectStmt,),
            (ast.CreateTableAsStmt,),
        )
    ):
        if isinstance(node, kinds):
            if isinstance(node, ast.AlterTableStmt) and (
                _timescale_options(node) or _switches_trigger(node)
            ):
                return 8
            if isinstance(node, ast.SelectStmt) and not _makes_hypertable(node):
                return 8
            return rank
    return 9 if isinstance(node, ast.GrantStmt) else 8


def _timescale_options(node: ast.AlterTableStmt) -> bool:
    return any(
        c.subtype == AlterTableType.AT_SetRelOptions
        and any(o.defnamespace in ("timescaledb", "tsdb") for o in c.def_)
        for c in node.cmds or ()
    )


def _switches_trigger(node: ast.AlterTableStmt) -> bool:
    return any(c.subtype in _TRIGGER_STATES for c in node.cmds or ())


def _makes_hypertable(node: ast.SelectStmt) -> bool:
    return any(
        isinstance(t.val, ast.FuncCall)
        and parts_of(t.val.funcname)[-1] in ("create_hypertable", "add_dimension")
        for t in node.targetList or ()
    )


class _Reader:
    """Takes statements one by one and keeps what they made."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.found: dict[ObjectKey, dict[str, Any]] = {}
        self.sources: dict[ObjectKey, list[SourceText]] = {}
        self.privileges = Privileges()
        self.role = OWNER
        self._source = SourceText("", 0, "", "")
        self._jobs: list[tuple[str, dict[str, Any], SourceText]] = []
        self._row: dict[str, Any] = {}

    # -- results

    def catalog(self) -> Catalog:
        """What was made."""
        self._name_jobs()
        for key, fields in self.privileges.objects():
            self.found[key] = dict(fields)
        return Catalog(
            {key: describe(fields) for key, fields in self.found.items()},
            origin="files",
            sources={key: tuple(texts) for key, texts in self.sources.items()},
        )

    def _name_jobs(self) -> None:
        by_label: dict[str, list[tuple[dict[str, Any], SourceText]]] = {}
        for label, fields, source in self._jobs:
            by_label.setdefault(label, []).append((fields, source))
        for label, jobs in by_label.items():
            jobs.sort(key=lambda job: str(job[0].get("config")))
            for place, (fields, source) in enumerate(jobs, start=1):
                key = ObjectKey("job", f"{label} #{place}" if len(jobs) > 1 else label)
                self.found[key] = fields
                self.sources[key] = [source]

    # -- statements

    def take(self, piece: _Piece) -> None:
        """Take one statement; what makes no object (seeds, SELECTs of functions) is passed over."""
        self._source = piece.source
        handler = getattr(self, f"_{type(piece.node).__name__}", None)
        if handler is not None:
            handler(piece.node)
        elif not isinstance(piece.node, _ROWS):
            raise self._not_understood(words_of(piece.node))

    def schema(self, name: str, source: SourceText) -> None:
        """A schema, if it is new."""
        key = ObjectKey("schema", quote_ident(name))
        if key not in self.found:
            self.found[key] = {"owner": OWNER}
            self.sources[key] = [source]
            self.privileges.add_object("schema", quote_ident(name))

    def _put(
        self, kind: str, label: str, fields: dict[str, Any], *, replace: bool = False
    ) -> dict[str, Any]:
        key = ObjectKey(kind, label)
        if key in self.found and not replace:
            raise self._not_understood(f"{key}, which an earlier statement has made")
        self.found[key] = fields
        self.sources[key] = [self._source]
        return fields

    def _made(self, kind: str, label: str) -> dict[str, Any]:
        """As :meth:`_touch`, of an object that must be there."""
        found = self._touch(kind, label)
        if found is None:
            raise self._not_understood(f"{kind} {label}, which no file makes")
        return found

    def _refuse(self, node: Any, what: str, *slots: str) -> None:
        """Refuse a statement of which one of these parts is given."""
        for slot in slots:
            if getattr(node, slot, None):
                raise self._not_understood(f"{what} with {slot}")

    def _touch(self, kind: str, label: str) -> dict[str, Any] | None:
        """An object that a statement changes; the statement becomes part of its source."""
        key = ObjectKey(kind, label)
        found = self.found.get(key)
        if found is not None and self._source not in self.sources[key]:
            self.sources[key].append(self._source)
        return found

    def _CreateSchemaStmt(self, node: ast.CreateSchemaStmt) -> None:  # noqa: N802
        self._refuse(node, "CREATE SCHEMA", "authrole")
        self.schema(str(node.schemaname), self._source)
        for element in node.schemaElts or ():
            self.take(_Piece(element, self._source))

    def _CreateRoleStmt(self, node: ast.CreateRoleStmt) -> None:  # noqa: N802
        fields: dict[str, Any] = dict.fromkeys(_ROLE_OPTIONS.values(), False)
        fields["inherit"] = True
        for option in node.options or ():
            if option.defname in _ROLE_OPTIONS:
                fields[_ROLE_OPTIONS[option.defname]] = bool(option.arg.boolval)
            elif option.defname == "connectionlimit" and option.arg.ival != -1:
                fields["connection_limit"] = option.arg.ival
            elif option.defname not in ("connectionlimit", "password"):
                raise self._not_understood(f"CREATE ROLE with {option.defname}")
        self._put("role", str(node.role), fields)

    def _AlterRoleSetStmt(self, node: ast.AlterRoleSetStmt) -> None:  # noqa: N802
        setting: Any = node.setstmt
        role: Any = node.role
        name = str(setting.name)
        label = f"{role.rolename}.{_SETTING_NAMES.get(name.lower(), name)}"
        if node.database:
            label += " in <database>"
        if setting.kind != VariableSetKind.VAR_SET_VALUE:
            raise self._not_understood("ALTER ROLE that takes its setting from elsewhere")
        self._put("role setting", label, {"value": setting_value(setting)}, replace=True)

    def _DoStmt(self, node: ast.DoStmt) -> None:  # noqa: N802
        body = next(str(a.arg.sval) for a in node.args or () if a.defname == "as")
        wrapped = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $setu_do$" + body
        try:
            tree = pglast.parse_plpgsql(wrapped + "$setu_do$")
        except parser.ParseError as error:
            raise self._not_understood(f"the block: {error.args[0]}") from error
        self._block(tree[0]["PLpgSQL_function"]["action"]["PLpgSQL_stmt_block"]["body"], {})

    def _block(self, statements: list[dict[str, Any]], row: dict[str, Any]) -> None:
        """Run what a block does to the catalog. A condition that only a server knows is true."""
        for statement in statements:
            [(kind, what)] = statement.items()
            if kind == "PLpgSQL_stmt_fors":
                variable = next(iter(what["var"].values()))["refname"]
                query: Any = parser.parse_sql(query_of(what["query"]))[0].stmt
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
                    raise self._not_understood("an EXECUTE whose text is not constant")
                for raw in parser.parse_sql(text):
                    self.take(_Piece(raw.stmt, self._source))
            elif kind in ("PLpgSQL_stmt_execsql", "PLpgSQL_stmt_perform"):
                text = query_of(what.get("sqlstmt") or what["expr"])
                for raw in parser.parse_sql(text):
                    self.take(_Piece(raw.stmt, self._source))
            elif kind not in _QUIET:
                raise self._not_understood(f"a block with {kind.removeprefix('PLpgSQL_stmt_')}")

    def _expression(self, text: str, row: dict[str, Any]) -> Any:
        select: Any = parser.parse_sql(
            text if text.upper().startswith("SELECT") else f"SELECT {text}"
        )
        return self.evaluator.value(select[0].stmt.targetList[0].val, row)

    def _not_understood(self, what: str) -> SchemaSourceError:
        return SchemaSourceError(
            f"{self._source.file}:{self._source.line} holds what cannot be read without a server.",
            context=[what],
            hint="Write it as plain statements",
        )

    def _VariableSetStmt(self, node: ast.VariableSetStmt) -> None:  # noqa: N802
        if node.name == "search_path":
            raise self._not_understood("SET search_path: names say their schema instead")
        if node.name == "role":
            values = node.args or ()
            self.role = str(values[0].val.sval) if values else OWNER

    def _GrantRoleStmt(self, node: Any) -> None:  # noqa: N802
        admin = any(o.defname == "admin" and o.arg.boolval for o in node.opt or ())
        if any(o.defname != "admin" for o in node.opt or ()):
            raise self._not_understood("membership of a role with INHERIT or SET")
        for granted in node.granted_roles or ():
            for grantee in node.grantee_roles or ():
                key = ObjectKey("membership", f"{role_name(grantee)} in {granted.priv_name}")
                # Members that are not SETU's are the server's own business.
                if not role_name(grantee).startswith("setu_"):
                    continue
                if node.is_grant:
                    self._put(*key, {"admin": True if admin else None}, replace=True)
                else:
                    self.found.pop(key, None)

    # -- tables

    def _CreateStmt(self, node: ast.CreateStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        label = qualified(relation.schemaname, relation.relname)
        self._refuse(node, "CREATE TABLE", "inhRelations", "partspec", "partbound", "ofTypename")
        if relation.relpersistence == "t":
            raise self._not_understood("a temporary table")
        if any(option.defnamespace for option in node.options or ()):
            raise self._not_understood("CREATE TABLE with options of TimescaleDB or of TOAST")
        if node.if_not_exists and ObjectKey("table", label) in self.found:
            return
        columns: list[str] = []
        fields: dict[str, Any] = {"owner": OWNER, "columns": columns}
        fields["options"] = options_of(node.options)
        if relation.relpersistence == "u":
            fields["persistence"] = "unlogged"
        fields["tablespace"] = node.tablespacename
        fields["access_method"] = None if node.accessMethod == "heap" else node.accessMethod
        self._put("table", label, fields)
        self.privileges.add_object("table", label)
        for element in node.tableElts or ():
            if isinstance(element, ast.ColumnDef):
                self._column(label, element)
            elif not isinstance(element, ast.Constraint):
                raise self._not_understood(f"CREATE TABLE with {type(element).__name__}")
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
        self._put("column", label, fields)
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
        self._put("sequence", label, fields)
        self.privileges.add_object("sequence", label)
        return label

    def _CreateSeqStmt(self, node: ast.CreateSeqStmt) -> None:  # noqa: N802
        relation: Any = node.sequence
        label = qualified(relation.schemaname, relation.relname)
        fields = sequence_fields("bigint", node.options)
        if relation.relpersistence != "p":
            fields["persistence"] = "unlogged"
        self._put("sequence", label, fields)
        self.privileges.add_object("sequence", label)

    def _constraint(self, table: str, node: Any, column: str | None = None) -> None:
        schema, table_name = split_name(table)
        self._refuse(node, "a constraint", "indexname", "indexspace", "options", "without_overlaps")
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
        self._put("constraint", f"{table}.{quote_ident(name)}", fields)
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
            self._put("index", qualified(schema, name), index)
        elif suffix == "excl":
            params = ", ".join(index_param(element) for element, _ in node.exclusions) + ")" + also
            method = node.access_method or "btree"
            where = f" WHERE ({text_of(node.where_clause)})" if node.where_clause else ""
            self._put(
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
        self._refuse(node, "CREATE INDEX", "concurrent")
        if any(p.opclassopts for p in node.indexParams or ()):
            raise self._not_understood("CREATE INDEX with options of an operator class")
        name = node.idxname
        if name is None:
            columns = [str(c.name or "expr") for c in node.indexParams or ()]
            name = "_".join([str(relation.relname), *columns, "idx"])
        if ObjectKey("table", table) not in self.found:
            raise self._not_understood(f"an index on {table}, which is no table of these files")
        fields: dict[str, Any] = {"table": table, "definition": index_text(node, table, name)}
        fields["tablespace"] = node.tableSpace
        if node.unique:
            fields["unique"] = True
        if node.nulls_not_distinct:
            fields["nulls_not_distinct"] = True
        self._put("index", qualified(relation.schemaname, name), fields)

    def _AlterTableStmt(self, node: ast.AlterTableStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        kind = "table" if ObjectKey("table", table) in self.found else "view"
        self._made(kind, table)
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
            fields = self._made("column", column)
            fields["not_null"] = True
            fields["identity"] = "always" if command.def_.generated_when == "a" else "by default"
            self._owned_sequence(
                table, command.name, fields["type"], identity=True, options=command.def_.options
            )
        elif what == AlterTableType.AT_ColumnDefault and kind == "table":
            default = None if command.def_ is None else text_of(command.def_)
            self._made("column", column)["default"] = default
        elif what == AlterTableType.AT_SetNotNull:
            self._made("column", column)["not_null"] = True
        elif what == AlterTableType.AT_SetStatistics:
            self._made("column", column)["statistics"] = command.def_.ival
        elif what == AlterTableType.AT_SetStorage:
            fields = self._made("column", column)
            fields["storage"] = storage_of(command.def_.sval, fields["type"])
        elif what == AlterTableType.AT_SetCompression:
            method = command.def_.sval
            self._made("column", column)["compression"] = None if method == "default" else method
        elif what == AlterTableType.AT_SetOptions:
            fields = self._made("column", column)
            added = options_of(command.def_) or ()
            fields["options"] = sorted({*(fields.get("options") or ()), *added})
        elif what in (AlterTableType.AT_EnableRowSecurity, AlterTableType.AT_ForceRowSecurity):
            fields = self._made("table", table)
            if what == AlterTableType.AT_EnableRowSecurity:
                fields.setdefault("row_security", "enabled")
            else:
                fields["row_security"] = "forced"
        elif what in _TRIGGER_STATES:
            self._made("trigger", column)["enabled"] = _TRIGGER_STATES[what]
        elif what == AlterTableType.AT_ReplicaIdentity and command.def_.identity_type != "i":
            identity = {"f": "full", "n": "nothing"}.get(command.def_.identity_type)
            self._made("table", table)["replica_identity"] = identity
        elif what == AlterTableType.AT_SetRelOptions:
            self._set_options(kind, table, command.def_)
        else:
            raise self._not_understood(f"ALTER TABLE … {what.name.removeprefix('AT_')}")

    def _set_options(self, kind: str, table: str, options: Any) -> None:
        own = [o for o in options if o.defnamespace in ("timescaledb", "tsdb")]
        plain = [o for o in options if o not in own]
        if any(o.defnamespace for o in plain):
            raise self._not_understood("options of TOAST")
        if plain:
            fields = self._made(kind, table)
            new = {o.defname for o in plain}
            kept = [o for o in fields.get("options") or () if o.partition("=")[0] not in new]
            fields["options"] = sorted([*kept, *(options_of(plain) or ())])
        if not own:
            return
        values = {o.defname.removeprefix("compress_"): option_value(o) for o in own}
        aggregate = self._touch("continuous aggregate", table)
        known_options = ("materialized_only",) if aggregate is not None else _STORE_OPTIONS
        for name in values:
            if name not in known_options:
                raise self._not_understood(f"the option timescaledb.{name}")
        if aggregate is not None:
            aggregate["materialized_only"] = values["materialized_only"] == "true"
            return
        hypertable = self._made("hypertable", table)
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

    # -- functions

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
            f"{_SETTING_NAMES.get(s.name, s.name)}={setting_value(s)}"
            for s in options.get("set", ())
        ]
        fields["settings"] = settings or None
        if flag(options, "window"):
            fields["window"] = True
        if "support" in options:
            fields["support"] = ".".join(quote_ident(p) for p in parts_of(options["support"][0]))
        if "transform" in options:
            raise self._not_understood(f"{kind} {label} with TRANSFORM")
        if body and len(body[0]) > 1:
            raise self._not_understood(f"{kind} {label} of a library")
        self._put(kind, label, fields, replace=bool(node.replace))
        self.privileges.add_object(kind, label)

    def _CreateTrigStmt(self, node: ast.CreateTrigStmt) -> None:  # noqa: N802
        relation: Any = node.relation
        table = qualified(relation.schemaname, relation.relname)
        self._put(
            "trigger",
            f"{table}.{quote_ident(str(node.trigname))}",
            {"definition": text_of(node)},
            replace=bool(node.replace),
        )

    # -- types

    def _CreateEnumStmt(self, node: ast.CreateEnumStmt) -> None:  # noqa: N802
        self._type("enum", node.typeName, {"labels": parts_of(node.vals)})

    def _CompositeTypeStmt(self, node: ast.CompositeTypeStmt) -> None:  # noqa: N802
        relation: Any = node.typevar
        attributes = [
            f"{quote_ident(str(column.colname))} {type_text(column.typeName)}"
            for column in node.coldeflist or ()
        ]
        label = qualified(relation.schemaname, relation.relname)
        self._put("type", label, {"owner": OWNER, "attributes": attributes})
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
                self._put("constraint", f"{label}.{name}", {"definition": definition})

    def _type(self, kind: str, names: Any, fields: dict[str, Any]) -> str:
        parts = parts_of(names)
        label = qualified(parts[-2] if len(parts) > 1 else None, parts[-1])
        fields["owner"] = OWNER
        self._put(kind, label, fields)
        self.privileges.add_object("type", label)
        return label

    # -- views

    def _ViewStmt(self, node: ast.ViewStmt) -> None:  # noqa: N802
        relation: Any = node.view
        options = options_of(node.options) or []
        checked = {"LOCAL_CHECK_OPTION": "local", "CASCADED_CHECK_OPTION": "cascaded"}
        check = checked.get(str(getattr(node.withCheckOption, "name", "")))
        if check:
            options = sorted([*options, f"check_option={check}"])
        if relation.relpersistence != "p":
            raise self._not_understood("a temporary view")
        self._view(relation, node.query, node.aliases, options or None, replace=bool(node.replace))

    def _view(
        self,
        relation: Any,
        query: Any,
        aliases: Any,
        options: list[str] | None,
        *,
        replace: bool = False,
    ) -> str:
        label = qualified(relation.schemaname, relation.relname)
        columns = named_outputs(query, parts_of(aliases))
        self._put(
            "view",
            label,
            {
                "owner": OWNER,
                "columns": columns,
                "options": options,
                "definition": text_of(query),
            },
            replace=replace,
        )
        for name in columns:
            self._put("column", f"{label}.{quote_ident(name)}", {}, replace=replace)
        self.privileges.add_object("table", label)
        return label

    def _CreateTableAsStmt(self, node: ast.CreateTableAsStmt) -> None:  # noqa: N802
        into: Any = node.into
        own = {
            o.defname: option_value(o)
            for o in into.options or ()
            if o.defnamespace in ("timescaledb", "tsdb")
        }
        if "continuous" not in own:
            raise self._not_understood(
                "CREATE TABLE AS, or a materialized view that is not continuous"
            )
        for name in own:
            if name not in ("continuous", "materialized_only"):
                raise self._not_understood(f"the option timescaledb.{name}")
        label = self._view(into.rel, node.query, into.colNames, None)
        definition = self.found[ObjectKey("view", label)].pop("definition")
        query: Any = node.query
        source = query.fromClause[0]
        source_name = qualified(source.schemaname, source.relname)
        self._put(
            "continuous aggregate",
            label,
            {
                "source": source_name,
                "materialized_only": own.get("materialized_only", "true") == "true",
                "definition": definition,
            },
        )
        self._put("hypertable", label, {})
        self._aggregate_dimension(label, query, source_name)

    def _aggregate_dimension(self, label: str, query: Any, source: str) -> None:
        bucket = ""
        for target in query.targetList or ():
            value = target.val
            if isinstance(value, ast.FuncCall) and parts_of(value.funcname)[-1] == "time_bucket":
                bucket = str(target.name or "time_bucket")
        fields: dict[str, Any] = {"position": 1, "type": "timestamp with time zone"}
        for key, dimension in list(self.found.items()):
            if key.kind == "dimension" and key.name.startswith(f"{source}."):
                width = Interval.parse(str(dimension.get("chunk_interval", "7 days")))
                # TimescaleDB's own factor.
                fields["chunk_interval"] = str(width.times(10).width())
        self._put("dimension", f"{label}.{quote_ident(bucket)}", fields)

    # -- TimescaleDB's calls

    def _SelectStmt(self, node: ast.SelectStmt) -> None:  # noqa: N802
        calls = [t.val for t in node.targetList or () if isinstance(t.val, ast.FuncCall)]
        made = [c for c in calls if self._is_read(c)]
        if not made:
            return
        for row in self.evaluator.rows(node):
            for call in made:
                self._call(call, dict(row))

    def _CallStmt(self, node: ast.CallStmt) -> None:  # noqa: N802
        call: Any = node.funccall
        if self._is_read(call):
            self._call(call, {})

    def _is_read(self, call: ast.FuncCall) -> bool:
        """Whether a call makes something that is read here. Refuses one that makes something else.

        TimescaleDB's calls change the catalog by their names and arguments alone.
        """
        name = parts_of(call.funcname)[-1]
        if name in _UNREAD_CALLS:
            raise self._not_understood(f"the call of {name}")
        if not hasattr(self, f"_call_{name}"):
            return False
        for argument in call.args or ():
            if isinstance(argument, ast.NamedArgExpr) and argument.name in _UNREAD_ARGUMENTS:
                raise self._not_understood(f"the argument {argument.name} of {name}")
        return True

    def _call(self, node: ast.FuncCall, row: dict[str, Any]) -> None:
        call = self.evaluator.call(node, row)
        getattr(self, f"_call_{call.name}")(call)

    def _call_set_config(self, call: Call) -> None:
        # Back to the owner of all objects, whatever role that is.
        if call.argument("setting_name", 0) == "role":
            value = call.argument("new_value", 1)
            self.role = value if isinstance(value, str) and value != "none" else OWNER

    def _call_create_hypertable(self, call: Call) -> None:
        table = self._relation(call.argument("relation", 0))
        dimension = call.argument("dimension", 1)
        if isinstance(dimension, Call):
            if dimension.name != "by_range":
                raise self._not_understood(f"a hypertable {dimension.name}")
            column = str(dimension.argument("column_name", 0))
            width = dimension.argument("partition_interval", 1)
        else:
            if len(call.positional) > 2:
                raise self._not_understood("a hypertable with more than one dimension")
            column = str(call.argument("time_column_name", 1))
            width = call.argument("chunk_time_interval")
        self._put("hypertable", table, {})
        kind = self.found.get(ObjectKey("column", f"{table}.{quote_ident(column)}"), {})
        interval = width if isinstance(width, Interval) else Interval.parse(str(width or "7 days"))
        self._put(
            "dimension",
            f"{table}.{quote_ident(column)}",
            {"position": 1, "type": kind.get("type"), "chunk_interval": str(interval.width())},
        )
        kind["not_null"] = True
        if call.argument("create_default_indexes") is not False:
            self._default_index(table, column)

    def _default_index(self, table: str, column: str) -> None:
        schema, name = split_name(table)
        index = f"{name}_{column}_idx"
        definition = f"CREATE INDEX {quote_ident(index)} ON {table} USING btree"
        self._put(
            "index",
            qualified(schema, index),
            {"table": table, "definition": f"{definition} ({quote_ident(column)} DESC)"},
        )

    def _call_set_chunk_time_interval(self, call: Call) -> None:
        table = self._relation(call.argument("hypertable", 0))
        for key in list(self.found):
            if key.kind == "dimension" and key.name.startswith(f"{table}."):
                fields = self._touch("dimension", key.name) or {}
                width = call.argument("chunk_time_interval", 1)
                fields["chunk_interval"] = str(Interval.parse(str(width)).width())

    def _call_add_retention_policy(self, call: Call) -> None:
        config = {"drop_after": printed(call.argument("drop_after", 1))}
        self._policy("policy_retention", call.argument("relation", 0), call, config)

    def _call_add_columnstore_policy(self, call: Call) -> None:
        config = {"compress_after": printed(call.argument("after", 1))}
        self._policy("policy_compression", call.argument("hypertable", 0), call, config)

    def _call_add_compression_policy(self, call: Call) -> None:
        config = {"compress_after": printed(call.argument("compress_after", 1))}
        self._policy("policy_compression", call.argument("hypertable", 0), call, config)

    def _call_add_continuous_aggregate_policy(self, call: Call) -> None:
        config = {
            "start_offset": printed(call.argument("start_offset", 1)),
            "end_offset": printed(call.argument("end_offset", 2)),
        }
        relation = call.argument("continuous_aggregate", 0)
        self._policy("policy_refresh_continuous_aggregate", relation, call, config)

    def _policy(self, name: str, relation: Any, call: Call, config: dict[str, Any]) -> None:
        label = f"_timescaledb_functions.{name} on {self._relation(relation)}"
        fields: dict[str, Any] = {"owner": self.role, "scheduled": True}
        if UNKNOWN not in config.values():
            fields["config"] = config
        schedule = call.argument("schedule_interval", None)
        if isinstance(schedule, Interval):
            fields["schedule_interval"] = str(schedule)
        self._jobs.append((label, fields, self._source))

    def _call_add_job(self, call: Call) -> dict[str, Any]:
        proc = call.argument("proc", 0)
        if proc is UNKNOWN:
            raise self._not_understood("a job whose procedure is not constant")
        label = ".".join(quote_ident(part) for part in split_name(str(proc)))
        config = call.argument("config", 2)
        fields: dict[str, Any] = {
            "name": call.argument("job_name") or "User-Defined Action",
            "schedule_interval": known(call.argument("schedule_interval", 1)),
            "config": None if config is UNKNOWN else config,
            "fixed_schedule": call.argument("fixed_schedule", 6, True),
            "scheduled": call.argument("scheduled", 4, True),
            "owner": self.role,
        }
        self._jobs.append((label, fields, self._source))
        return fields

    def _call_alter_job(self, call: Call) -> None:
        inner = call.argument("job_id", 0)
        if not isinstance(inner, Call):
            raise self._not_understood("alter_job of a job that is not added in the same call")
        fields = self._call_add_job(inner)
        for name in (
            "schedule_interval",
            "max_runtime",
            "max_retries",
            "retry_period",
            "scheduled",
        ):
            value = call.argument(name)
            if value is not None:
                fields[name] = known(value)

    def _relation(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._not_understood("a call whose table is not constant")
        parts = split_name(value)
        return qualified(parts[0] if len(parts) > 1 else None, parts[-1])

    # -- comments and grants

    def _CommentStmt(self, node: Any) -> None:  # noqa: N802
        kind = _OBJECT_KINDS.get(node.objtype)
        target: Any = node.object
        if kind is None:
            raise self._not_understood(f"COMMENT ON {node.objtype}")
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
        self._made(kind, label)["comment"] = node.comment

    def _function_label(self, kind: str, node: Any) -> str:
        names = parts_of(node.objname)
        prefix = qualified(names[0] if len(names) > 1 else None, names[-1]) + "("
        fitting = [
            key.name
            for key in self.found
            if key.kind in ("function", "procedure") and key.name.startswith(prefix)
        ]
        if not node.args_unspecified and len(fitting) > 1:
            wanted = [type_text(a) for a in node.objargs or ()]
            fitting = [name for name in fitting if self._argument_types(name) == wanted]
        if len(fitting) != 1:
            raise self._not_understood(f"{kind} {prefix[:-1]}, which no file makes, or several do")
        return fitting[0]

    def _argument_types(self, label: str) -> list[str]:
        inside = label[label.index("(") + 1 : -1]
        if not inside:
            return []
        node: Any = parser.parse_sql(f"CREATE FUNCTION f({inside}) RETURNS int LANGUAGE sql")
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
            ObjectType.OBJECT_DATABASE: "database",
        }.get(node.objtype)
        if kind is None:
            raise self._not_understood(f"GRANT on {node.objtype.name.removeprefix('OBJECT_')}")
        if kind == "database":
            return  # The database's own rights are no part of a schema.
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
                raise self._not_understood(f"a right on {target} {where}, which no file makes")
            if node.is_grant:
                self.privileges.grant(target, where, roles, names, option=bool(node.grant_option))
            else:
                only = bool(node.grant_option)
                self.privileges.revoke(target, where, roles, names, option=only)
            for role in roles:
                key = ObjectKey("privilege", f"{target} {where} to {role}")
                self.sources.setdefault(key, []).append(self._source)
