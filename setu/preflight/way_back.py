"""What could stop a run half way, found before the first step: the archive, rows before base.

Steps refuse, too, since they may run without pre-flight, as an offline script does. A test holds
every refusal of a step against what is looked for here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from setu.catalog import Catalog
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import files_below
from setu.catalog.released import read_files
from setu.chain.releases import first_release_end
from setu.chain.repository import SWAP_REVISION
from setu.chain.settings import Settings
from setu.db.session_settings import stable_settings
from setu.preflight.findings import V1_REVISION, Finding, Plan

#: The step whose downgrade is the first to need v1's rows.
NEEDS_ARCHIVE: Final = "0205"
#: v1's bronze stays where it is until this step; the other tables until the swap.
_BRONZE: Final = "0205"
#: Its downgrade is the first to write into v1's archived tables.
_FIRST_BACK: Final = "0108"
SHOWN: Final = 10


def way_back(connection: Connection, plan: Plan, root: Path) -> list[Finding]:
    """What stands against a downgrade, or an upgrade that meets an earlier one's archive."""
    if plan.upgrades:
        return _changed_archive(connection, plan, root)
    if plan.place(plan.target) >= plan.place(NEEDS_ARCHIVE):
        return []
    found = _archive_is_gone(connection, plan, root)
    if not found and plan.passes(_FIRST_BACK):
        found += _frozen_chunks(connection)
    if not found and plan.passes(V1_REVISION):
        found += _rows_before_base(connection, root)
    return found


def _archive_is_gone(connection: Connection, plan: Plan, root: Path) -> list[Finding]:
    """v1's rows and code, which must be in ``_archive`` for a downgrade to restore them."""
    with stable_settings(connection):
        if _exists(connection, "_archive.dropped_tables"):
            dropped = _ask(
                connection,
                "SELECT min(d.dropped_at)::text, min(d.dropped_by)"
                " FROM _archive.dropped_tables AS d",
            ).one()
            why = (
                f"`setu archive drop` was run by {dropped[1]} at {dropped[0]}"
                if dropped[0]
                else "`setu fresh` made this database: it never was v1"
            )
            return [
                Finding(
                    "v1's rows are not in _archive, so there is no way back to v1.",
                    [why],
                    f"Stay at {NEEDS_ARCHIVE} or above"
                    + (", or restore a backup from before" if dropped[0] else ""),
                )
            ]
        missing = [
            name
            for name, archived_by in _v1_tables(root).items()
            if (
                plan.passes(archived_by)
                or (archived_by == SWAP_REVISION and plan.passes(_FIRST_BACK))
            )
            and not _exists(connection, f"_archive.{name}")
            # A downgrade that stopped in this step may have restored it already.
            and not (archived_by == _BRONZE and _exists(connection, f"bronze.{name}"))
        ]
        if plan.passes(SWAP_REVISION) and _exists(connection, "_archive.archived_code"):
            missing += _ask(connection, _MISSING_CODE).scalars().all()
    if not missing:
        return []
    return [
        Finding(
            "v1's rows or code are no longer in _archive, so there is no way back to v1.",
            [*missing[:SHOWN], *(["…"] if len(missing) > SHOWN else [])],
            "They were dropped by hand: stay at v2, or restore a backup from before",
        )
    ]


def _frozen_chunks(connection: Connection) -> list[Finding]:
    """Chunks of v1's archived tables that take no rows, where v2 has rows that would go there."""
    with stable_settings(connection):
        if not _exists(connection, "_archive.change_notes"):
            return []
        frozen = _ask(connection, _FROZEN).scalars().all()
    if not frozen:
        return []
    return [
        Finding(
            "Chunks of v1's tables are frozen, and rows that came under v2 go back into them.",
            [*frozen[:SHOWN], *(["…"] if len(frozen) > SHOWN else [])],
            "SELECT _timescaledb_functions.unfreeze_chunk(…) for each, and freeze it again "
            "afterwards",
        )
    ]


# Bit 4 of a chunk's status. A note that names no hour is of a DELETE, which writes no row.
_FROZEN: Final = """
SELECT format('%I.%I (%s)', c.schema_name, c.table_name, h.table_name)
FROM _timescaledb_catalog.hypertable AS h
INNER JOIN _timescaledb_catalog.chunk AS c ON c.hypertable_id = h.id AND c.status & 4 <> 0
INNER JOIN timescaledb_information.chunks AS i
    ON i.chunk_schema = c.schema_name AND i.chunk_name = c.table_name
WHERE h.schema_name = '_archive' AND EXISTS (
    SELECT FROM _archive.change_notes AS n
    WHERE n.table_name = h.table_name AND n.migrated_at IS NULL
        AND n.hour >= i.range_start - INTERVAL '1 hour' AND n.hour < i.range_end
)
ORDER BY c.id"""
_MISSING_CODE: Final = """
SELECT format('%s %s.%s', lower(c.kind), c.schema_name, c.object_name)
FROM _archive.archived_code AS c
WHERE CASE
    WHEN c.kind = 'VIEW' THEN to_regclass('_archive.' || c.object_name)::oid
    ELSE to_regprocedure('_archive.' || c.object_name)::oid
END IS NULL
ORDER BY 1"""


