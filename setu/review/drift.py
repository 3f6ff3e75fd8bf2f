"""A live database against what its revision should have.

Drift is what people or programs changed beside the chain: objects, text, owners, privileges, roles
and their settings. Not drift is what a database does by itself (chunks, statistics, jobs' runs,
rows), what belongs to the database and not to SETU (its settings, other schemas), and how a
version of PostgreSQL or TimescaleDB prints things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from setu.catalog import Catalog, Difference, ObjectKey, differences
from setu.catalog.difference import Change, render_differences
from setu.catalog.names import split_name
from setu.catalog.snapshot import snapshot
from setu.chain.repository import alembic_config, refuse_two_heads, repository_root, steps_to
from setu.chain.settings import Settings
from setu.db.connection import database_url
from setu.db.version_table import SCHEMA, TABLE, current_revision
from setu.errors import RevisionStateError, SetuError
from setu.review.archive_functions import changed_functions
from setu.review.expected import Expected, expected_catalog
from setu.review.scratch import SERVER_KINDS, ScratchServer

#: Rises whenever a reader of the JSON before would not understand it.
FORMAT: Final = 1
#: Databases have these of their own accord; every session of SETU sets those that matter.
_DATABASE_KINDS: Final = frozenset({"database setting"})
#: These lie in no schema; a snapshot has those that concern SETU's schemas.
_WITHOUT_SCHEMA: Final = frozenset({"publication", "cast"})


class DriftError(SetuError):
    """The database is not what its revision should have."""


@dataclass(frozen=True)
class Drift:
    """How a database differs from its revision; nothing if ``differences`` is empty."""

    revision: str
    expected_from: str
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> int:
        """0 where nothing differs, 2 where something does."""
        return 2 if self.differences else 0

    def render(self) -> str:
        """The drift for people, with a final newline."""
        head = f"The database is at {self.revision}, held against {self.expected_from}.\n"
        if not self.differences:
            return f"{head}It is as it should be.\n"
        counted = Counter(entry.change for entry in self.differences)
        numbers = ", ".join(
            f"{counted[change]} {change.value}" for change in Change if counted[change]
        )
        body = render_differences(self.differences)
        return f"{head}{len(self.differences)} differences: {numbers}.\n\n{body}"

    def document(self) -> dict[str, Any]:
        """The drift as plain values, for JSON."""
        return {
            "format": FORMAT,
            "revision": self.revision,
            "expected_from": self.expected_from,
            "exit_code": self.exit_code,
            "differences": [
                {
                    "change": entry.change.value,
                    "kind": entry.key.kind,
                    "name": entry.key.name,
                    "fields": {
                        name: {"expected": expected, "found": found}
                        for name, (expected, found) in entry.fields.items()
                    },
                }
                for entry in self.differences
            ],
        }


def find_drift(
    connection: Connection, root: Path, settings: Settings, scratch: ScratchServer | None = None
) -> Drift:
    """Compare the connected database with its revision. Reads only.

    :param scratch: a server on which a scratch database may be made, where the revision has no
        shipped catalog. Raises :class:`~setu.errors.RevisionStateError` where the database is not
        in the chain.
    """
    revision = known_revision(connection, root)
    expected = expected_catalog(root, revision, settings, scratch)
    found = compare(connection, revision, expected)
    steps = steps_to(root)
    if revision != steps[-1].revision:
        return found
    functions = changed_functions(connection, steps, settings, _deployer(connection))
    every = sorted([*found.differences, *functions], key=lambda entry: entry.key)
    return replace(found, differences=tuple(every))


def check_drift(connection: Connection, settings: Settings) -> None:
    """What ``alembic check`` does. Raises :class:`DriftError` where something differs."""
    found = find_drift(connection, repository_root(), settings, ScratchServer(database_url()))
    if found.differences:
        raise DriftError(
            f"The database is not as {found.revision} should be:"
            f" {len(found.differences)} differences.",
            context=found.render().splitlines()[2:],
            hint="Undo each by hand, or make it a revision",
        )


def compare(connection: Connection, revision: str, expected: Expected) -> Drift:
    """Hold the connected database, as its open transaction sees it, against a catalog."""
    deployer = _deployer(connection)
    live = snapshot(connection, owner=deployer)
    schemas = {key.name for key in expected.catalog if key.kind == "schema"} - {"public"}
    # A catalog of v1 alone says nothing of roles.
    roles = any(key.kind == "role" for key in expected.catalog)
    wanted = _of_this_server(connection, expected.catalog, live)
    # Another database of this server may be further up the chain.
    live = replace(
        live,
        objects={
            key: fields
            for key, fields in live.objects.items()
            if key in wanted.objects or key not in expected.later
        },
    )
    found = differences(
        _within(wanted, schemas, roles=roles),
        _within(live, schemas, roles=roles),
        every_setting=True,
    )
    own = {key.name for key in expected.catalog if key.kind == "role"}
    found += _rights_elsewhere(live, own, deployer)
    return Drift(revision, expected.source, tuple(sorted(found, key=lambda entry: entry.key)))


#: What a role of SETU may be given of the database and of the extension's schema: PUBLIC has it
#: unless somebody took it away, and then the upgrade gives it to the roles.
_HARMLESS: Final = {
    "database <database>": frozenset({"CONNECT", "TEMPORARY"}),
    "schema public": frozenset({"USAGE"}),
}


def _rights_elsewhere(live: Catalog, own: set[str], deployer: str) -> list[Difference]:
    """Rights beyond SETU's schemas that no step gives.

    Its roles have none of the server, the database or the schema ``public``; and what is granted on
    all that the deployer will make is granted on SETU's objects too.
    """
    found = []
    for key, fields in live.objects.items():
        what, _, grantee = key.name.rpartition(" to ")
        rights = set(fields.get("privileges", ()))
        if key.kind == "privilege" and grantee in own:
            if what in _HARMLESS:
                rights -= _HARMLESS[what]
            elif not what.startswith("parameter "):
                continue
        elif key.kind == "default privilege" and " in " not in what:
            by = what.partition(" of ")[2]
            if by not in {"<owner>", deployer, *own} or grantee in ("<owner>", by):
                continue
        else:
            continue
        if rights:
            unexpected = {"privileges": sorted(rights)}
            found.append(Difference(key, Change.UNEXPECTED, description=unexpected))
    return found


def known_revision(connection: Connection, root: Path) -> str:
    """The revision of the connected database. Raises where the chain does not know it."""
    from alembic.script import ScriptDirectory

    current = current_revision(connection)
    connection.rollback()
    if current is None:
        raise RevisionStateError(
            "This database is not in the chain.",
            context=["It has no revision, so there is nothing to compare it with."],
            hint="`setu adopt` takes in a running v1; `alembic upgrade head` fills an empty one",
        )
    directory = ScriptDirectory.from_config(alembic_config(root))
    refuse_two_heads(root, directory)
    if current not in {script.revision for script in directory.walk_revisions()}:
        raise RevisionStateError(
            f"The database is at {current}, which this version of the chain does not know.",
            hint="Take the version that it was last deployed from, or a newer one",
        )
    return current


def _deployer(connection: Connection) -> str:
    """The role that owns SETU's version table: all that the chain made is its own."""
    owner = connection.exec_driver_sql(
        "SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c"
        " INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE n.nspname = '{SCHEMA}' AND c.relname = '{TABLE}'"
    ).scalar()
    return str(owner or "")


