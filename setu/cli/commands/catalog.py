"""``setu catalog``: snapshots of a database's schema, and what differs between two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setu.catalog import KINDS, Catalog, differences, render_differences, snapshot
from setu.chain.repository import repository_root
from setu.cli.exit_codes import DIFFERS
from setu.cli.output import AsJson, print_json
from setu.db.address import Address
from setu.db.connection import connected, database_url
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError, SetuError
from setu.preflight.findings import V1_REVISION
from setu.preflight.v1_catalog import FILE, v1_snapshot

_group = typer.Typer(help="Snapshots of the catalog, and their differences.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(_group, name="catalog")


@_group.command("snapshot")
def snapshot_command(
    out: Annotated[Path | None, typer.Option(help="File to write; else to the screen.")] = None,
    schema: Annotated[
        list[str] | None, typer.Option(help="Only this schema; may be repeated.")
    ] = None,
) -> None:
    """Take a snapshot of the database in DATABASE_URL, as stable JSON.

    Example: setu catalog snapshot --out before.json
    """
    with connected(database_url(), "catalog") as connection:
        catalog = snapshot(connection, schemas=schema)
    if out is None:
        typer.echo(catalog.to_json(), nl=False)
    else:
        out.write_text(catalog.to_json(), encoding="utf-8")
        typer.echo(f"{out}: {len(catalog)} objects", err=True)


@_group.command("diff")
def diff_command(
    expected: Annotated[str, typer.Argument(help="A snapshot's file, or a database's address.")],
    actual: Annotated[str, typer.Argument(help="What is held against it: likewise.")],
    schema: Annotated[
        list[str] | None, typer.Option(help="Of databases, only this schema; may be repeated.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A kind of object to leave out; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what differs, object by object. Exit code 0: nothing. 2: something. 1: could not be told.

    Example: setu catalog diff before.json "$DATABASE_URL"
    """
    sides = _read(expected, schema), _read(actual, schema)
    unknown = sorted(set(ignore or ()) - set(KINDS) - {key.kind for side in sides for key in side})
    if unknown:
        raise SetuError(
            f"There is no kind of object named {unknown[0]!r}.",
            context=["Kinds: " + ", ".join(sorted(KINDS))],
            hint="Give one of these as --ignore",
        )
    found = differences(*sides, ignore_kinds=ignore or ())
    said = render_differences(found).rstrip()
    if as_json:
        print_json("catalog diff", {"count": len(found), "differences": said.splitlines()})
    else:
        typer.echo(said if found else "no difference")
    if found:
        raise typer.Exit(DIFFERS)


@_group.command("freeze-v1")
def freeze_command() -> None:
    """Write schema/catalog.json, what pre-flight expects of v1, from a database at 0001.

    Example: setu catalog freeze-v1
    """
    root = repository_root()
    with connected(database_url(), "catalog") as connection:
        current = current_revision(connection)
        if current != V1_REVISION:
            raise RevisionStateError(
                f"The database is not at {V1_REVISION}, but at {current or 'no revision'}.",
                hint=f"Take an empty database, and `alembic upgrade {V1_REVISION}`",
            )
        catalog = v1_snapshot(connection, root)
    (root / FILE).write_text(catalog.to_json(), encoding="utf-8")
    typer.echo(f"{FILE}: {len(catalog)} objects", err=True)


def _read(source: str, schemas: list[str] | None) -> Catalog:
    if "://" in source:
        with connected(Address.parse(source, source="The address"), "catalog") as connection:
            return snapshot(connection, schemas=schemas)
    path = Path(source)
    if not path.is_file():
        raise SetuError(
            f"{source} is neither a file nor a database's address.",
            hint="Give a file of `setu catalog snapshot`, or postgresql://…",
        )
    return Catalog.from_json(path.read_text(encoding="utf-8"))
