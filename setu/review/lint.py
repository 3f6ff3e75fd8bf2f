"""Rules of the chain that can be checked without a server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from setu.chain.header import LOSES
from setu.chain.order import FOLDER, schema_files
from setu.chain.releases import RELEASE_FOLDER, verify_released
from setu.chain.scaffold import OPEN
from setu.chain.script import read_sql
from setu.chain.sections import read_sections
from setu.chain.standing import standing_checks
from setu.chain.step import PARTS, Step
from setu.errors import ChecksumError, RevisionStateError, StepError
from setu.review.losses import losses

IDENTIFIERS = ("revision", "down_revision", "branch_labels", "depends_on")
#: A revision that was released before releases had folders, or will be with v2.0.
_PHASE = re.compile(r"p\d_[a-z0-9_]+")
_STEM = re.compile(r"\d{4}_[a-z0-9_]+")
_SHARED = "shared"
_OPEN = re.compile(rf"--.*\b{OPEN}\b")
#: Folders of ``sql/`` that hold no steps.
_NO_STEPS = ("operations", "preflight", "releases", "standing")


def lint(root: Path) -> list[str]:
    """All that is wrong with the chain of a repository, a line each; empty when all is well."""
    return [
        *_files(root),
        *_revisions(root),
        *_orphans(root),
        *_schema_new(root),
        *_standing(root),
        *_released(root),
    ]


def _revision_files(root: Path) -> list[Path]:
    return sorted((root / "alembic" / "versions").glob("*/*.py"), key=lambda path: path.stem)


def _files(root: Path) -> Iterator[str]:
    for path in sorted((root / "alembic").rglob("__init__.py")):
        yield (
            f"{path.relative_to(root)}: must not exist; it would shadow the library of that name"
        )
    for path in sorted((root / "alembic" / "versions").glob("*.py")):
        yield f"{path.relative_to(root)}: a revision lies in the folder of its phase or release"


def _revisions(root: Path) -> Iterator[str]:
    found: dict[str, dict[str, object]] = {}
    steps: dict[str, Step] = {}
    for path in _revision_files(root):
        name = str(path.relative_to(root))
        if not _STEM.fullmatch(path.stem):
            yield f"{name}: the name is not <four digits>_<lower case name>.py"
            continue
        folder = path.parent.name
        if not _PHASE.fullmatch(folder) and not RELEASE_FOLDER.fullmatch(folder):
            yield f"{name}: the folder is not p<digit>_<phase> or r<version>, as r2_1"
        step = Step.of_revision_file(path)
        values: dict[str, object] = {}
        yield from _module(path, name, values)
        if values.get("revision", step.revision) != step.revision:
            yield f"{name}: revision is {values['revision']!r}, its file says {step.revision!r}"
        for identifier in ("branch_labels", "depends_on"):
            if values.get(identifier) is not None:
                yield f"{name}: {identifier} is {values[identifier]!r}; the chain has one line"
        if step.revision in found:
            yield f"{name}: {step.revision} is the number of {steps[step.revision].name}, too"
        found[step.revision], steps[step.revision] = values, step
        yield from _step(step)
    yield from _descent(found, steps)


def _descent(found: dict[str, dict[str, object]], steps: dict[str, Step]) -> Iterator[str]:
    """One line: one first revision, one head, and each phase or release in one piece."""
    after: dict[object, list[str]] = {}
    for revision, values in found.items():
        after.setdefault(values.get("down_revision"), []).append(revision)
    for before, revisions in after.items():
        if len(revisions) > 1:
            names = " and ".join(steps[revision].name for revision in revisions)
            place = f"follow {before}" if before else "are the first"
            yield f"{names} both {place}: the chain has two heads"
        if before is not None and before not in found:
            yield f"{steps[revisions[0]].name}: down_revision is {before!r}, which does not exist"
    line: list[str] = []
    follows = after.get(None, [])
    while follows and follows[0] not in line:
        line.append(follows[0])
        follows = after.get(line[-1], [])
    if not after.get(None) and found:
        yield "no revision is the first: each has a down_revision"
    folders: list[str] = []
    for before, revision in zip(["", *line], line, strict=False):
        step = steps[revision]
        if before and int(revision) <= int(before):
            yield f"{step.name}: its number does not come after {before}, which it follows"
        if step.phase not in folders:
            folders.append(step.phase)
        elif folders[-1] != step.phase:
            yield f"{step.name}: {step.phase} had ended before {folders[-1]} began"


def _step(step: Step) -> Iterator[str]:
    for part in PARTS:
        try:
            script = step.script(part)
        except StepError as error:
            yield str(error)
            continue
        open_lines = [
            number for number, line in enumerate(script.text.split("\n"), 1) if _OPEN.search(line)
        ]
        if open_lines:
            yield f"{script.file}:{open_lines[0]}: the template is not filled in: {OPEN}"
        if part != "verify" and LOSES not in script.header.values:
            lost = list(losses(script))
            if lost:
                yield (
                    f"{lost[0][0]}: {', '.join(what for _, what in lost)} may hold values; add "
                    f"the header line '{LOSES}:', with what is lost and why that is right, or "
                    "where the values are kept"
                )


def _module(path: Path, name: str, values: dict[str, object]) -> Iterator[str]:
    """Problems of a revision file; fills in its identifiers."""
    try:
        module = ast.parse(path.read_bytes())
    except SyntaxError as error:
        yield f"{name}:{error.lineno or 1}: {error.msg}"
        return
    doc = ast.get_docstring(module) or ""
    for word in ("What:", "Why:", "Risk:", "Downgrade:"):
        if word not in doc:
            yield f"{name}: the docstring has no '{word}'"
    handed = False
    for node in module.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.ImportFrom) and node.module in ("setu.chain.runner", "__future__"):
            continue
        source = ast.unparse(node)
        if source in (
            "upgrade, downgrade = sql_step(__file__)",
            "(upgrade, downgrade) = sql_step(__file__)",
        ):
            handed = True
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in IDENTIFIERS:
            if isinstance(value, ast.Constant):
                values[target.id] = value.value
                continue
            yield f"{name}:{node.lineno}: {target.id} is not a plain value"
            continue
        yield f"{name}:{node.lineno}: a revision file holds nothing but its identifiers: {source}"
    for identifier in IDENTIFIERS:
        if identifier not in values:
            yield f"{name}: {identifier} is missing"
    if not handed:
        yield f"{name}: it lacks 'upgrade, downgrade = sql_step(__file__)'"


def _orphans(root: Path) -> Iterator[str]:
    revisions = {f"{path.parent.name}/{path.stem}" for path in _revision_files(root)}
    for folder in sorted((root / "sql").glob("*/*")):
        name = f"{folder.parent.name}/{folder.name}"
        if folder.parent.name in _NO_STEPS:
            continue
        if not folder.is_dir() or folder.name == _SHARED:
            continue
        if name not in revisions:
            yield f"sql/{name}: no revision runs it"
        for file in sorted(folder.iterdir()):
            if file.name not in {f"{part}.sql" for part in PARTS}:
                yield f"sql/{name}/{file.name}: a step has up.sql, down.sql and verify.sql only"


def _schema_new(root: Path) -> Iterator[str]:
    """Files of v2 that cannot be read, or do not say why they are new."""
    for file in schema_files(root):
        try:
            text = read_sql(root / file, file)
            read_sections(text, file)
        except StepError as error:
            yield str(error)
            continue
        in_v1 = (root / "schema" / file.removeprefix(f"{FOLDER}/")).is_file()
        if not in_v1 and not text.startswith("-- New: "):
            yield f"{file}: schema/ has no such file; open it with '-- New: ' and why v2 has it"


def _standing(root: Path) -> Iterator[str]:
    try:
        standing_checks(root)
    except StepError as error:
        yield str(error)


def _released(root: Path) -> Iterator[str]:
    """Released files that have changed; a chain that cannot be walked is named elsewhere."""
    try:
        verify_released(root)
    except RevisionStateError:
        return
    except ChecksumError as error:
        for problem in error.context or (error.title,):
            yield f"{problem}. {error.hint}"