def _of_this_server(connection: Connection, wanted: Catalog, live: Catalog) -> Catalog:
    """What is expected here: no setting that could not be made, no role of somebody else.

    The steps make those settings that the server knows; what is there beyond, of a version before,
    does no harm. A role that was there before SETU is used as it is. ``_archive`` knows which were;
    to those who may not read that, the comment tells.
    """
    before = _roles_before(connection)
    names = {
        str(name).lower()
        for name in connection.exec_driver_sql("SELECT name FROM pg_catalog.pg_settings").scalars()
    }
    objects = dict(wanted.objects)
    for key, fields in wanted.objects.items():
        if key.kind == "role setting":
            setting = key.name.partition(".")[2].removesuffix(" in <database>")
            if setting.lower() not in names and key not in live.objects:
                del objects[key]
        elif key.kind == "role" and key in live.objects:
            theirs = live.objects[key]
            said = theirs.get("comment") != fields.get("comment")
            if said and (before is None or key.name in before):
                objects[key] = theirs
    return replace(wanted, objects=objects)


def _roles_before(connection: Connection) -> frozenset[str] | None:
    """The roles that were there before SETU; None where this role may not read which."""
    known = connection.exec_driver_sql(
        "SELECT CASE WHEN has_schema_privilege(n.oid, 'USAGE')"
        " THEN has_table_privilege(c.oid, 'SELECT') END"
        " FROM pg_catalog.pg_class AS c"
        " INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = '_archive' AND c.relname = 'roles_before'"
    ).scalar()
    if not known:
        return None
    names = connection.exec_driver_sql("SELECT b.role_name FROM _archive.roles_before AS b")
    return frozenset(names.scalars())


def _within(catalog: Catalog, schemas: set[str], *, roles: bool) -> Catalog:
    """The objects of the schemas that SETU makes, and its roles."""
    kept: Mapping[ObjectKey, Any] = {
        key: fields
        for key, fields in catalog.objects.items()
        if key.kind not in _DATABASE_KINDS
        and (
            roles
            if key.kind in SERVER_KINDS
            else key.kind in _WITHOUT_SCHEMA or _schema_of(key) in schemas
        )
    }
    return replace(catalog, objects=kept)


def _schema_of(key: ObjectKey) -> str:
    """The schema that an object of a catalog lies in; empty for what lies in none."""
    label = key.name
    if key.kind == "schema":
        return label
    if key.kind == "privilege":
        kind, _, rest = label.partition(" ")
        label = rest.rpartition(" to ")[0]
        if kind == "schema":
            return label
        if kind == "database":
            return ""
    elif key.kind == "default privilege":
        label = label.partition(" in ")[2].partition(" of ")[0]
    elif key.kind == "job":
        label = label.partition(" on ")[2] or label
    first = split_name(label.partition("(")[0])[:1]
    return first[0] if first else ""
