"""The SQL of a new revision, drafted from what was edited in ``schema_new/``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from setu.catalog import Catalog
from setu.catalog.released import read_files
from setu.chain.expect import expectations
from setu.chain.header import read_header
from setu.chain.releases import read_releases
from setu.chain.repository import steps_to
from setu.chain.scaffold import OPEN
from setu.chain.script import Origin, Script
from setu.chain.step import Part, Step
from setu.errors import StepError
from setu.review.changes import SchemaChange, changes_between
from setu.review.drafted import Drafted
from setu.review.drafted_exceptions import with_exceptions
from setu.review.drafted_sql import draft
from setu.review.sides import SideError, files_catalog, folder_catalog, read_side

_DROPPED_INDEX: Final = re.compile(r"DROP INDEX (?:IF EXISTS )?(\S+)")
_VALUE_WIDTH: Final = 88


@dataclass(frozen=True)
class StepDraft:
    """The files of one step."""

    up: str
    down: str
    verify: str

    def write(self, step: Step) -> None:
        """Write them in place of the template."""
        texts: dict[Part, str] = {"up": self.up, "down": self.down, "verify": self.verify}
        for part, text in texts.items():
            path = step.directory / f"{part}.sql"
            path.write_text(text, encoding="utf-8", newline="\n")

    @property
    def open_points(self) -> int:
        """How many points a person has to settle before `setu lint` takes it."""
        texts = (self.up, self.down, self.verify)
        return sum(OPEN in line for text in texts for line in text.splitlines())


def base_catalog(root: Path, since: str | None = None) -> tuple[Catalog, str] | None:
    """The schema to draft from, and what it is; None where there is neither release nor commit.

    :param since: any side of ``setu diff`` that is made of files. By default the last release where
        the chain ends in it, else what git has committed of ``schema_new/``.
    """
    if since is not None:
        return read_side(since, root), since
    releases = read_releases(root)
    if releases and releases[-1].revision == steps_to(root)[-1].revision:
        files = read_files(root, releases[-1].revision)
        if files is not None:
            return files_catalog(files), f"release {releases[-1].version}"
    try:
        return read_side("HEAD:schema_new", root), "the last commit"
    except SideError:
        return None


def last_edit(root: Path) -> str | None:
    """The commit that was the last to touch ``schema_new/``; None where git knows of none."""
    command = ["git", "-C", str(root), "log", "-1", "--format=%h", "--", "schema_new"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None


def draft_steps(root: Path, base: Catalog, message: str) -> tuple[list[StepDraft], list[str]]:
    """Drafts of the steps that lead from a schema to ``schema_new/``, and what they change.

    None where nothing differs. A second one has what cannot run in a transaction.
    """
    target = folder_catalog(root / "schema_new")
    changes = changes_between(base, target)
    if not changes:
        return [], []
    up, down = draft(base, target), draft(target, base)
    drafts = []
    alone = _alone(root, up, down, message)
    if up.statements or down.statements or alone is None:
        drafts.append(
            StepDraft(
                _file(root, up.text, message, up, down=_restores(up)),
                _file(root, down.text, f"undoes: {message}", down, mirrors=True),
                _verify(up.text, changes, target),
            )
        )
    if alone is not None:
        drafts.append(alone)
    return drafts, [change.title for change in changes]


def _alone(root: Path, up: Drafted, down: Drafted, message: str) -> StepDraft | None:
    """The step of the indexes that are built chunk by chunk, on the way up or down."""
    if not up.alone and not down.alone:
        return None
    made = {m[1] for s in up.alone if (m := _DROPPED_INDEX.match(s))}
    remade = {m[1] for s in down.alone if (m := _DROPPED_INDEX.match(s))}
    ways = []
    for drafted, taken in ((up, remade), (down, made)):
        gone = [s for s in drafted.statements if s.removeprefix("DROP INDEX ") in taken]
        drafted.statements = [s for s in drafted.statements if s not in gone]
        own = [s.replace("DROP INDEX ", "DROP INDEX IF EXISTS ") for s in gone]
        ways.append(Drafted(alone=list(dict.fromkeys([*own, *drafted.alone]))))
    lock = "SHARE on one chunk at a time"
    first, second = ways
    return StepDraft(
        _file(root, first.text_alone, message, first, lock=lock, transaction="no"),
        _file(root, second.text_alone, f"undoes: {message}", second, lock=lock, transaction="no",
              mirrors=True),
        _verify(first.text_alone, [], Catalog()),
    )  # fmt: skip


def _file(
    root: Path,
    body: str,
    what: str,
    drafted: Drafted,
    *,
    lock: str = "",
    down: str = "the former state comes back",
    transaction: str = "yes",
    mirrors: bool = False,
) -> str:
    lines = [
        f"-- what: {what}",
        "-- why: mirrors the step up"
        if mirrors
        else f"-- why: {OPEN}: what asks for it, or what is wrong without it",
        f"-- transaction: {transaction}",
        f"-- lock: {lock or _locks(drafted.locks)}",
        f"-- down: {'undone by upgrading again' if mirrors else down}",
    ]
    if drafted.loses:
        lines.append(f"-- loses: {OPEN}: {_short(', '.join(drafted.loses))}, and why that is right")
    elif drafted.kept:
        lines.append(f"-- loses: nothing: _archive keeps {_short(', '.join(drafted.kept))}")
    elif drafted.computed:
        gone = _short(", ".join(drafted.computed))
        lines.append(f"-- loses: nothing: computed from other columns: {gone}")
    text = (
        with_exceptions(body, root, undoes=mirrors)
        or "-- Nothing of it is in the database.\nSELECT 1;"
    )
    return "\n".join(lines) + f"\n\n{text}\n"


def _locks(locks: Sequence[str]) -> str:
    if not locks:
        return "none but on the objects themselves"
    text = "; ".join(locks)
    if len(text) <= _VALUE_WIDTH:
        return text
    modes = dict.fromkeys(lock.partition(" on ")[0] for lock in locks)
    objects = {lock.partition(" on ")[2].partition(",")[0] for lock in locks}
    long = any(", while" in lock for lock in locks)
    held = "while rows are read or written" if long else "for the catalog alone"
    what = f"{len(objects)} objects" if len(objects) > 1 else min(objects)
    return f"{' and '.join(modes)} on {what}, {held}"


def _short(text: str) -> str:
    return text if len(text) <= _VALUE_WIDTH - 40 else f"{text[: _VALUE_WIDTH - 43]}…"


def _restores(up: Drafted) -> str:
    if up.loses:
        return f"{OPEN}: definitions come back; say where the values come from"
    if up.kept:
        return "the former state comes back, text for text, and its values from _archive"
    return "the former state comes back, text for text"


def _verify(up: str, changes: Sequence[SchemaChange], target: Catalog) -> str:
    """What the step made is there: told from its statements, and else from the catalog."""
    script = _script(up)
    parts = ["-- what: what up.sql makes is there, and what it drops is gone"]
    try:
        expectations(script)
    except StepError:
        pass
    else:
        parts.append("-- @expect up.sql")
    checks = [check for change in changes for check in _checks(change, target)]
    if checks:
        raised = "\n".join(
            f"    IF NOT ({condition}) THEN\n        RAISE EXCEPTION '{what}';\n    END IF;"
            for condition, what in checks
        )
        parts.append(f"DO $verify$\nBEGIN\n{raised}\nEND\n$verify$;")
    if len(parts) == 1:
        parts.append(f"-- {OPEN}: what must hold after the step\nSELECT 1;")
    return "\n".join(parts) + "\n"


def _script(text: str) -> Script:
    body = f"-- what: x\n{text}\n"
    origins = tuple(Origin("up.sql", number + 1) for number in range(body.count("\n") + 1))
    return Script("up.sql", body, origins, read_header("", "up.sql", required=False))


def _checks(change: SchemaChange, target: Catalog) -> list[tuple[str, str]]:
    """Conditions on what no statement names: privileges, and tables that are archived."""
    if change.key.kind == "table" and change.action == "drop":
        name = change.key.name
        return [(f"to_regclass('{name}') IS NULL", f"{name} is still there")]
    kind, _, rest = change.key.name.partition(" ")
    if change.key.kind == "privilege" and kind == "table" and not rest.endswith(" to PUBLIC"):
        label, _, role = rest.rpartition(" to ")
        wanted = target.objects.get(change.key, {}).get("privileges")
        if wanted is None:
            return []
        return [
            (
                "pg_catalog.has_table_privilege(\n"
                f"        '{role}', '{label}', '{str(name).rstrip('*')}'\n    )",
                f"{role} lacks a right on {label}",
            )
            for name in wanted
        ]
    return []
