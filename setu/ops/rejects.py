"""Rejected rows: found by pipeline, reason, machine and time, shown, sent again, discarded."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection

from setu.errors import SetuError
from setu.ops.register import Listed, registered

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


# Payloads of v1, and rows of which only the beginning was kept, are not sent again.
_COMPLETE = f"r.pipeline <> '{PAYLOADS}' AND r.reason_code <> 'row_too_large'"


def counted(connection: Connection, wanted: Filter) -> dict[str, int]:
    """How many waiting rows a filter finds, by pipeline."""
    return _counted(connection, wanted, "true")


def resendable(connection: Connection, wanted: Filter) -> dict[str, int]:
    """How many of them can be sent again, by pipeline."""
    return _counted(connection, wanted, _COMPLETE)


def resend(connection: Connection, wanted: Filter) -> dict[str, int]:
    """Send what a filter finds through bronze again; how many rows, by pipeline."""
    call = "CALL _etl.sp_resend_rejected(%s, NULL, 0, %s)"
    return _change(connection, wanted, call, _COMPLETE)


def discard(connection: Connection, wanted: Filter) -> dict[str, int]:
    """Discard the rows that a filter finds, and count them; how many rows, by pipeline."""
    return _change(connection, wanted, "CALL _etl.sp_discard_rejected(%s, %s, 0)")


def _counted(connection: Connection, wanted: Filter, which: str) -> dict[str, int]:
    query = f"""
        SELECT r.pipeline, count(*)
        FROM _etl.v_rejected_rows AS r
        WHERE {_WHERE} AND r.resent_at IS NULL AND {which}
        GROUP BY r.pipeline
        ORDER BY r.pipeline
    """
    return {str(pipeline): int(count) for pipeline, count in _ask(connection, query, wanted)}


def _change(
    connection: Connection, wanted: Filter, call: str, which: str = "true"
) -> dict[str, int]:
    query = f"""
        SELECT r.pipeline, array_agg(r.reject_id)
        FROM _etl.v_rejected_rows AS r
        WHERE {_WHERE} AND r.resent_at IS NULL AND {which}
        GROUP BY r.pipeline
        ORDER BY r.pipeline
    """
    done = {}
    for pipeline, ids in _ask(connection, query, wanted):
        done[str(pipeline)] = int(connection.exec_driver_sql(call, (pipeline, ids)).scalar_one())
    connection.commit()
    return done


def _require(connection: Connection, view: str, what: str) -> None:
    known = connection.exec_driver_sql("SELECT to_regclass(%s)", (f"_etl.{view}",)).scalar_one()
    if known is None:
        raise RejectsError(
            f"This database has no list of {what}.",
            context=[f"The view _etl.{view}, of revision 0401, is not there."],
            hint="Run alembic upgrade head, or look at `alembic current`",
        )


def _ask(connection: Connection, query: str, wanted: Filter) -> list[tuple[Any, ...]]:
    parameters = {**vars(wanted), "ids": list(wanted.ids) or None}
    _require(connection, "v_rejected_rows", "rejected rows")
    _refuse_unknown(connection, wanted)
    return [tuple(row) for row in connection.exec_driver_sql(query, parameters)]


def _refuse_unknown(connection: Connection, wanted: Filter) -> None:
    """Refuse a pipeline or a reason that does not exist, which would find nothing for ever."""
    if wanted.pipeline is not None:
        names = [
            str(row[0])
            for row in connection.exec_driver_sql(
                # By their loads, which every role may see: setu_admin reads no other table of _etl.
                "SELECT substr(p.proname, 9) FROM pg_proc AS p"
                " INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace"
                " WHERE n.nspname = '_etl' AND starts_with(p.proname, 'sp_load_') ORDER BY 1"
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


@dataclass(frozen=True)
class UnknownCode:
    """A downtime code that could not be read as sent, how it was loaded, and what corrects it."""

    company: str | None
    number: int | None
    code: str | None
    fault: str
    loaded_as: str | None
    stops: int
    last_seen_at: datetime
    is_known_now: bool

    @property
    def command(self) -> str:
        """The command after which it is read."""
        company, code = _word(self.company or "COMPANY"), self.code or self.loaded_as
        if self.fault == "code and number disagree":
            return f"setu register move code {company} {self.number} {_word(code)}"
        named = f"setu register code {_word(code) if code else 'CODE'}"
        if self.number is None or self.fault == "unknown code":
            return named
        return f"{named} --company {company} --number {self.number}"


def unknown_codes(connection: Connection) -> list[UnknownCode]:
    """The codes of the last 30 days that could not be read as sent, the most stops first.

    Those that would be read today, since they were registered, come last.
    """
    _require(connection, "v_unknown_codes", "unknown codes")
    rows = connection.exec_driver_sql(
        "SELECT u.company_id, u.source_down_id, nullif(u.down_code, ''), u.fault, u.loaded_as,"
        " u.stops, u.last_seen_at, u.is_known_now FROM _etl.v_unknown_codes AS u"
        " ORDER BY u.is_known_now, u.stops DESC, u.company_id, u.source_down_id"
    )
    return [UnknownCode(*row) for row in rows]


def known_masters(connection: Connection) -> list[Listed]:
    """The machines and gateways that advice names."""
    return registered(connection, "machine") + registered(connection, "device")


def advice(reject: Reject, known: Sequence[Listed] = ()) -> list[str]:
    """What corrects it, as commands, and then the one that sends it again.

    :param known: machines and gateways that are registered.
    """
    again = f"setu rejects resend {reject.pipeline} --reason {reject.reason}"
    gone = f"setu rejects discard {reject.pipeline} --id {reject.reject_id}"
    machine, device = reject.row.get("machine_iot_id"), reject.row.get("device_id")
    if reject.pipeline == PAYLOADS:
        return ["Nothing sends a payload of v1 again; it is kept whole here", gone]
    match reject.reason:
        case "unknown_machine":
            return [*_register_machine(machine, device, known), again]
        case "sender_mismatch":
            return [*_move_machine(machine, device, known), again]
        case "unknown_timezone":
            return [f"{_plant_of(machine, known)} --timezone REGION", again]
        case "load_error" | "row_too_large":
            return ["Correct what the detail says", again, gone]
        case _:
            return [
                "Correct it at the gateway, which sends the row again; then discard this one:",
                gone,
            ]


def _register_machine(machine: Any, device: Any, known: Sequence[Listed]) -> list[str]:
    """How a number that no machine has becomes a machine's; or whose number is meant."""
    held = [m for m in known if m.kind == "machine" and m.number == machine]
    if held:
        return [f"Number {machine} is {held[0].key} by now:"]
    speaks_for = [m for m in known if m.kind == "machine" and m.facts["device"] == device]
    if speaks_for:
        [meant, *_] = speaks_for
        return [
            f"Gateway {device} speaks for {meant.key}, number {meant.number}: let it send that. "
            "If it speaks for another machine now:",
            f"setu register retire machine {_key(meant)}",
            _new_machine(machine, device),
        ]
    return [*_new_device(device, known), _new_machine(machine, device)]


