"""``setu verify``: does what must hold at any time hold now?"""

from __future__ import annotations

import typer

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.commands.drift import drift_of_database
from setu.cli.exit_codes import DIFFERS
from setu.cli.options import Setting
from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.db.rights import OWNER
from setu.review.verification import verify_database


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("verify")(verify)


def verify(
    setting: Setting = None,
    as_json: AsJson = False,
) -> None:
    """Run the standing checks on a database at the head, and name all drift. It changes nothing.

    Exit code 0: every check holds, and nothing differs. 2: not so. 1: it could not be determined.

    Example: setu verify
    """
    root = repository_root()
    settings = Settings.from_x_arguments(setting or [])
    failed: list[str] = []
    checks: list[dict[str, object]] = []
    with connected(database_url(), "verify", role=OWNER) as connection:
        for outcome in verify_database(connection, root, settings):
            holds = outcome.error is None
            checks.append(
                {
                    "name": outcome.check.name,
                    "holds": holds,
                    "seconds": round(outcome.seconds, 3),
                    "error": None if holds else str(outcome.error),
                }
            )
            if not holds:
                failed.append(outcome.check.name)
            if as_json:
                continue
            typer.secho("holds" if holds else "FAILS", fg="green" if holds else "red", nl=False)
            typer.echo(f"  {outcome.check.name}  {outcome.seconds:.1f} s")
            if not holds:
                typer.echo(str(outcome.error))
    if failed and not as_json:
        typer.secho(f"{len(failed)} of the standing checks do not hold.", fg="red", bold=True)
    drift = drift_of_database(settings) if (root / "schema_new").is_dir() else None
    if as_json:
        print_json("verify", {"checks": checks, "drift": drift.document() if drift else None})
    elif drift is not None:
        typer.echo(drift.render().rstrip())
    if failed or (drift is not None and drift.exit_code):
        raise typer.Exit(DIFFERS)
