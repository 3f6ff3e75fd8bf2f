"""Data that cannot be converted: named checks, each a query in ``sql/preflight/``.

A check's header has a title, a hint, and when it applies: ``from``, the revision (or range,
``0001..0103``) of a database that goes up, or ``undoes``, a revision that a downgrade takes back.
``level: warn`` where it does not stop the run. The query gives rows of
``problem``, ``key`` and ``detail``, all text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from setu.db.session_settings import stable_settings
from setu.errors import StepError
from setu.preflight.findings import Finding, Plan

FOLDER: Final = Path("sql") / "preflight"
SAMPLES: Final = 5
_HEADER: Final = re.compile(r"--\s*(title|hint|from|undoes|level):\s*(.+?)\s*")
_RANGE: Final = re.compile(r"(\d{4})(?:\.\.(\d{4}))?")


@dataclass(frozen=True)
class DataCheck:
    """One check; ``first`` and ``last`` are the revisions between which it applies."""

    name: str
    title: str
    hint: str
    first: str
    last: str
    stops: bool
    query: str
    undoes: str = ""

    def applies(self, plan: Plan) -> bool:
        """Whether the run takes a database within the range upward, or undoes the revision."""
        if self.undoes:
            return not plan.upgrades and plan.passes(self.undoes)
        return (
            plan.upgrades
            and plan.current is not None
            and plan.place(self.first) <= plan.place(plan.current) <= plan.place(self.last)
            and plan.place(plan.current) < plan.place(plan.target)
        )


def load_checks(root: Path) -> list[DataCheck]:
    """All checks of the repository, by name. Raises :class:`StepError` for a faulty header."""
    return [_load(path) for path in sorted((root / FOLDER).glob("*.sql"))]


def run_checks(connection: Connection, checks: Sequence[DataCheck], plan: Plan) -> list[Finding]:
    """What the checks that apply to the plan find: a count, and the first rows as samples."""
    found = []
    for check in checks:
        if check.applies(plan):
            finding = _run(connection, check)
            if finding is not None:
                found.append(finding)
    return found


def _load(path: Path) -> DataCheck:
    text = path.read_text(encoding="utf-8")
    header: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        match = _HEADER.fullmatch(line)
        if match:
            header[match.group(1)] = match.group(2)
    undoes = header.get("undoes", "")
    revisions = _RANGE.fullmatch(undoes or header.get("from", ""))
    if revisions is None or not header.get("title") or not header.get("hint"):
        raise StepError(
            f"{FOLDER}/{path.name} has no complete header.",
            context=["title, hint, and from (a revision, or a range such as 0001..0103) or undoes"],
            hint="Write them as comment lines at the top: -- title: …",
        )
    return DataCheck(
        name=path.stem,
        title=header["title"],
        hint=header["hint"],
        first=revisions.group(1),
        last=revisions.group(2) or revisions.group(1),
        stops=header.get("level", "stop") != "warn",
        query=text.rstrip().rstrip(";"),
        undoes=undoes,
    )


def _run(connection: Connection, check: DataCheck) -> Finding | None:
    with stable_settings(connection):
        rows = connection.exec_driver_sql(
            "SELECT q.problem, q.key, q.detail, count(*) OVER () AS total FROM (\n"
            f"{check.query}\n) AS q (problem, key, detail) ORDER BY q.key LIMIT {SAMPLES}",
            execution_options={"no_parameters": True},
        ).all()
    if not rows:
        return None
    total = int(rows[0].total)
    samples = [
        f"{row.key}: {row.problem}" + (f" ({row.detail})" if row.detail else "") for row in rows
    ]
    if total > SAMPLES:
        samples.append(f"… and {total - SAMPLES} more")
    return Finding(
        f"{check.title}: {total} row{'' if total == 1 else 's'}.",
        samples,
        check.hint,
        check.stops,
    )
