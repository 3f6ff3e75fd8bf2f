"""Views and continuous aggregates."""

from __future__ import annotations

from typing import Any

from pglast import ast

from setu.catalog.intervals import Interval
from setu.catalog.model import ObjectKey
from setu.catalog.names import parts_of, qualified, quote_ident
from setu.catalog.parsing.reader import Reader
from setu.catalog.written import OWNER, named_outputs, option_value, options_of, text_of


class ViewReader(Reader):
    """CREATE VIEW, and CREATE MATERIALIZED VIEW of a continuous aggregate."""

    def _ViewStmt(self, node: ast.ViewStmt) -> None:  # noqa: N802
        relation: Any = node.view
        options = options_of(node.options) or []
        checked = {"LOCAL_CHECK_OPTION": "local", "CASCADED_CHECK_OPTION": "cascaded"}
        check = checked.get(str(getattr(node.withCheckOption, "name", "")))
        if check:
            options = sorted([*options, f"check_option={check}"])
        if relation.relpersistence != "p":
            raise self.not_understood("a temporary view")
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
        self.put(
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
            self.put("column", f"{label}.{quote_ident(name)}", {}, replace=replace)
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
            raise self.not_understood(
                "CREATE TABLE AS, or a materialized view that is not continuous"
            )
        for name in own:
            if name not in ("continuous", "materialized_only"):
                raise self.not_understood(f"the option timescaledb.{name}")
        label = self._view(into.rel, node.query, into.colNames, None)
        definition = self.found[ObjectKey("view", label)].pop("definition")
        query: Any = node.query
        source = query.fromClause[0]
        source_name = qualified(source.schemaname, source.relname)
        self.put(
            "continuous aggregate",
            label,
            {
                "source": source_name,
                "materialized_only": own.get("materialized_only", "true") == "true",
                "definition": definition,
                "indexes": _group_indexes(query),
            },
        )
        self.put("hypertable", label, {})
        self._aggregate_dimension(label, query, source_name)

    def _aggregate_dimension(self, label: str, query: Any, source: str) -> None:
        bucket = _bucket(query)
        fields: dict[str, Any] = {"position": 1, "type": "timestamp with time zone"}
        for key, dimension in list(self.found.items()):
            if key.kind == "dimension" and key.name.startswith(f"{source}."):
                width = Interval.parse(str(dimension.get("chunk_interval", "7 days")))
                # TimescaleDB's own factor.
                fields["chunk_interval"] = str(width.times(10).width())
        self.put("dimension", f"{label}.{quote_ident(bucket)}", fields)


def _bucket(query: Any) -> str:
    """The column of an aggregate that has its buckets."""
    bucket = ""
    for target in query.targetList or ():
        value = target.val
        if isinstance(value, ast.FuncCall) and parts_of(value.funcname)[-1] == "time_bucket":
            bucket = str(target.name or "time_bucket")
    return bucket


def _group_indexes(query: Any) -> list[str]:
    """The indexes that TimescaleDB makes: each column that is grouped by, with the bucket."""
    bucket = _bucket(query)
    outputs = list(zip(named_outputs(query, []), query.targetList or (), strict=True))
    texts = [text_of(node) for node in query.groupClause or ()]
    grouped = [
        name
        for place, (name, target) in enumerate(outputs, 1)
        if name != bucket and {str(place), quote_ident(name), text_of(target.val)} & {*texts}
    ]
    shown = quote_ident(bucket)
    columns = [f"{shown} DESC", *(f"{quote_ident(name)}, {shown} DESC" for name in grouped)]
    made = "CREATE INDEX <materialization> ON _timescaledb_internal.<materialization>"
    return sorted(f"{made} USING btree ({each})" for each in columns)
