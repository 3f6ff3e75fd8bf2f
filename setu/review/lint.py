"""Rules of the chain that can be checked without a server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from setu.chain.order import FOLDER, schema_files
from setu.chain.repository import alembic_config
from setu.chain.script import read_sql
from setu.chain.sections import read_sections
from setu.chain.step import PARTS, Step
from setu.errors import StepError

IDENTIFIERS = ("revision", "down_revision", "branch_labels", "depends_on")
_STEM = re.compile(r"\d{4}_[a-z0-9_]+")
_PHASE = re.compile(r"p\d_[a-z0-9_]+")
_SHARED = "shared"


def lint(root: Path) -> list[str]:
    """All that is wrong with the chain of a repository, a line each; empty when all is well."""
    return [*_files(root), *_revisions(root), *_orphans(root), *_schema_new(root)]


def _revision_files(root: Path) -> list[Path]:
    return sorted((root / "alembic" / "versions").glob("*/*.py"), key=lambda path: path.stem)


def _files(root: Path) -> Iterator[str]:
    for path in sorted((root / "alembic").rglob("__init__.py")):
        yield (
            f"{path.relative_to(root)}: must not exist; it would shadow the library of that name"
        )
    for path in sorted((root / "alembic" / "versions").glob("*.py")):
        yield f"{path.relative_to(root)}: a revision lies in the folder of its phase"
    places = alembic_config(root).get_version_locations_list() or []
    listed = {Path(place).resolve() for place in places}
    for folder in sorted({path.parent for path in _revision_files(root)}):
        if folder.resolve() not in listed:
            yield f"alembic.ini: version_locations lacks {folder.relative_to(root)}"


def _revisions(root: Path) -> Iterator[str]:
    previous: str | None = None
    for path in _revision_files(root):
        name = str(path.relative_to(root))
        if not _STEM.fullmatch(path.stem):
            yield f"{name}: the name is not <four digits>_<lower case name>.py"
            continue
        if not _PHASE.fullmatch(path.parent.name):
            yield f"{name}: the folder is not p<digit>_<phase>"
        step = Step.of_revision_file(path)
        values: dict[str, object] = {}
        yield from _module(path, name, values)
        if values.get("revision", step.revision) != step.revision:
            yield f"{name}: revision is {values['revision']!r}, its file says {step.revision!r}"
        if values.get("down_revision", previous) != previous:
            yield f"{name}: down_revision is {values['down_revision']!r}, not {previous!r}"
        previous = step.revision
        for part in PARTS:
            try:
                step.script(part)
            except StepError as error:
                yield str(error)


def _module(path: Path, name: str, values: dict[str, object]) -> Iterator[str]:
    """Problems of a revision file; fills in its identifiers."""
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        yield f"{name}:{error.lineno}: {error.msg}"
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
