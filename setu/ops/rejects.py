"""Rejected rows: found by pipeline, reason, machine and time, shown, sent again, discarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection

from setu.errors import SetuError

# What identifies a row is not what is wrong with it, unless the reason says so.
_ENVELOPE = frozenset(
    {"id", "time", "kafka_partition", "kafka_offset", "device_id", "machine_iot_id"}
)
#: What the loads reject for, as ``_etl.sp_resend_rejected`` has them, and payloads of v1.
REASONS = (
    "unknown_machine",
    "sender_mismatch",
    "missing_start",
    "missing_time",
    "missing_key",
    "start_out_of_range",
    "time_out_of_range",
    "start_in_future",
    "time_in_future",
    "end_before_start",
    "end_out_of_range",
    "value_out_of_range",
    "unknown_timezone",
    "key_too_long",
    "corrected",
    "load_error",
    "row_too_large",
)
PAYLOADS = "raw_telemetry"
PAYLOAD_REASONS = ("unknown_machine", "unreadable_payload")
_INTEGER_LIMIT = 1 << 31
_DECIMAL_LIMIT = Decimal(10) ** 9


class RejectsError(SetuError):
    """Rejected rows cannot be found or changed as asked."""


@dataclass(frozen=True)
class Filter:
    """Which rejected rows; what is None does not narrow. Only waiting ones unless ``resent``."""

    pipeline: str | None = None
    reason: str | None = None
    machine: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[int, ...] = ()
    resent: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it says more than the pipeline."""
        return any((self.reason, self.machine, self.since, self.until, self.ids))


@dataclass(frozen=True)
class Reject:
    """One rejected row, whole."""

    reject_id: int
    pipeline: str
    reason: str
    detail: str
    machine: int | None
    arrived_at: datetime | None
    rejected_at: datetime
    resent_at: datetime | None
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """Rejected rows of one pipeline and reason."""

    pipeline: str
    reason: str
    rows: int
    machines: int
    first_at: datetime
    last_at: datetime


_WHERE = """
    (%(pipeline)s::text IS NULL OR r.pipeline = %(pipeline)s)
    AND (%(reason)s::text IS NULL OR r.reason_code = %(reason)s)
    AND (%(machine)s::bigint IS NULL OR r.machine_iot_id = %(machine)s)
    AND (%(since)s::timestamptz IS NULL OR r.rejected_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR r.rejected_at < %(until)s)
    AND (%(ids)s::bigint[] IS NULL OR r.reject_id = ANY (%(ids)s))
    AND (%(resent)s OR r.resent_at IS NULL)
"""


def groups(connection: Connection, wanted: Filter) -> list[Group]:
    """The rows that a filter finds, by pipeline and reason, the most first."""
    query = f"""
        SELECT r.pipeline, r.reason_code, count(*), count(DISTINCT r.machine_iot_id),
            min(r.rejected_at), max(r.rejected_at)
        FROM _etl.v_rejected_rows AS r
        WHERE {_WHERE}
        GROUP BY r.pipeline, r.reason_code
        ORDER BY count(*) DESC, r.pipeline, r.reason_code
    """
    return [Group(*row) for row in _ask(connection, query, wanted)]


def rejects(connection: Connection, wanted: Filter, limit: int) -> list[Reject]:
    """The newest rows that a filter finds, at most ``limit``."""
    query = f"""
        SELECT r.reject_id, r.pipeline, r.reason_code, coalesce(r.detail, ''), r.machine_iot_id,
            r.bronze_time, r.rejected_at, r.resent_at, r.row_data
        FROM _etl.v_rejected_rows AS r
        WHERE {_WHERE}
        ORDER BY r.reject_id DESC
        LIMIT {int(limit)}
    """
    return [Reject(*row) for row in _ask(connection, query, wanted)]


def resend(connection: Connection, wanted: Filter) -> dict[str, int]:
    """Send what a filter finds through bronze again; how many rows, by pipeline."""
    return _change(connection, wanted, "CALL _etl.sp_resend_rejected(%s, NULL, 0, %s)")


def discard(connection: Connection, wanted: Filter) -> dict[str, int]:
    """Let go what a filter finds, and count it; how many rows, by pipeline."""
    return _change(connection, wanted, "CALL _etl.sp_discard_rejected(%s, %s, 0)")


def _change(connection: Connection, wanted: Filter, call: str) -> dict[str, int]:
    query = f"""
        SELECT r.pipeline, array_agg(r.reject_id)
        FROM _etl.v_rejected_rows AS r
        WHERE {_WHERE} AND r.resent_at IS NULL
        GROUP BY r.pipeline
        ORDER BY r.pipeline
    """
    done = {}
    for pipeline, ids in _ask(connection, query, wanted):
        done[str(pipeline)] = int(connection.exec_driver_sql(call, (pipeline, ids)).scalar_one())
    connection.commit()
    return done


