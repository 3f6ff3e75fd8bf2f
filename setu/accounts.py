"""What became of v1's rows: carried, merged, left out, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from setu.errors import SetuError

NO_PARAMETERS = {"no_parameters": True}
SHOWN_ORPHANS = 10


class NoAccountsError(SetuError):
    """The rows of v1 have not been accounted for in this database."""


@dataclass(frozen=True)
class Account:
    """One v1 table: ``v1_rows = carried + merged + left_out``; all of them stay in ``_archive``."""

    table: str
    v1_rows: int
    carried: int
    merged: int
    left_out: int
    note: str = ""


@dataclass(frozen=True)
class Orphan:
    """A machine of v1's history that v1's master does not know."""

    company_id: str
    machine_id: str
    rows: int


@dataclass(frozen=True)
class Payloads:
    """The payloads of ``bronze.raw_telemetry``; ``rejected`` by reason."""

    total: int
    processed_by_v1: int
    flattened: int
    bronze_rows: int
    rejected: dict[str, int]


@dataclass(frozen=True)
class RowReport:
    """All of it. ``orphans`` and ``payloads`` are None after the archive was dropped."""

    accounts: tuple[Account, ...]
    orphans: tuple[Orphan, ...] | None
    payloads: Payloads | None


_MASTERS = (
    ("companies", "company_keys", "k.company_id = v.company_id"),
    ("plants", "plant_keys", "k.company_id = v.company_id AND k.plant_id = v.plant_id"),
    ("machine_info", "machine_keys", "k.company_id = v.company_id AND k.machine_id = v.machine_id"),
    (
        "shifts",
        "shift_keys",
        "k.v1_shift_id = v.shift_id AND k.plant_iot_id = (SELECT p.plant_iot_id "
        "FROM _archive.plant_keys AS p WHERE p.company_id = v.company_id "
        "AND p.plant_id = v.plant_id)",
    ),
)
_CYCLES = """
SELECT a.table_name, sum(a.v1_rows)::bigint, sum(a.carried)::bigint, sum(a.merged)::bigint,
    sum(a.left_out)::bigint
FROM _archive.row_accounts AS a
GROUP BY a.table_name
ORDER BY a.table_name
"""
_ORPHANS = f"""
SELECT v.company_id, v.machine_id, count(*)
FROM _archive.machine_cycles AS v
LEFT JOIN _archive.machine_keys AS k
    ON k.company_id = v.company_id AND k.machine_id = v.machine_id
WHERE k.machine_iot_id IS NULL
GROUP BY v.company_id, v.machine_id
ORDER BY count(*) DESC, v.company_id, v.machine_id
LIMIT {SHOWN_ORPHANS}
"""
_PAYLOADS = """
SELECT count(*), count(*) FILTER (WHERE t.processing_status = 'processed'),
    count(*) FILTER (WHERE t.processing_status IS DISTINCT FROM 'processed' AND EXISTS (
        SELECT 1 FROM _archive.flattened_payloads AS f
        WHERE f.digest = _archive.payload_digest(t)
    )),
    (SELECT count(*) FROM _archive.flattened_rows)
FROM _archive.raw_telemetry AS t
"""
_UNREAD = """
SELECT u.reason_code, count(*) FROM _archive.unread_payloads AS u
GROUP BY u.reason_code ORDER BY u.reason_code
"""


def read_accounts(connection: Connection) -> RowReport:
    """What became of v1's rows, as the role that deployed.

    Raises :class:`NoAccountsError` below revision 0105.
    """
    if not _exists(connection, "_archive.row_accounts") or not _rows(
        connection,
        "SELECT 1 WHERE to_regprocedure('_archive.account_for_machine_cycles()') IS NOT NULL",
    ):
        raise NoAccountsError(
            "The rows of v1 have not been accounted for in this database.",
            context=["Revision 0105 counts them."],
            hint="run alembic upgrade head first",
        )
    accounts: list[Account] = []
    for table, keys, condition in _MASTERS:
        if _exists(connection, f"_archive.{table}"):
            [(rows, carried)] = _rows(
                connection,
                f"SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM _archive.{keys}"
                f" AS k WHERE {condition})) FROM _archive.{table} AS v",
            )
            accounts.append(Account(f"master.{table}", rows, carried, 0, rows - carried))
    for table, rows, carried, merged, left_out in _rows(connection, _CYCLES):
        accounts.append(
            Account(table, rows, carried, merged, left_out, _cycle_note(merged, left_out))
        )
    orphans = None
    if _exists(connection, "_archive.machine_cycles"):
        orphans = tuple(Orphan(*row) for row in _rows(connection, _ORPHANS))
    return RowReport(tuple(accounts), orphans, _payloads(connection))


def _cycle_note(merged: int, left_out: int) -> str:
    reasons = []
    if merged:
        reasons.append("merged: same machine and start")
    if left_out:
        reasons.append("left out: no such machine in master")
    return "; ".join(reasons)


def _payloads(connection: Connection) -> Payloads | None:
    if not _exists(connection, "_archive.raw_telemetry"):
        return None
    [(total, processed, flattened, bronze_rows)] = _rows(connection, _PAYLOADS)
    return Payloads(
        total,
        processed,
        flattened,
        bronze_rows,
        {row[0]: row[1] for row in _rows(connection, _UNREAD)},
    )


def _exists(connection: Connection, relation: str) -> bool:
    return bool(_rows(connection, f"SELECT 1 WHERE to_regclass('{relation}') IS NOT NULL"))


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    result = connection.exec_driver_sql(query, execution_options=NO_PARAMETERS)
    return [tuple(row) for row in result]
