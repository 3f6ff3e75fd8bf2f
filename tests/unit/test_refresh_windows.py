"""A refresh whose window has no end hides what comes after it: nobody may advise it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("alembic", "bench", "docs", "schema", "schema_new", "setu", "sql", "tests")
CALL = re.compile(r"refresh_continuous_aggregate\s*\(([^;]*?)(?:\)\s*[;`\"\n]|$)", re.DOTALL)
OPEN_END = re.compile(r",\s*(?:window_end\s*=>\s*)?NULL\s*$", re.IGNORECASE)
# It plants the fault that `setu status` must find.
PLANTED = {"tests/integration/test_status.py", "tests/unit/test_refresh_windows.py"}


def open_refreshes(text: str) -> list[str]:
    """The calls in a text whose window has no end."""
    joined = re.sub(r"\"\s*\n\s*f?\"", "", text)
    return [call for call in CALL.findall(joined) if OPEN_END.search(call)]


def test_no_code_document_or_test_refreshes_with_an_open_end() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {call}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".md", ".py", ".sql") and "node_modules" not in path.parts
        if path.relative_to(ROOT).as_posix() not in PLANTED
        for call in open_refreshes(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_an_open_end_is_seen_however_it_is_written() -> None:
    assert open_refreshes("CALL refresh_continuous_aggregate('gold.a', NULL, NULL);")
    assert open_refreshes("`CALL\nrefresh_continuous_aggregate('gold.…', NULL, NULL)` does it")
    assert open_refreshes("CALL refresh_continuous_aggregate('a', NULL, window_end => null);")
    assert open_refreshes('"CALL refresh_continuous_aggregate(\'a\', now(),"\n  " NULL)"')
    assert not open_refreshes(
        "CALL refresh_continuous_aggregate('a', NULL, now() - INTERVAL '1 h');"
    )
