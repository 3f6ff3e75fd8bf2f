"""squawk's rules for migrations, over each step as it runs: with its includes pasted in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setu.chain.repository import steps_to
from setu.errors import StepError

CONFIG = ".squawk.toml"
IGNORE = "-- squawk-ignore"
SECONDS = 120


def squawk_program() -> str | None:
    """The program, beside this Python or on the path; None where it is not installed."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.is_file() else shutil.which("squawk")


def check_steps(root: Path, program: str) -> list[str]:
    """What squawk finds in ``up.sql`` and ``down.sql`` of all steps, a line each.

    :param program: see :func:`squawk_program`. Places are those in the repository's own files.
        Raises :class:`StepError` where squawk itself fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        rendered = {}
        for step in steps_to(root):
            for part in ("up", "down"):
                path = Path(folder) / f"{step.stem}.{part}.sql"
                script = step.script("up" if part == "up" else "down")
                path.write_text(script.text, encoding="utf-8")
                rendered[str(path)] = script
        found = _run(root, program, list(rendered))
    lines = []
    for problem in found:
        origins = rendered[problem["file"]].origins
        origin = origins[min(int(problem["line"]), len(origins) - 1)]
        lines.append(f"{origin}: squawk {problem['rule_name']}: {problem['message']}")
    return sorted(set(lines))


def refused_lines(root: Path, program: str, text: str) -> dict[int, dict[str, str]]:
    """What squawk refuses in a text: by line, counted from 0, each rule and what it says of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.sql"
        path.write_text(text, encoding="utf-8")
        found = _run(root, program, [str(path)])
    lines: dict[int, dict[str, str]] = {}
    for problem in found:
        lines.setdefault(int(problem["line"]), {})[problem["rule_name"]] = problem["message"]
    return lines


def _run(root: Path, program: str, files: list[str]) -> list[dict[str, str]]:
    done = subprocess.run(
        [program, "--config", str(root / CONFIG), "--reporter", "json", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    try:
        # Also without a file that has problems it answers: with an empty list.
        found: list[dict[str, str]] = json.loads(done.stdout)
    except ValueError as error:
        raise StepError(
            "squawk did not answer as expected.",
            context=[text[:500] for text in (done.stdout, done.stderr) if text],
            hint=f"Correct {CONFIG} where it names that, or run squawk by hand on one file",
        ) from error
    return found
