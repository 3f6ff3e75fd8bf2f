"""``setu catalog``: snapshots of a database's schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setu.catalog.snapshot import snapshot
from setu.chain.repository import repository_root
from setu.cli.options import Out
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.db.version_table import current_revision
from setu.errors import RevisionStateError
from setu.preflight.findings import V1_REVISION
from setu.preflight.v1_catalog import FILE, v1_snapshot
from setu.review.dictionary import markdown, picture, tables_of, undescribed
from setu.review.sides import folder_catalog

_group = typer.Typer(
    help="Snapshots of the catalog; `setu diff` compares them.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(_group, name="catalog")


@_group.command("snapshot")
def snapshot_command(
    out: Out = None,
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


@_group.command("dictionary")
def dictionary_command(
    folder: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("docs"),
    as_json: AsJson = False,
) -> None:
    """Write the dictionary of v2 and its picture, from the comments in schema_new/.

    Example: setu catalog dictionary
    """
    tables = tables_of(folder_catalog(repository_root() / "schema_new"))
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / "dictionary.md").write_text(markdown(tables), encoding="utf-8")
    (folder / "pictures" / "er.svg").write_text(picture(tables), encoding="utf-8")
    missing = undescribed(tables)
    columns = sum(len(table.columns) for table in tables)
    views = sum(table.is_view for table in tables)
    if as_json:
        print_json(
            "catalog dictionary",
            {
                "tables": len(tables) - views,
                "views": views,
                "columns": columns,
                "undescribed": missing,
            },
        )
        return
    typer.echo(
        f"{folder}/dictionary.md: {len(tables) - views} tables, {views} views, {columns} columns"
    )
    for name in missing:
        typer.echo(f"without a comment: {name}")


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
