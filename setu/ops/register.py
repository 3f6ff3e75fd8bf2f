"""Master data: registered, moved and retired by the functions of ``master`` that check them.

What a kind is made of stands here once: its fields, for the command line, for CSV and for YAML. The
rules are the database's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg2
import yaml
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from setu.errors import SetuError

#: In the order in which one needs the other: the fields of each, and the function's parameters.
KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "company": {
        "company": "p_company_id",
        "name": "p_company_name",
        "address": "p_address",
        "state": "p_state",
        "country": "p_country",
        "pin_code": "p_pin_code",
        "email": "p_email_id",
        "phone": "p_phone_no",
    },
    "plant": {
        "company": "p_company_id",
        "plant": "p_plant_id",
        "name": "p_plant_name",
        "timezone": "p_timezone",
        "city": "p_plant_city",
        "code": "p_plant_code",
        "is_primary": "p_is_primary",
        "cost_per_kwh": "p_cost_per_kwh",
        "carbon_emission_factor": "p_carbon_emission_factor",
    },
    "device": {"device": "p_device_id", "description": "p_description"},
    "machine": {
        "company": "p_company_id",
        "machine": "p_machine_id",
        "plant": "p_plant_id",
        "device": "p_device_id",
        "source_id": "p_source_iot_id",
        "number": "p_number",
        "ip_address": "p_ip_address",
        "port": "p_port_no",
    },
    "shift": {
        "company": "p_company_id",
        "plant": "p_plant_id",
        "shift": "p_shift_id",
        "start": "p_start_time",
        "end": "p_end_time",
        "name": "p_shift_name",
        "from_day": "p_from_day",
        "to_day": "p_to_day",
    },
    "code": {
        "code": "p_down_code",
        "description": "p_description",
        "category": "p_category",
        "threshold": "p_threshold_sec",
        "company": "p_company_id",
        "number": "p_source_down_id",
    },
}
REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "company": frozenset({"company"}),
    "plant": frozenset({"company", "plant"}),
    "device": frozenset({"device"}),
    "machine": frozenset({"company", "machine", "plant", "device"}),
    "shift": frozenset({"company", "plant", "shift", "start", "end"}),
    "code": frozenset({"code"}),
}


class RegistrationError(SetuError):
    """Something cannot be registered, moved or retired; nothing was changed."""


@dataclass(frozen=True)
class Entry:
    """What is to be registered, and where it was read."""

    kind: str
    fields: Mapping[str, Any]
    place: str = ""


@dataclass(frozen=True)
class Registered:
    """One thing, its key as people write it, the database's number for it, and what was done."""

    kind: str
    key: str
    number: int
    outcome: str


@dataclass(frozen=True)
class Listed:
    """One thing that is registered."""

    kind: str
    company: str | None
    key: str
    number: int
    is_retired: bool
    facts: Mapping[str, Any]


def register(
    connection: Connection, entries: Iterable[Entry], *, dry_run: bool = False
) -> list[Registered]:
    """Register all of it or nothing. Raises :class:`RegistrationError` with every fault found."""
    done: list[Registered] = []
    faults: list[str] = []
    ordered = sorted(entries, key=lambda entry: list(KINDS).index(entry.kind))
    for entry in ordered:
        parameters = {
            KINDS[entry.kind][name]: _as_text(value)
            for name, value in entry.fields.items()
            if value is not None
        }
        try:
            done += _call(connection, f"fn_register_{entry.kind}", parameters)
        except _RefusedError as refused:
            if not entry.place:
                connection.rollback()
                raise RegistrationError(
                    refused.title, context=refused.context, hint=refused.hint
                ) from None
            faults.append("\n".join((f"{entry.place}: {refused.title}", *refused.lines())))
    if faults:
        connection.rollback()
        raise RegistrationError(
            f"{len(faults)} of {len(ordered)} entries cannot be registered; nothing was changed.",
            context=faults,
            hint="Correct each of these, then register the file again",
        )
    _end(connection, dry_run)
    return done


def move(
    connection: Connection, kind: str, parameters: Mapping[str, Any], *, dry_run: bool = False
) -> list[Registered]:
    """Move a machine or a company's number of a code."""
    given = {name: _as_text(value) for name, value in parameters.items() if value is not None}
    return _changed(connection, f"fn_move_{kind}", given, dry_run)


def retire(
    connection: Connection, kind: str, key: Sequence[str], *, dry_run: bool = False
) -> list[Registered]:
    """Retire one thing, by its kind and the parts of its key."""
    return _changed(connection, "fn_retire", {"p_kind": kind, "p_key": list(key)}, dry_run)


def registered(
    connection: Connection, kind: str | None = None, company: str | None = None
) -> list[Listed]:
    """What is registered, of a kind or a company, by key."""
    _require_functions(connection)
    rows = connection.exec_driver_sql(
        "SELECT r.kind, r.company_id, r.key, r.number, r.is_retired, r.facts"
        " FROM master.v_registered AS r"
        " WHERE (%(kind)s::text IS NULL OR r.kind = %(kind)s)"
        " AND (%(company)s::text IS NULL OR r.company_id = %(company)s)"
        " ORDER BY array_position(%(kinds)s::text[], r.kind), r.company_id, r.number, r.key",
        {"kind": kind, "company": company, "kinds": list(KINDS)},
    )
    return [Listed(*row) for row in rows]


