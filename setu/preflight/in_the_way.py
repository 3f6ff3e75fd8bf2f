"""Objects of somebody's own that stand where a run makes its own, or in a schema that it drops.

A step would stop at them with the database on its way: `CREATE` and `DROP SCHEMA` fail, and a table
cannot be restored into a place that is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pglast import parser
from sqlalchemy import Connection

from setu.catalog import Catalog
from setu.catalog.names import type_text
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import files_below
from setu.catalog.released import read_files
from setu.chain.releases import read_releases
from setu.chain.repository import SWAP_REVISION, steps_to
from setu.chain.settings import Settings
from setu.db.session_settings import stable_settings
from setu.preflight.findings import V1_REVISION, Finding, Plan

#: Schemas that steps make and drop: the revision that makes each on the way up.
_MADE_UP: Final = {"_stage": "0101", "_etl": "0301"}
_NAMED: Final = re.compile(r"\b[a-z_]+\.[a-z_][a-z0-9_]*")
_BRONZE: Final = "0205"
_V1_SCHEMAS: Final = ("master", "silver", "bronze", "config", "alerting", "gold")
SHOWN: Final = 10
_RELATIONS: Final = frozenset({"table", "view", "continuous aggregate", "sequence", "index"})
_THERE: Final = """
SELECT n.nspname || '.' || c.relname, ''
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT n.nspname || '.' || p.proname, oidvectortypes(p.proargtypes)
FROM pg_proc AS p
INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace"""
#: What is not part of a table, nor of the extension.
_OWN: Final = """
SELECT n.nspname, o.name, o.shown
FROM (
    SELECT 'pg_class'::regclass AS class, c.oid, c.relnamespace AS nspoid, c.relname AS name,
        c.oid::regclass::text AS shown
    FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.pronamespace, p.proname, p.oid::regprocedure::text
    FROM pg_proc AS p
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typnamespace, t.typname, t.oid::regtype::text
    FROM pg_type AS t
    WHERE t.typtype IN ('d', 'e', 'r') OR EXISTS (
        SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c'
    )
    UNION ALL
    SELECT 'pg_operator'::regclass, p.oid, p.oprnamespace, p.oprname, p.oid::regoperator::text
    FROM pg_operator AS p
    UNION ALL
    SELECT 'pg_collation'::regclass, p.oid, p.collnamespace, p.collname, p.collname::text
    FROM pg_collation AS p
) AS o
INNER JOIN pg_namespace AS n ON n.oid = o.nspoid
WHERE n.nspname IN ('_etl', 'master', 'silver', 'bronze', 'config', 'alerting', 'gold')
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('a', 'e', 'i')
    )