def _ask(connection: Connection, query: str, wanted: Filter) -> list[tuple[Any, ...]]:
    parameters = {**vars(wanted), "ids": list(wanted.ids) or None}
    known = connection.exec_driver_sql(
        "SELECT to_regclass('_etl.v_rejected_rows') IS NOT NULL"
    ).scalar_one()
    if not known:
        raise RejectsError(
            "This database keeps no rejected rows.",
            context=["The view _etl.v_rejected_rows, of revision 0401, is not there."],
            hint="Run alembic upgrade head, or look at `alembic current`",
        )
    _refuse_unknown(connection, wanted)
    return [tuple(row) for row in connection.exec_driver_sql(query, parameters)]


def _refuse_unknown(connection: Connection, wanted: Filter) -> None:
    """Refuse a pipeline or a reason that does not exist, which would find nothing for ever."""
    if wanted.pipeline is not None:
        names = [
            str(row[0])
            for row in connection.exec_driver_sql(
                "SELECT l.pipeline FROM _etl.v_pipeline_lag AS l ORDER BY l.pipeline"
            )
        ]
        if wanted.pipeline not in (*names, PAYLOADS):
            raise RejectsError(
                f"There is no pipeline {wanted.pipeline}.",
                context=[f"The pipelines are {', '.join((*names, PAYLOADS))}."],
                hint="Give one of them, or leave it out for all",
            )
    known = PAYLOAD_REASONS if wanted.pipeline == PAYLOADS else (*REASONS, *PAYLOAD_REASONS)
    if wanted.reason is not None and wanted.reason not in known:
        raise RejectsError(
            f"No load rejects for reason {wanted.reason}.",
            context=[f"The reasons are {', '.join(dict.fromkeys(known))}."],
            hint="Give one of them, or leave it out for all",
        )


def column_types(connection: Connection, pipeline: str) -> dict[str, str]:
    """The types of silver's columns, by name; empty for what has no table there."""
    rows = connection.exec_driver_sql(
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a"
        " INNER JOIN pg_class AS c ON c.oid = a.attrelid"
        " INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'silver' AND c.relname = %s AND a.attnum > 0",
        (pipeline,),
    )
    return {str(name): str(kind) for name, kind in rows}


def culprits(reject: Reject, types: Mapping[str, str]) -> list[tuple[str, Any]]:
    """The columns that the reason speaks of, with exactly the values that they have."""
    row = reject.row
    instant = next(
        (name for name in ("cycle_start", "down_start", "event_time") if name in row), ""
    )
    end = next((name for name in ("cycle_end", "down_end") if name in row), "")
    named: Sequence[str] = ()
    match reject.reason:
        case "unknown_machine" | "unknown_timezone":
            named = ("machine_iot_id",)
        case "sender_mismatch":
            named = ("device_id", "machine_iot_id")
        case reason if reason.startswith("missing_"):
            named = [
                name
                for name in (instant, "tool_no", "program_no")
                if name in row and row[name] is None
            ]
        case reason if reason.startswith(("start_", "time_")):
            named = (instant,)
        case "end_before_start" | "end_out_of_range" | "end_in_future":
            named = (instant, end)
        case "value_out_of_range":
            named = [name for name, value in row.items() if _does_not_fit(value, types.get(name))]
        case "key_too_long":
            named = [
                name for name in ("alarm_no", "category", "tool_no", "program_no") if name in row
            ]
    return [(name, row.get(name)) for name in named if name]


def _first_of(row: Mapping[str, Any], *names: str) -> str:
    return next((name for name in names if name in row), "")


def _does_not_fit(value: object, kind: str | None) -> bool:
    """Whether a JSON value of a bronze row does not go into a column of silver."""
    if value is None or kind is None:
        return False
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    if kind == "integer":
        return not number.is_finite() or not -_INTEGER_LIMIT <= round(number) < _INTEGER_LIMIT
    if kind.startswith("numeric"):
        return not number.is_finite() or abs(number) >= _DECIMAL_LIMIT
    return False


def advice(reject: Reject) -> list[str]:
    """What corrects it, as commands where there are any, and then the one that sends it again."""
    again = f"setu rejects resend {reject.pipeline} --reason {reject.reason}"
    gone = f"setu rejects discard {reject.pipeline} --id {reject.reject_id}"
    machine, device = reject.row.get("machine_iot_id"), reject.row.get("device_id")
    if reject.pipeline == PAYLOADS:
        return ["Nothing sends a payload of v1 again; it is kept whole here", gone]
    match reject.reason:
        case "unknown_machine":
            return [
                f"Register the machine of gateway {device!r}, and give the gateway its number in "
                f"place of {machine}; or, if {machine} is registered by now:",
                again,
            ]
        case "sender_mismatch":
            return [
                "UPDATE master.machine_info SET device_iot_id = (SELECT d.device_iot_id FROM"
                f" master.device_info AS d WHERE d.device_id = '{_quoted(device)}')"
                f" WHERE iot_id = {machine};  -- if the gateway was replaced",
                again,
            ]
        case "unknown_timezone":
            return [
                "UPDATE master.plants SET timezone = … WHERE iot_id = …;  -- the zone's new name",
                again,
            ]
        case "load_error" | "row_too_large":
            return ["Correct what the detail says", again, gone]
        case _:
            return [
                "Correct it at the gateway, which sends the row anew; then let this one go:",
                gone,
            ]


def _quoted(value: object) -> str:
    return str(value).replace("'", "''")