def entries_of_file(path: Path, kind: str | None = None) -> list[Entry]:
    """The entries of a CSV or YAML file. Raises :class:`RegistrationError` naming line and field.

    YAML has a list for each kind. CSV has a header; its column ``kind`` may be left out where
    ``kind`` is given.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistrationError(
            f"{path} cannot be read.", context=[str(error)], hint="Give a CSV or YAML file in UTF-8"
        ) from None
    entries = _of_csv(path, text, kind) if path.suffix == ".csv" else _of_yaml(path, text)
    faults = [fault for entry in entries for fault in _faults(entry)]
    if faults or not entries:
        raise RegistrationError(
            f"{path} is not fit to be registered; nothing was changed.",
            context=faults or ["It has no entry."],
            hint="Correct each of these; `setu register file --help` says what a file holds",
        )
    return entries


def _of_csv(path: Path, text: str, kind: str | None) -> list[Entry]:
    reader = csv.DictReader(text.splitlines())
    entries = []
    for row in reader:
        place = f"{path.name}, line {reader.line_num}"
        beyond = row.pop(None, None)
        fields = {str(name): value or None for name, value in row.items()}
        if beyond:
            fields["(beyond the header)"] = beyond
        entries.append(Entry(fields.pop("kind", None) or kind or "", fields, place))
    return entries


def _of_yaml(path: Path, text: str) -> list[Entry]:
    try:
        # All scalars as they stand: 06:00 is no number of seconds, and 007 no seven.
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise RegistrationError(
            f"{path} is no YAML.", context=[str(error)], hint="Correct it"
        ) from None
    if not isinstance(content, dict):
        raise RegistrationError(
            f"{path} has no lists by kind.", hint="Write `machine:` and a list below it"
        )
    entries = []
    for kind, listed in content.items():
        for number, fields in enumerate(listed if isinstance(listed, list) else [listed], 1):
            place = f"{path.name}, {kind} {number}"
            if not isinstance(fields, dict):
                fields = {str(fields): None}
            entries.append(Entry(str(kind), {k: v or None for k, v in fields.items()}, place))
    return entries


def _faults(entry: Entry) -> list[str]:
    if entry.kind not in KINDS:
        return [f"{entry.place}: no kind {entry.kind!r}; kinds: {', '.join(KINDS)}"]
    known = KINDS[entry.kind]
    given = {name for name, value in entry.fields.items() if value is not None}
    faults = [
        f"{entry.place}: a {entry.kind} has no field {name!r}; fields: {', '.join(known)}"
        for name in entry.fields
        # A column that another kind of the same file has may be empty here.
        if name not in known and (name in given or not _is_field(name))
    ]
    faults += [
        f"{entry.place}: a {entry.kind} needs {name}"
        for name in known
        if name in REQUIRED[entry.kind] - given
    ]
    faults += [
        f"{entry.place}: {name} has more than one value"
        for name, value in entry.fields.items()
        if name in known and isinstance(value, (list, dict))
    ]
    faults += [
        f"{entry.place}: {name} has a character that no text in a database holds"
        for name, value in entry.fields.items()
        if re.search("[\0\ud800-\udfff]", "".join(_texts(value)))
    ]
    return faults


def _texts(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _is_field(name: str) -> bool:
    return any(name in fields for fields in KINDS.values())


#: By class of SQLSTATE, where the server gives no hint.
_HINTS = {
    "22": "Write a time as 06:00, a date as 2026-01-05, a number in digits",
}
#: By table whose check refuses a row.
_CHECK_HINTS = {
    "shift_definitions": "Number shifts from 1, and let each end after it begins, within 24 hours; "
    "from_day and to_day are 0 or 1",
}


def _as_text(value: Any) -> Any:
    """As a literal, whose type the function's parameter decides."""
    return value if value is None or isinstance(value, list) else str(value)


class _RefusedError(SetuError):
    """The database refuses one entry."""

    def lines(self) -> list[str]:
        """Context and hint, indented below the entry."""
        hint = [f"What to do: {self.hint}"] if self.hint else []
        return [f"  {line}" for line in (*self.context, *hint)]


def _call(connection: Connection, function: str, parameters: Mapping[str, Any]) -> list[Registered]:
    _require_functions(connection)
    variadic = "p_key" in parameters
    arguments = ", ".join(
        f"VARIADIC {name} => %({name})s::text[]" if name == "p_key" and variadic
        else f"{name} => %({name})s"
        for name in parameters
    )  # fmt: skip
    try:
        with connection.begin_nested():
            rows = connection.exec_driver_sql(
                "SELECT r.kind, r.key, r.number, r.outcome"
                f" FROM master.{function}({arguments}) AS r",
                dict(parameters),
            )
            return [Registered(*row) for row in rows]
    except DBAPIError as error:
        cause = error.orig
        if not isinstance(cause, psycopg2.Error) or cause.pgcode in (None, "42501"):
            raise
        said = cause.diag
        raise _RefusedError(
            str(said.message_primary),
            context=[said.message_detail] if said.message_detail else [],
            hint=(said.message_hint or "").rstrip(".")
            or _CHECK_HINTS.get(said.table_name or "")
            or _HINTS.get(str(cause.pgcode)[:2], ""),
        ) from None


def _changed(
    connection: Connection, function: str, parameters: Mapping[str, Any], dry_run: bool
) -> list[Registered]:
    try:
        done = _call(connection, function, parameters)
    except _RefusedError as refused:
        connection.rollback()
        raise RegistrationError(refused.title, context=refused.context, hint=refused.hint) from None
    _end(connection, dry_run)
    return done


def _end(connection: Connection, dry_run: bool) -> None:
    if dry_run:
        connection.rollback()
    else:
        connection.commit()


def _require_functions(connection: Connection) -> None:
    known = connection.exec_driver_sql(
        "SELECT to_regclass('master.v_registered') IS NOT NULL"
    ).scalar_one()
    if not known:
        raise RegistrationError(
            "This database has no registration.",
            context=["The view master.v_registered, of revision 0305, is not there."],
            hint="Run alembic upgrade head, or look at `alembic current`",
        )