ORDER BY o.shown"""


def in_the_way(connection: Connection, plan: Plan, root: Path) -> list[Finding]:
    """What stands in the way of a run, up or down."""
    if plan.upgrades:
        return [
            *_schemas_taken(connection, plan, "_stage", "_etl"),
            *_archive_taken(connection, plan, root),
        ]
    found = list(_places_taken(connection, plan, root))
    if plan.passes(SWAP_REVISION):
        found += _schemas_taken(connection, plan, "_stage")
    return found + list(_left_in_schemas(connection, plan, root))


def _schemas_taken(connection: Connection, plan: Plan, *names: str) -> Iterator[Finding]:
    """Schemas that the run makes, and that are there already."""
    with stable_settings(connection):
        there = set(_ask(connection, "SELECT n.nspname FROM pg_namespace AS n").scalars())
    for name in names:
        makes = plan.passes(_MADE_UP[name]) if plan.upgrades else True
        if makes and name in there:
            yield Finding(
                f"There is a schema {name} already, which the run would make.",
                next_step=f"ALTER SCHEMA {name} RENAME TO a name of your own",
            )


def _archive_taken(connection: Connection, plan: Plan, root: Path) -> Iterator[Finding]:
    """What is in ``_archive`` where the run puts v1's objects, or another's schema of that name."""
    if not plan.passes(SWAP_REVISION) and not plan.passes(_MADE_UP["_stage"]):
        return
    with stable_settings(connection):
        there = {(row[0], row[1]) for row in _ask(connection, _THERE)}
        schemas = set(_ask(connection, "SELECT n.nspname FROM pg_namespace AS n").scalars())
    if "_archive" in schemas and ("_archive.migrated_tables", "") not in there:
        yield Finding(
            "There is a schema _archive already, which the run would make.",
            next_step="ALTER SCHEMA _archive RENAME TO a name of your own",
        )
        return
    if not plan.passes(SWAP_REVISION):
        return
    # v2's archived tables keep the names of their indexes and sequences, and go before v1's come.
    v1 = _parsed(root, "schema")
    parts = {key.name.replace('"', "") for key in v1 if key.kind in ("index", "sequence")}
    taken = sorted(
        f"{archived}({arguments})" if arguments else archived
        for name, arguments in _names(v1)
        if name not in parts
        and ((archived := f"_archive.{name.partition('.')[2]}"), arguments) in there
    )
    if taken:
        yield Finding(
            f"{len(taken)} object(s) stand where the swap archives v1's.",
            _some(taken),
            "ALTER … RENAME TO another name, or SET SCHEMA to a schema of your own",
        )


def _places_taken(connection: Connection, plan: Plan, root: Path) -> Iterator[Finding]:
    """Where v1's objects come back to."""
    if not plan.passes(SWAP_REVISION) and not plan.passes(_BRONZE):
        return
    v1, v2 = _names(_parsed(root, "schema")), _names(_parsed(root, "schema_new"))
    # A database that stands at a release has what a later one drops.
    for release in read_releases(root):
        files = read_files(root, release.revision) or []
        v2 |= _names(parse_schema(files, settings=Settings().session_settings()))
    with stable_settings(connection):
        there = {(row[0], row[1]) for row in _ask(connection, _THERE)}
    taken = sorted(
        f"{name}({arguments})" if arguments else name
        for name, arguments in (v1 - v2) & there
        if plan.passes(_BRONZE if name.startswith("bronze.") else SWAP_REVISION)
        # What an interrupted run has restored is no longer in the archive.
        and (f"_archive.{name.partition('.')[2]}", arguments) in there
    )
    if taken:
        yield Finding(
            f"{len(taken)} object(s) stand where the way back puts v1's own.",
            _some(taken),
            "ALTER … RENAME TO another name, or SET SCHEMA to a schema of your own",
        )


def _left_in_schemas(connection: Connection, plan: Plan, root: Path) -> Iterator[Finding]:
    """What is in a schema that the way back drops, and no step has made."""
    dropped = {"_etl"} if plan.passes(_MADE_UP["_etl"]) else set()
    if plan.passes(V1_REVISION):
        dropped |= set(_V1_SCHEMAS)
    if not dropped:
        return
    with stable_settings(connection):
        rows = [tuple(row) for row in _ask(connection, _OWN) if row[0] in dropped]
    known = {
        name for folder in ("schema", "schema_new") for name, _ in _names(_parsed(root, folder))
    }
    own = [(f"{schema}.{name}", shown) for schema, name, shown in rows]
    own = [entry for entry in own if entry[0] not in known]
    if own:
        # What a later release has dropped again is in the steps alone.
        for step in steps_to(root):
            known |= set(_NAMED.findall(step.script("up").text))
        own = [entry for entry in own if entry[0] not in known]
    if own:
        yield Finding(
            f"{len(own)} object(s) of your own are in schemas that the way back drops.",
            _some([shown for _, shown in own]),
            "ALTER … SET SCHEMA to a schema of your own, or drop them",
        )


def _parsed(root: Path, folder: str) -> Catalog:
    return parse_schema(files_below(root / folder), settings=Settings().session_settings())


def _names(catalog: Catalog) -> set[tuple[str, str]]:
    """Relations, and functions with the types of their arguments."""
    found = set()
    for key in catalog:
        if key.kind in _RELATIONS:
            found.add((key.name.replace('"', ""), ""))
        elif key.kind in ("function", "procedure"):
            name, _, inside = key.name.partition("(")
            found.add((name.replace('"', ""), _types(inside[:-1])))
    return found


def _types(arguments: str) -> str:
    node: Any = parser.parse_sql(f"CREATE FUNCTION f({arguments}) RETURNS int LANGUAGE sql")
    return ", ".join(
        type_text(parameter.argType)
        for parameter in node[0].stmt.parameters or ()
        if parameter.mode.name != "FUNC_PARAM_OUT"
    )


def _some(names: list[str]) -> list[str]:
    return [*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])]


def _ask(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query, execution_options={"no_parameters": True})
