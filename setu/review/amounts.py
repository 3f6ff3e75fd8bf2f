"""How much a step would move: from what the database knows of its tables and of what changed.

A way up copies v1's rows, so it is measured by their number. A way back migrates what changed since
the swap: the notes of it, bronze rows that no load has taken, and rejects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from setu.chain.settings import Settings
from setu.chain.step import Part, Step

#: Where the rows are that a way may have to move or to read.
_SCHEMAS: Final = ("silver", "alerting", "bronze")
#: The width of a row that nothing is known of.
_ROW_BYTES: Final = 150
_SIZES: Final = """
SELECT n.nspname || '.' || c.relname, {rows}, {bytes}
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p')
ORDER BY 1"""
_HYPERTABLES: Final = {
    "rows": "public.approximate_row_count(c.oid::regclass)",
    "bytes": """coalesce(
        (SELECT public.hypertable_size(c.oid::regclass)
         FROM _timescaledb_catalog.hypertable AS h
         WHERE h.schema_name = n.nspname AND h.table_name = c.relname),
        pg_catalog.pg_total_relation_size(c.oid)
    )""",
}
_NOTED: Final = """
SELECT m.schema_name || '.' || m.table_name, coalesce(sum(n.rows), 0),
    EXISTS (SELECT FROM _archive.to_compare AS c WHERE c.table_name = m.table_name)
FROM _archive.migrated_tables AS m
LEFT JOIN _archive.change_notes AS n
    ON n.table_name = m.table_name AND n.migrated_at IS NULL
GROUP BY m.schema_name, m.table_name"""
_LOADED: Final = "SELECT w.source_table::text, w.last_processed_id FROM _etl.watermarks AS w"
_DRAWN: Final = """
SELECT n.nspname || '.' || c.relname,
    CASE WHEN pg_catalog.has_sequence_privilege(s.oid, 'SELECT')
        THEN coalesce(pg_catalog.pg_sequence_last_value(s.oid), 0)
    END
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN pg_catalog.pg_depend AS d
    ON d.refobjid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
