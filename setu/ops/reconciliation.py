"""What became of v1's rows: migrated, merged, left out, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from setu.db.rows import query_rows
from setu.errors import SetuError

SHOWN_ORPHANS = 10


class NotReconciledError(SetuError):
    """The rows of v1 have not been accounted for in this database."""


@dataclass(frozen=True)
class TableRows:
    """One v1 table: ``v1_rows = migrated + merged + left_out``; all stay in ``_archive``.

    ``in_future`` counts those of ``left_out`` whose event lies too far after its arrival.
    """

    table: str
    v1_rows: int
    migrated: int
    merged: int
    left_out: int
    rounded: int = 0
    note: str = ""
    in_future: int = 0


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

    tables: tuple[TableRows, ...]
    orphans: tuple[Orphan, ...] | None
    payloads: Payloads | None


# v1 table, where v2 or the archive knows its rows from (k), and how a row v is found there.
_MASTERS = (
    ("master.companies", "_archive.company_keys", "k.company_id = v.company_id"),
    (
        "master.plants",
        "_archive.plant_keys",
        "k.company_id = v.company_id AND k.plant_id = v.plant_id",
    ),
    (
        "master.machine_info",
        "_archive.machine_keys",
        "k.company_id = v.company_id AND k.machine_id = v.machine_id",
    ),
    (
        "master.shifts",
        "_archive.shift_keys",
        "k.v1_shift_id = v.shift_id AND k.plant_iot_id = (SELECT p.plant_iot_id "
        "FROM _archive.plant_keys AS p WHERE p.company_id = v.company_id "
        "AND p.plant_id = v.plant_id)",
    ),
    (
        "master.downtime_codes",
        "_archive.down_code_keys",
        "k.company_id = v.company_id AND k.v1_down_id = v.down_id",
    ),
    ("master.machine_assets", "master.machine_assets", "k.asset_id = v.asset_id"),
    ("master.machine_health_settings", "(SELECT 1 WHERE false)", "true"),
    ("master.production_targets", "master.production_targets", "k.target_id = v.target_id"),
    (
        "master.users",
        "(SELECT u.user_id, c.company_id FROM master.users AS u INNER JOIN _archive.company_keys "
        "AS c ON c.company_iot_id = u.company_iot_id)",
        "k.user_id = v.user_id AND k.company_id = v.company_id",
    ),
    ("config.alert_rules", "config.alert_rules", "k.rule_id = v.rule_id"),
    (
        "config.alert_subscriptions",
        "config.alert_subscriptions",
        "k.subscription_id = v.subscription_id",
    ),
)
_WHY_LEFT_OUT = {
    "master.shifts": "left out: no such plant in master",
    "master.machine_health_settings": "left out: v2 has no such table",
}
_FACTS = """
SELECT a.table_name, sum(a.v1_rows)::bigint, sum(a.migrated)::bigint, sum(a.merged)::bigint,
    sum(a.left_out)::bigint, sum(a.rounded)::bigint, sum(a.in_future)::bigint
FROM _archive.row_reconciliation AS a
GROUP BY a.table_name
ORDER BY a.table_name
"""
_ARCHIVED_FACTS = """
SELECT t.table_name FROM _archive.migrated_tables AS t
WHERE to_regclass(format('_archive.%I', t.table_name)) IS NOT NULL
ORDER BY t.table_name
"""
_ORPHANS_OF = """
SELECT v.company_id, v.machine_id, count(*) AS rows
FROM _archive.{table} AS v
LEFT JOIN _archive.machine_keys AS k
    ON k.company_id = v.company_id AND k.machine_id = v.machine_id
WHERE k.machine_iot_id IS NULL
GROUP BY v.company_id, v.machine_id
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


def read_reconciliation(connection: Connection) -> RowReport:
    """What became of v1's rows, as the role that deployed.

    Raises :class:`NotReconciledError` below revision 0109, and where there never was a v1.
    """
    if not _exists(connection, "_archive.row_reconciliation") or not query_rows(
        connection,
        "SELECT 1 WHERE to_regprocedure('_archive.reconcile_rows()') IS NOT NULL",
    ):
        if _exists(connection, "_archive.dropped_tables") and not query_rows(
            connection, "SELECT 1 FROM _archive.dropped_tables LIMIT 1"
        ):
            raise NotReconciledError(
                "There is nothing to report: `setu fresh` made this database, and it never was v1.",
                hint="See `setu status` for the loads of v2",
            )
        raise NotReconciledError(
            "The rows of v1 have not been accounted for in this database.",
            context=["Revision 0109 counts them."],
            hint="Run alembic upgrade head first",
        )
    tables: list[TableRows] = []
    for table, keys, condition in _MASTERS:
        archived = f"_archive.{table.split('.')[1]}"
        if _exists(connection, archived):
            [(rows, found)] = query_rows(
                connection,
                f"SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM {keys}"
                f" AS k WHERE {condition})) FROM {archived} AS v",
            )
            tables.append(_master_rows(connection, table, rows, found))
    for table, rows, migrated, merged, left_out, rounded, future in query_rows(connection, _FACTS):
        note = _fact_note(merged, left_out - future, rounded, future)
        tables.append(TableRows(table, rows, migrated, merged, left_out, rounded, note, future))
    archived_facts = [row[0] for row in query_rows(connection, _ARCHIVED_FACTS)]
    orphans = _orphans(connection, archived_facts) if archived_facts else None
    return RowReport(tuple(tables), orphans, _payloads(connection))


def _master_rows(connection: Connection, table: str, rows: int, found: int) -> TableRows:
    merged, note = 0, ""
    if table == "master.downtime_codes":
        [(merged,)] = query_rows(
            connection, "SELECT count(*) - count(DISTINCT down_code) FROM _archive.downtime_codes"
        )
        note = "merged: one catalogue, the oldest definition of a code wins" if merged else ""
    if rows > found:
        note = _WHY_LEFT_OUT.get(table, "left out: no longer in v2")
    return TableRows(table, rows, found - merged, merged, rows - found, 0, note)


def _orphans(connection: Connection, tables: list[str]) -> tuple[Orphan, ...]:
    union = " UNION ALL ".join(_ORPHANS_OF.format(table=table) for table in tables)
    return tuple(
        Orphan(*row)
        for row in query_rows(
            connection,
            f"SELECT o.company_id, o.machine_id, sum(o.rows)::bigint FROM ({union}) AS o"
            " GROUP BY o.company_id, o.machine_id ORDER BY 3 DESC, 1, 2"
            f" LIMIT {SHOWN_ORPHANS}",
        )
    )


def _fact_note(merged: int, orphans: int, rounded: int, future: int) -> str:
    reasons = []
    if merged:
        reasons.append("merged: same machine, time and key")
    if orphans:
        reasons.append("left out: no such machine in master")
    if future:
        reasons.append(f"left out: {future:,} in the future when they arrived")
    if rounded:
        reasons.append("rounded: v2 holds fewer digits")
    return "; ".join(reasons)


def _payloads(connection: Connection) -> Payloads | None:
    if not _exists(connection, "_archive.raw_telemetry"):
        return None
    [(total, processed, flattened, bronze_rows)] = query_rows(connection, _PAYLOADS)
    return Payloads(
        total,
        processed,
        flattened,
        bronze_rows,
        {row[0]: row[1] for row in query_rows(connection, _UNREAD)},
    )


def _exists(connection: Connection, relation: str) -> bool:
    schema, _, name = relation.partition(".")
    return inspect(connection).has_table(name, schema)
