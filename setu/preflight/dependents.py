"""Objects of others that depend on tables that the swap moves, listed before the run.

Such a view, foreign key or publication follows a table that is renamed, and would silently go on
with rows in ``_archive`` that no longer change. ``-x dependents=`` says what to do with it:
``stop`` (the default), ``move`` what can be moved and stop at the rest, ``leave`` it as it is, or
``move_or_leave``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from setu.catalog.model import ObjectKey
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import files_below
from setu.chain.repository import SWAP_REVISION
from setu.chain.settings import Settings
from setu.db.session_settings import stable_settings
from setu.preflight.findings import Finding, Plan

ALL_TABLES: Final = "publication for all tables"
#: What becomes of an object that is left where it is, by kind.
_BECOMES: Final[Mapping[str, str]] = {
    "view": "goes on reading _archive, which no longer changes",
    "materialized view": "is refreshed from _archive, which no longer changes",
    "continuous aggregate": "is refreshed from _archive, which no longer changes",
    "foreign key": "checks against _archive, which has no new keys",
    "function": "goes on reading _archive, which no longer changes",
    "trigger": "fires no more: new rows go to another table",
    "rule beside DELETE": "applies no more: statements go to another table",
    "row security policy": "protects _archive, and not the table that takes its place",
    "publication": "publishes _archive: its consumers get nothing more",
    "subscription": "goes on writing into _archive",
    "column of the row type": "has the row type of a table in _archive",
    "default": "draws from a sequence in _archive",
    "parent table": "has a child in _archive, and none among the tables of v2",
    "object": "goes on with what is in _archive",
    "rule on": "goes on reading _archive, which no longer changes",
}
#: What cannot be left: what it does, and what to do.
_NEVER_LEFT: Final[Mapping[str, tuple[str, str]]] = {
    "rule": (
        "Rules of your own stand on tables that steps write to: they change or take the place of "
        "what is written, and PostgreSQL refuses ON CONFLICT beside most of them.",
        "DROP RULE, and make a trigger of it, which goes with its table and comes back",
    ),
    "child table": (
        "Tables of your own inherit from these tables: their rows are read as rows of these, and "
        "no key holds for both.",
        "ALTER TABLE … NO INHERIT, and INSERT the rows that belong there",
    ),
}
_REMEDY: Final = (
    "Drop it and create it again on v2 afterwards, move views that can be moved with "
    "-x dependents=move, or leave all as it is with -x dependents=leave (move_or_leave does both)"
)


@dataclass(frozen=True)
class Dependent:
    """One object of somebody else's, and the objects of ours on which it hangs."""

    kind: str
    name: str
    on_what: str
    owner: str | None
    may_move: bool
    columns: Mapping[str, str]

    def __str__(self) -> str:
        """The object and what becomes of it where it is left."""
        return f"{self.kind} {self.name} (on {self.on_what}) {_BECOMES.get(self.kind, '')}".rstrip()


def dependents(
    connection: Connection,
    plan: Plan,
    settings: Settings,
    root: Path,
    *,
    adopting: bool = False,
) -> list[Finding]:
    """What hangs on our objects, where the plan takes the swap, or where v1 is adopted."""
    if not (plan.passes(SWAP_REVISION) or adopting):
        return []
    found = find(connection)
    results = []
    all_tables = [one for one in found if one.kind == ALL_TABLES]
    if all_tables and plan.upgrades:
        results.append(
            Finding(
                "TimescaleDB makes no hypertable while a publication is for all tables.",
                [one.name for one in all_tables],
                "DROP PUBLICATION, and after the run CREATE PUBLICATION … FOR TABLE what is wanted",
                stops=not adopting,
            )
        )
    texts = [one for one in found if one.kind == "text of function"]
    if texts:
        results.append(
            Finding(
                "Functions of your own name these tables in their text.",
                [f"{one.name} names {one.on_what}" for one in texts],
                "Hold each against the columns that the other version has",
                stops=False,
            )
        )
    for kind, (what, next_step) in _NEVER_LEFT.items():
        never_left = [str(one) for one in found if one.kind == kind]
        if never_left:
            results.append(Finding(what, never_left, next_step, stops=not adopting))
    others = [
        one for one in found if one not in (*all_tables, *texts) and one.kind not in _NEVER_LEFT
    ]
    choice = settings.text("dependents")
    known = _columns(root) if any(one.may_move for one in others) else {}
    movable = [one for one in others if is_movable(one, known)]
    if not plan.upgrades:
        # Those that the way up put on v2 go back by themselves.
        moved = _moved_before(connection)
        others = [one for one in others if one.name not in moved]
        movable = [one for one in movable if one in others]
    if choice in ("move", "move_or_leave"):
        if movable:
            results.append(
                Finding(
                    f"{len(movable)} view(s) are put on the table that takes the place of theirs.",
                    [f"{one.name} (on {one.on_what})" for one in movable],
                    stops=False,
                )
            )
        others = [one for one in others if one not in movable]
    if others:
        leaves = choice in ("leave", "move_or_leave")
        results.append(
            Finding(
                f"{len(others)} object(s) of your own hang on tables that the swap moves.",
                [str(one) + ("; can be moved" if one in movable else "") for one in others],
                "" if leaves else _REMEDY,
                stops=not leaves and not adopting,
            )
        )
    return results


def find(connection: Connection) -> list[Dependent]:
    """All that hangs on our objects, by kind and name."""
    query = (files("setu.preflight") / "dependents.sql").read_text(encoding="utf-8")
    with stable_settings(connection):
        rows = connection.exec_driver_sql(query, execution_options={"no_parameters": True}).all()
    return [Dependent(*row) for row in rows]


def is_movable(dependent: Dependent, known: Mapping[str, str]) -> bool:
    """Whether all that a view reads is in the other version, under the name and of the type.

    :param known: ``schema.table.column`` → type, of the columns that v1 and v2 both have.
    """
    return (
        dependent.may_move
        and bool(dependent.columns)
        and all(known.get(column) == kind for column, kind in dependent.columns.items())
    )


def _moved_before(connection: Connection) -> frozenset[str]:
    with stable_settings(connection):
        there = connection.exec_driver_sql(
            "SELECT to_regclass('_archive.dependent_views') IS NOT NULL"
        ).scalar_one()
        if not there:
            return frozenset()
        rows = connection.exec_driver_sql(
            "SELECT format('%I.%I', d.view_schema, d.view_name)"
            " FROM _archive.dependent_views AS d WHERE d.was_moved",
            execution_options={"no_parameters": True},
        ).all()
    return frozenset(row[0] for row in rows)


def _columns(root: Path) -> dict[str, str]:
    """The columns that a table of v1 and the table of that name in v2 have alike."""
    settings = Settings().session_settings()
    v1, v2 = (
        parse_schema(files_below(root / folder), settings=settings).objects
        for folder in ("schema", "schema_new")
    )
    return {
        key.name: str(fields["type"])
        for key, fields in v1.items()
        if key.kind == "column"
        and "type" in fields
        and v2.get(ObjectKey("column", key.name), {}).get("type") == fields["type"]
    }
