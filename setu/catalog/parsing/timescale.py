"""TimescaleDB's calls: hypertables, policies and jobs."""

from __future__ import annotations

from typing import Any, Final

from pglast import ast

from setu.catalog.evaluate import UNKNOWN, Call, printed
from setu.catalog.intervals import Interval
from setu.catalog.model import ObjectKey
from setu.catalog.names import parts_of, qualified, quote_ident, split_name
from setu.catalog.parsing.reader import Reader
from setu.catalog.written import OWNER, known, text_of

#: A day, in microseconds.
_DAY: Final = 86_400_000_000
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


class TimescaleReader(Reader):
    """SELECT and CALL of TimescaleDB's functions."""

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
            raise self.not_understood(f"the call of {name}")
        if not hasattr(self, f"_call_{name}"):
            return False
        for argument in call.args or ():
            if isinstance(argument, ast.NamedArgExpr) and argument.name in _UNREAD_ARGUMENTS:
                raise self.not_understood(f"the argument {argument.name} of {name}")
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
                raise self.not_understood(f"a hypertable {dimension.name}")
            column = str(dimension.argument("column_name", 0))
            width = dimension.argument("partition_interval", 1)
        else:
            if len(call.positional) > 2:
                raise self.not_understood("a hypertable with more than one dimension")
            column = str(call.argument("time_column_name", 1))
            width = call.argument("chunk_time_interval")
        self.put("hypertable", table, {})
        kind = self.found.get(ObjectKey("column", f"{table}.{quote_ident(column)}"), {})
        interval = width if isinstance(width, Interval) else Interval.parse(str(width or "7 days"))
        self.put(
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
        self.put(
            "index",
            qualified(schema, index),
            {"table": table, "definition": f"{definition} ({quote_ident(column)} DESC)"},
        )

    def _call_set_chunk_time_interval(self, call: Call) -> None:
        table = self._relation(call.argument("hypertable", 0))
        for key in list(self.found):
            if key.kind == "dimension" and key.name.startswith(f"{table}."):
                fields = self.touch("dimension", key.name) or {}
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
        if schedule is None:
            schedule = self._default_schedule(name, self._relation(relation))
        if isinstance(schedule, Interval):
            fields["schedule_interval"] = str(schedule)
        retention = name == "policy_retention"
        fields |= {
            "starts": _start_of(call),
            "fixed_schedule": "initial_start" in call.named,
            "max_retries": -1,
            "max_runtime": "00:05:00" if retention else "00:00:00",
        }
        if retention:
            fields["retry_period"] = "00:05:00"
        elif name == "policy_compression":
            fields["retry_period"] = "01:00:00"
        elif isinstance(schedule, Interval):
            fields["retry_period"] = str(schedule)
        timezone = call.argument("timezone")
        if isinstance(timezone, str):
            fields["timezone"] = timezone
        self.jobs.append((label, fields, self.source))

    def _default_schedule(self, name: str, table: str) -> Interval:
        """What TimescaleDB takes where a policy says no schedule."""
        if name != "policy_compression":
            return Interval(days=1)
        widths = [
            Interval.parse(str(fields["chunk_interval"])).width()
            for key, fields in self.found.items()
            if key.kind == "dimension" and key.name.startswith(f"{table}.")
        ]
        half = min((w.days * _DAY + w.microseconds for w in widths), default=_DAY) // 2
        return Interval(microseconds=min(half, _DAY // 2))

    def _call_add_job(self, call: Call) -> dict[str, Any]:
        proc = call.argument("proc", 0)
        if proc is UNKNOWN:
            raise self.not_understood("a job whose procedure is not constant")
        label = ".".join(quote_ident(part) for part in split_name(str(proc)))
        config = call.argument("config", 2)
        fields: dict[str, Any] = {
            "name": call.argument("job_name") or "User-Defined Action",
            "schedule_interval": known(call.argument("schedule_interval", 1)),
            "config": None if config is UNKNOWN else config,
            "fixed_schedule": call.argument("fixed_schedule", 6, True),
            "scheduled": call.argument("scheduled", 4, True),
            "starts": _start_of(call),
            "owner": self.role,
        }
        self.jobs.append((label, fields, self.source))
        return fields

    def _call_alter_job(self, call: Call) -> None:
        inner = call.argument("job_id", 0)
        if not isinstance(inner, Call):
            raise self.not_understood("alter_job of a job that is not added in the same call")
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
            raise self.not_understood("a call whose table is not constant")
        parts = split_name(value)
        return qualified(parts[0] if len(parts) > 1 else None, parts[-1])


def _start_of(call: Call) -> str | None:
    """When a job runs first, as an expression: a server has the instant that it gave."""
    node = call.nodes.get("initial_start")
    return None if node is None else text_of(node)
