"""Standing checks: what must hold at the head at any time, in ``sql/standing/*.sql``.

A check raises when it does not hold, and changes nothing. ``verify.sql`` is something else: it runs
right after its own step and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from setu.chain.header import read_header
from setu.chain.script import Origin, Script, read_sql
from setu.errors import StepError, VerifyError

FOLDER = "sql/standing"


@dataclass(frozen=True)
class StandingCheck:
    """One check: its name, and its file."""

    name: str
    script: Script

    @property
    def what(self) -> str:
        """What holds, in one line."""
        return self.script.header.values["what"]

    def run(self, connection: Any, edition: str) -> None:
        """Run it on a psycopg2 connection; the caller rolls back. Raises :class:`VerifyError`."""
        for statement in self.script.statements(edition):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement.text)
            except psycopg2.Error as error:
                raise self._failed(statement.origin, error) from error

    def _failed(self, origin: Origin, error: psycopg2.Error) -> VerifyError:
        diag = error.diag
        lines = [f"at {origin}", f"SQLSTATE {error.pgcode}: {diag.message_primary or error}"]
        if diag.message_detail:
            lines.append(f"DETAIL: {diag.message_detail}")
        hint = diag.message_hint or "See what changed the database since it was deployed"
        return VerifyError(
            f"The check {self.name} does not hold.", context=lines, hint=hint, sqlstate=error.pgcode
        )


def standing_checks(root: Path) -> list[StandingCheck]:
    """All standing checks, by name. Raises :class:`StepError` for a file that breaks a rule."""
    return [_read(root, path) for path in sorted((root / FOLDER).glob("*.sql"))]


def _read(root: Path, path: Path) -> StandingCheck:
    file = path.relative_to(root).as_posix()
    text = read_sql(path, file)
    header = read_header(text, file, required=False)
    if not header.values.get("what"):
        raise StepError(f"{file} does not say what it checks.", hint="Open it with '-- what: …'")
    origins = tuple(Origin(file, number + 1) for number in range(text.count("\n") + 1))
    script = Script(file, text, origins, header)
    if not script.all_statements:
        raise StepError(f"{file} has no statement.", hint="Raise an exception where it fails")
    return StandingCheck(path.stem, script)