def _move_machine(machine: Any, device: Any, known: Sequence[Listed]) -> list[str]:
    """How a machine gets the gateway that speaks for it."""
    [*held] = (m for m in known if m.kind == "machine" and m.number == machine)
    if not held:
        return [f"No machine has the number {machine} any more:"]
    return [
        f"If gateway {device} speaks for {held[0].key} now, in place of "
        f"{held[0].facts['device'] or 'none'}:",
        *_new_device(device, known),
        f"setu register move machine {_key(held[0])} --device {_word(device)}",
    ]


def _plant_of(machine: Any, known: Sequence[Listed]) -> str:
    for one in known:
        if one.kind == "machine" and one.number == machine and one.facts["plant"]:
            return f"setu register plant {_word(one.company)} {_word(one.facts['plant'])}"
    return "setu register plant COMPANY PLANT"


def _new_device(device: Any, known: Sequence[Listed]) -> list[str]:
    there = any(d.kind == "device" and d.key == device for d in known)
    return [] if there else [f"setu register device {_word(device)}"]


def _new_machine(machine: Any, device: Any) -> str:
    return (
        f"setu register machine COMPANY MACHINE --plant PLANT --device {_word(device)} "
        f"--number {machine}"
    )


def _key(machine: Listed) -> str:
    return f"{_word(machine.company)} {_word(machine.facts['machine'])}"


def _word(value: Any) -> str:
    """As one word of a command line."""
    return shlex.quote(str(value))
