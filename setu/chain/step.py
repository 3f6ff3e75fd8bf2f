"""Steps: the SQL that a revision runs, read from files.

A revision file ``alembic/versions/<phase>/<stem>.py`` has its step in ``sql/<phase>/<stem>/``, with
``up.sql``, ``down.sql`` and ``verify.sql``. :mod:`setu.chain.includes` says what a file can
include.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from setu.chain.expect import DIRECTIVE, expectations
from setu.chain.header import read_header
from setu.chain.includes import render
from setu.chain.script import Origin, Script, read_sql
from setu.errors import StepError

Part = Literal["up", "down", "verify"]
PARTS: tuple[Part, ...] = ("up", "down", "verify")


@dataclass(frozen=True)
class Step:
    """The SQL of one revision.

    :param root: the repository's root directory.
    :param phase: the phase folder, ``p2_bronze``.
    :param stem: ``0203_convert_hypertables``.
    """

    root: Path
    phase: str
    stem: str

    @classmethod
    def of_revision_file(cls, path: str | Path) -> Step:
        """The step of ``alembic/versions/<phase>/<stem>.py``."""
        file = Path(path).resolve()
        if file.parents[1].name != "versions" or len(file.parents) < 4:
            raise StepError(
                f"{file.name} has no place in the chain.",
                context=[f"It lies in {file.parent}."],
                hint="Put it at alembic/versions/<phase>/<number>_<name>.py",
            )
        return cls(file.parents[3], file.parent.name, file.stem)

    @property
    def revision(self) -> str:
        """The revision id: the number at the front of the stem."""
        return self.stem.partition("_")[0]

    @property
    def name(self) -> str:
        """``<phase>/<stem>``."""
        return f"{self.phase}/{self.stem}"

    @property
    def directory(self) -> Path:
        """Where the step's SQL lies."""
        return self.root / "sql" / self.phase / self.stem

    def script(self, part: Part) -> Script:
        """``up``, ``down`` or ``verify``, rendered. Raises :class:`StepError`."""
        path = self.directory / f"{part}.sql"
        relative = f"sql/{self.phase}/{self.stem}/{part}.sql"
        if not path.is_file():
            raise StepError(
                f"Revision {self.revision} has no {part}.sql.",
                context=[f"Expected at {relative}."],
                hint="Write the file; each step has up.sql, down.sql and verify.sql",
            )
        source = read_sql(path, relative)
        header = read_header(source, relative, required=part != "verify")
        lines, origins = render(source, relative, self.root)
        if part == "verify" and DIRECTIVE in lines:
            lines, origins = self._with_expectations(lines, origins)
        script = Script(relative, "\n".join(lines) + "\n", tuple(origins), header)
        if not script.all_statements:
            raise StepError(
                f"{relative} has no statement.",
                hint="In a direction with nothing to do, check that there is nothing to do",
            )
        return script

    def _with_expectations(
        self, lines: list[str], origins: list[Origin]
    ) -> tuple[list[str], list[Origin]]:
        at = lines.index(DIRECTIVE)
        pasted = expectations(self.script("up")).split("\n")
        return (
            [*lines[:at], *pasted, *lines[at + 1 :]],
            [*origins[:at], *[origins[at]] * len(pasted), *origins[at + 1 :]],
        )
