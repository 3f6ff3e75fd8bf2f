"""Hints are alike in form: an imperative that begins with a capital and has no full stop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LITERALS = r"(?:'(?:[^']|'')*'\s*)+"
_SQL_HINT = re.compile(rf"HINT = (?:format\(\s*)?({_LITERALS})")


def _of_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("hint", "next_step"):
            value = node.value
            for part in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.JoinedStr):
                    yield "".join(
                        str(p.value) if isinstance(p, ast.Constant) else "X" for p in part.values
                    )


def _of_sql(path: Path) -> Iterator[str]:
    for match in _SQL_HINT.finditer(path.read_text(encoding="utf-8")):
        yield re.sub(r"'\s*\n\s*'", "", match[1].strip())[1:-1]


def _misformed(hint: str) -> bool:
    return hint.rstrip().endswith(".") or hint[:1].islower()


def test_hints_begin_with_a_capital_and_have_no_full_stop() -> None:
    hints = [
        (path.relative_to(ROOT), hint)
        for folder, suffix, read in (
            ("setu", ".py", _of_python),
            ("setu", ".py", _of_sql),
            ("setu", ".sql", _of_sql),
            ("sql", ".sql", _of_sql),
            ("schema_new", ".sql", _of_sql),
        )
        for path in sorted((ROOT / folder).rglob(f"*{suffix}"))
        if "node_modules" not in path.parts
        for hint in read(path)
        if hint
    ]
    assert len(hints) > 200
    assert [f"{path}: {hint}" for path, hint in hints if _misformed(hint)] == []


def test_a_misformed_hint_is_found() -> None:
    assert _misformed("Run it again.")
    assert _misformed("run it again")
    assert not _misformed("Run it again")
