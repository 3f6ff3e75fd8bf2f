"""Is a v1 database what ``schema/`` says it is?

The expected catalog is ``schema/catalog.json``, made from a database at revision 0001.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from setu.catalog import Catalog, Difference, differences, render_differences
from setu.catalog.difference import Change
from setu.catalog.snapshot import snapshot
from setu.preflight.findings import Finding
from setu.preflight.tuning import is_tuning

FILE: Final = Path("schema") / "catalog.json"
#: Kinds that only the community edition has.
COMMUNITY_KINDS: Final = ("job", "continuous aggregate")
_COMMUNITY_CREATE: Final = re.compile(r"^-- @community\nCREATE ", re.MULTILINE)
#: What a customer may add to v1's objects without their being another schema.
_ADDED: Final = frozenset({"privilege", "default privilege"})
#: What somebody may have put on v1's tables; ``dependents`` says what becomes of it.
_HANGING_ON: Final = frozenset({"trigger", "rule", "row policy", "publication", "cast"})


def v1_schemas(root: Path) -> list[str]:
    """The schemas that v1 has: the folders of ``schema/``."""
    return sorted(folder.name for folder in (root / "schema").glob("*/") if folder.is_dir())


def v1_tables_present(connection: Connection, root: Path) -> list[str]:
    """The tables of ``schema/`` that the database has, as ``schema.table``."""
    names = sorted(
        f"{file.parent.parent.name}.{file.stem}" for file in root.glob("schema/*/Tables/*.sql")
    )
    # Not by to_regclass: that needs a right on the schema.
    found = connection.execute(
        text(
            "SELECT n.nspname || '.' || c.relname AS name"
            " FROM pg_catalog.pg_class AS c"
            " INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname || '.' || c.relname = ANY (CAST(:names AS text[]))"
            " AND c.relkind IN ('r', 'p') ORDER BY 1"
        ),
        {"names": names},
    )
    return [str(row[0]) for row in found]


def v1_snapshot(connection: Connection, root: Path) -> Catalog:
    """The catalog of the schemas that v1 has."""
    return snapshot(connection, schemas=v1_schemas(root))


def drift(connection: Connection, root: Path, *, community: bool) -> list[Finding]:
    """How a database at v1 differs from v1; empty when it does not.

    :param community: whether the server and the run are of the community edition.

    Grants that v1 does not know are no drift, but are worth a warning: v2's tables are new ones.
    """
    path = root / FILE
    if not path.is_file():
        return [
            Finding(
                f"v1's catalog was not checked: there is no {FILE}.",
                next_step="`setu catalog freeze-v1` on a database at 0001 writes it",
                stops=False,
            )
        ]
    expected = Catalog.from_json(path.read_text(encoding="utf-8"))
    actual = v1_snapshot(connection, root)
    return _findings(differences_of_v1(expected, actual, root, community=community), actual)


def differences_of_v1(
    expected: Catalog, actual: Catalog, root: Path, *, community: bool
) -> list[Difference]:
    """Where a v1 catalog is not as expected, but for what only the community edition has."""
    if community:
        return differences(expected, actual)
    absent = _community_only(root)
    return [
        difference
        for difference in differences(expected, actual, ignore_kinds=COMMUNITY_KINDS)
        if difference.change is not Change.MISSING or not absent(difference.key.name)
    ]


def _community_only(root: Path) -> Callable[[str], bool]:
    """Whether an object, by its full name, is one that ``schema/`` makes on that edition alone."""
    names = {
        f"{file.parent.parent.name}.{file.stem}"
        for file in root.glob("schema/*/*/*.sql")
        if _COMMUNITY_CREATE.search(file.read_text(encoding="utf-8"))
    }

    def is_one(name: str) -> bool:
        # A privilege is named by the object that it is on, with its kind before it.
        whole = name.split("(")[0].split(" to ")[0].split(" ")[-1]
        return whole in names or whole.rpartition(".")[0] in names

    return is_one


def _findings(found: Sequence[Difference], actual: Catalog) -> list[Finding]:
    """What stops the run, then what is kept, then grants that v2's objects will not have."""
    # What hangs on v1's tables has a check of its own.
    found = [d for d in found if d.key.kind not in _HANGING_ON or d.change is not Change.UNEXPECTED]
    added = [d for d in found if d.key.kind in _ADDED and d.change is Change.UNEXPECTED]
    tuned = [d for d in found if d not in added and is_tuning(d, actual)]
    drifted = [d for d in found if d not in added and d not in tuned]
    results = []
    if drifted:
        results.append(
            Finding(
                f"The database is not v1 as schema/ has it: {len(drifted)} object(s) differ.",
                [render_differences(drifted).rstrip()],
                "bring the objects above to what v1 expects; move objects of your own to a schema "
                "of your own",
            )
        )
    if tuned:
        results.append(
            Finding(
                f"{len(tuned)} object(s) of v1 are tuned in another way than schema/ has it. That "
                "does no harm: it stays with v1's objects, and comes back with a downgrade. v2's "
                "objects do not have it.",
                [render_differences(tuned).rstrip()],
                "Nothing, or repeat on v2's objects what is worth it",
                stops=False,
            )
        )
    if added:
        results.append(
            Finding(
                f"{len(added)} grant(s) on v1's objects are not v1's, and will not hold for the "
                "objects that replace them.",
                [str(d.key) for d in added],
                "grant setu_reader to those roles after phase 3",
                stops=False,
            )
        )
    return results