INNER JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
WHERE n.nspname = 'bronze' AND c.relkind = 'r'"""
_REJECTED: Final = "SELECT count(*) FROM _etl.rejected_rows AS r WHERE r.resent_at IS NULL"
_PENDING: Final = """
SELECT count(*), coalesce(sum(pg_catalog.pg_column_size(t.payload)), 0)
FROM bronze.raw_telemetry AS t
WHERE t.processing_status IS DISTINCT FROM 'processed'"""


@dataclass(frozen=True)
class Amount:
    """Rows that a step writes, the disk that they need, and rows that it only reads."""

    rows: int = 0
    bytes: int = 0
    reads: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.rows + other.rows, self.bytes + other.bytes, self.reads + other.reads)


@dataclass(frozen=True)
class Amounts:
    """What a database has. ``unknown`` says what the role may not read, and so was not counted."""

    tables: Mapping[str, Amount] = field(default_factory=dict)
    changed: Amount = field(default_factory=Amount)
    unloaded: Amount = field(default_factory=Amount)
    pending: Amount = field(default_factory=Amount)
    unknown: tuple[str, ...] = ()

    def of_steps(self, steps: Iterable[Step], part: Part) -> dict[str, Amount]:
        """What each step of a way moves, by revision. What one step has moved is not there again.

        The calls that move rows are known by their names.
        """
        all_of_v1 = sum(
            (a for t, a in self.tables.items() if not t.startswith("bronze.")), Amount()
        )
        read = Amount(reads=all_of_v1.rows)
        marks = {
            "up": {
                "CALL _stage.backfill(": all_of_v1,
                "CALL _stage.fill_gold(": read,
                "CALL _stage.reconcile_rows(": read,
                "_archive.flatten_payload(v_raw": self.pending,
            },
            "down": {
                "_archive.hand_back(": self.unloaded,
                "_archive.migrate_noted_back(": self.changed,
                "_archive.migrate_rest_back(": self.changed,
            },
            "verify": {},
        }[part]
        moved: dict[str, Amount] = {}
        taken: list[Amount] = []
        for step in steps:
            text = "\n".join(
                s.text
                for s in step.script(part).all_statements
                if not s.text.lstrip().upper().startswith("CREATE")
            )
            found = Amount()
            for mark, amount in marks.items():
                if mark in text and (amount is read or not any(amount is t for t in taken)):
                    found += amount
                    taken.append(amount)
            moved[step.revision] = found
        return moved


def measured(connection: Connection, settings: Settings) -> Amounts:
    """What the connected database has to move. Reads only."""
    ask = _Asker(connection)
    known = ask("SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'")[0][0]
    if not known:
        return Amounts()
    sizes = ask(_SIZES.format(**_HYPERTABLES), (list(_SCHEMAS),))
    tables = {name: Amount(int(rows or 0), int(size or 0)) for name, rows, size in sizes}
    return Amounts(
        {n: a for n, a in tables.items() if not n.startswith("bronze.")},
        _changed(ask, tables, everything=_compares_everything(settings)),
        _unloaded(ask, tables),
        _pending(ask),
        tuple(ask.unknown),
    )


def _compares_everything(settings: Settings) -> bool:
    return settings.session_settings().get("setu.compare") == "everything"


class _Asker:
    """Queries, of which those on tables that the role may not read, or that are not there, are
    answered with nothing."""

    def __init__(self, connection: Connection) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.unknown: list[str] = []

    def __call__(self, query: str, parameters: tuple[Any, ...] | None = None) -> list[Any]:
        with self.driver.cursor() as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

    def readable(self, *tables: str) -> bool:
        """Whether tables are there and may be read; one that may not is noted."""
        for table in tables:
            schema, _, name = table.partition(".")
            found = self(
                "SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
                " AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
                " FROM pg_catalog.pg_class AS c"
                " INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
                " WHERE n.nspname = %s AND c.relname = %s",
                (schema, name),
            )
            if not found:
                return False
            if not found[0][1]:
                self.unknown.append(table)
                return False
        return True


def _width(amount: Amount | None) -> float:
    return amount.bytes / amount.rows if amount and amount.rows and amount.bytes else _ROW_BYTES


def _sized(rows: int, amount: Amount | None) -> Amount:
    return Amount(rows, round(rows * _width(amount)))


def _changed(ask: _Asker, tables: Mapping[str, Amount], *, everything: bool) -> Amount:
    """Rows that the way back translates; all of a table are read whose notes are not whole."""
    if not ask.readable("_archive.change_notes", "_archive.migrated_tables", "_archive.to_compare"):
        return Amount()
    total = Amount()
    for table, noted, whole in ask(_NOTED):
        own = tables.get(table)
        compared = own.rows if own and (everything or whole) else 0
        total += _sized(int(noted), own) + Amount(reads=max(0, compared - int(noted)))
    return total


def _unloaded(ask: _Asker, tables: Mapping[str, Amount]) -> Amount:
    """Bronze rows that no load has taken, and rejects: they become payloads and dead letters."""
    drawn = dict(ask(_DRAWN))
    loaded: dict[str, int] = {}
    total = Amount()
    if ask.readable("_etl.watermarks"):
        loaded = {str(table): int(last) for table, last in ask(_LOADED)}
    elif "_etl.watermarks" in ask.unknown:
        return total
    for table, last in drawn.items():
        if last is None:
            ask.unknown.append(table)
            continue
        total += _sized(max(0, last - loaded.get(table, 0)), tables.get(table))
    if ask.readable("_etl.rejected_rows"):
        total += _sized(int(ask(_REJECTED)[0][0]), None)
    return total


def _pending(ask: _Asker) -> Amount:
    """Payloads of v1 that wait to be flattened."""
    if not ask.readable("bronze.raw_telemetry"):
        return Amount()
    count, size = ask(_PENDING)[0]
    return Amount(int(count), int(size))
