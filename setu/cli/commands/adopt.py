"""``setu adopt``: take a running v1 database into the chain."""

from __future__ import annotations

import typer

from alembic import command
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, repository_root
from setu.chain.settings import Settings
from setu.cli.options import Setting
from setu.cli.output import AsJson, print_json
from setu.db.acting_role import act_as_owner
from setu.db.connection import connected, database_url
from setu.db.version_table import current_revision
from setu.errors import PreflightError, RevisionStateError
from setu.preflight import Plan
from setu.preflight.check import inspect
from setu.preflight.findings import V1_REVISION, refusal
from setu.preflight.v1_catalog import v1_tables_present


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("adopt")(adopt)


def adopt(
    setting: Setting = None,
    as_json: AsJson = False,
) -> None:
    """Check that the database is v1 as expected, and mark it as revision 0001.

    Example: setu adopt
    """
    settings = Settings.from_x_arguments(setting or [])
    root = repository_root()
    with connected(database_url(), "adopt", writes=True) as connection:
        act_as_owner(connection)
        current = current_revision(connection)
        if current is not None:
            raise RevisionStateError(
                f"The database is in the chain already, at {current}.",
                hint="`alembic upgrade head` takes it on",
            )
        if not v1_tables_present(connection, root):
            raise PreflightError(
                "There is no v1 in this database.",
                hint=f"`alembic upgrade {V1_REVISION}` makes it in an empty one",
            )
        stay = Plan("upgrade", V1_REVISION, V1_REVISION)
        found = inspect(connection, stay, settings, root, adopting=True)
        connection.rollback()
    for finding in found:
        if not finding.stops:
            typer.echo("\n".join(finding.lines()), err=as_json)
    stopping = [finding for finding in found if finding.stops]
    if stopping:
        raise refusal(stopping)
    config = alembic_config(root)
    config.attributes[COMMAND] = command.stamp
    command.stamp(config, V1_REVISION)
    if as_json:
        warnings = ["\n".join(finding.lines()) for finding in found if not finding.stops]
        print_json("adopt", {"revision": V1_REVISION, "warnings": warnings})
        return
    typer.echo(f"The database is v1, and now marked as {V1_REVISION}. Next: setu upgrade")