def _rows_before_base(connection: Connection, root: Path) -> list[Finding]:
    """``0001`` drops v1 only while it is empty."""
    tables = [
        f"{file.parent.parent.name}.{file.stem}" for file in root.glob("schema/*/Tables/*.sql")
    ]
    tables += [f"_archive.{table.partition('.')[2]}" for table in tables]
    tables += [f"bronze.{file.stem}" for file in root.glob("schema_new/bronze/Tables/raw_*.sql")]
    with stable_settings(connection):
        full = [
            table
            for table in sorted(set(tables))
            if _exists(connection, table)
            and _ask(connection, f"SELECT EXISTS (SELECT FROM {table})").scalar_one()
        ]
    if not full:
        return []
    return [
        Finding(
            f"{V1_REVISION} drops v1 only while its tables are empty, and {len(full)} are not.",
            [*full[:SHOWN], *(["…"] if len(full) > SHOWN else [])],
            f"Stay at {V1_REVISION}, or dump and empty these tables first",
        )
    ]


def _changed_archive(connection: Connection, plan: Plan, root: Path) -> list[Finding]:
    """v2's tables that an earlier downgrade archived must be as the steps make them."""
    with stable_settings(connection):
        rows = _ask(connection, _ARCHIVED_COLUMNS).all()
    if not rows:
        return []
    wanted = _as_made(root)
    found = sorted({column for row in rows for column in _odd(wanted, *row)})
    missing = sorted(_lost(wanted, {(row[0], row[1]) for row in rows}))
    if not found and not missing:
        return []
    return [
        Finding(
            "v2's tables in _archive are not as the steps make them, and could not be restored.",
            [*found, *missing][:SHOWN],
            "Change them back: somebody edited them, or the steps changed after the downgrade",
            stops=plan.passes("0101"),
        )
    ]


def _as_made(root: Path) -> Catalog:
    """v2's tables as the first release makes them: an archived one has nothing of a later release.

    A table that a later release makes or drops is left out.
    """
    settings = Settings().session_settings()
    head = parse_schema(files_below(root / "schema_new"), settings=settings)
    released = read_files(root, first_release_end(root))
    if released is None:
        return head
    made = parse_schema(released, settings=settings)
    there = tuple(f"{key.name}." for key in head if key.kind == "table")
    return Catalog(
        {
            key: fields
            for key, fields in made.objects.items()
            if key.kind in ("table", "column") and f"{key.name}.".startswith(there)
        }
    )


_ARCHIVED_COLUMNS: Final = """
SELECT substr(c.relname, 4), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = '_archive' AND c.relkind = 'r' AND c.relname LIKE 'v2\\_%'
ORDER BY c.relname, a.attnum"""


def _odd(wanted: Catalog, table: str, column: str, kind: str, not_null: bool) -> list[str]:
    """The column, unless a table of that name in v2 has it so, or v2 has no such table any more."""
    if not any(k.kind == "table" and k.name.partition(".")[2] == table for k in wanted):
        return []
    alike = [
        fields
        for key, fields in wanted.objects.items()
        if key.kind == "column"
        and key.name.partition(".")[2].replace('"', "") == f"{table}.{column}"
    ]
    # A column of the key, or of time, is NOT NULL without its line saying so.
    if any(f.get("type") == kind and (not_null or not f.get("not_null")) for f in alike):
        return []
    return [f"_archive.v2_{table}.{column} ({kind})"]


def _lost(wanted: Catalog, there: set[tuple[str, str]]) -> list[str]:
    tables = {table for table, _ in there}
    lost = []
    for key in wanted:
        if key.kind == "column":
            _, table, column = [*key.name.split(".", 2), "", ""][:3]
            if table in tables and (table, column.strip('"')) not in there:
                lost.append(f"_archive.v2_{table} lacks {column}")
    return lost


def _v1_tables(root: Path) -> dict[str, str]:
    """v1's tables, and the revision that archives each."""
    return {
        file.stem: _BRONZE if file.parent.parent.name == "bronze" else SWAP_REVISION
        for file in sorted(root.glob("schema/*/Tables/*.sql"))
    }


def _ask(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query, execution_options={"no_parameters": True})


def _exists(connection: Connection, table: str) -> bool:
    return bool(_ask(connection, f"SELECT to_regclass('{table}') IS NOT NULL").scalar_one())
