"""Released steps do not change: their SHA-256 stands in ``sql/checksums.txt``.

One line a file, ``<sha256>  <phase>/<stem>/<part>``; lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from setu.chain.step import PARTS, Step
from setu.errors import ChecksumError, StepError

FILE = "sql/checksums.txt"
HEAD = """\
# SHA-256 of each released step, rendered with its includes and with normalised line ends.
# Written by `setu release`. A released step may not change.
"""
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\s]+)/([^/\s]+)/(up|down|verify)")


def read_released(root: Path) -> dict[str, str]:
    """Released files, ``<phase>/<stem>/<part>`` → SHA-256. Raises :class:`ChecksumError`."""
    path = root / FILE
    if not path.is_file():
        return {}
    released: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ChecksumError(
                f"{FILE}:{number} is not '<sha256>  <phase>/<stem>/<part>': {text}",
                hint="take the line as it was released from the repository's history",
            )
        key = f"{match[2]}/{match[3]}/{match[4]}"
        if key in released:
            raise ChecksumError(
                f"{FILE}:{number} names {key} a second time.", hint="remove one of the two"
            )
        released[key] = match[1]
    return released


def rendered_sha256(root: Path, key: str) -> str:
    """SHA-256 of ``<phase>/<stem>/<part>`` as it stands now. Raises :class:`StepError`."""
    phase, stem, part = key.split("/")
    step = Step(root, phase, stem)
    return step.script(next(p for p in PARTS if p == part)).sha256


def verify_released(root: Path) -> None:
    """Hold every released step against its checksum.

    Raises :class:`ChecksumError`, which names all that differ or are gone.
    """
    problems: list[str] = []
    for key, expected in read_released(root).items():
        try:
            actual = rendered_sha256(root, key)
        except StepError as error:
            problems.append(f"{key}: {error.title}")
            continue
        if actual != expected:
            problems.append(f"{key}: released as {expected[:12]}…, now {actual[:12]}…")
    if problems:
        raise ChecksumError(
            "A released step may not change.",
            context=problems,
            hint="take the step back to its released text and put the change into a new revision; "
            "if the change was in a file of schema/ or schema_new/ that the step includes, pin "
            "the old text into the step: paste it in place of the include line",
        )


def write_released(root: Path, steps: Sequence[Step]) -> Mapping[str, str]:
    """Add steps to the released ones, and return what is new, key → SHA-256.

    Raises :class:`ChecksumError` when a released step has changed.
    """
    verify_released(root)
    released = read_released(root)
    new = {
        key: rendered_sha256(root, key)
        for step in steps
        for key in (f"{step.name}/{part}" for part in PARTS)
        if key not in released
    }
    lines = [f"{sha}  {key}" for key, sha in {**released, **new}.items()]
    (root / FILE).write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return new
