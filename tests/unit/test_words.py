"""Names that were replaced by the field's own do not come back, in any file, name or message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The former name, and what to write.
RETIRED = {
    r"hurtful|rows that hurt": "edge cases",
    r"row_accounts?|read_accounts?": "reconciliation",
    r"carry_back|carried_back|carr(?:y|ies|ied) (?:rows?|back)": "migrate, migrate back",
    r"as_v1": "to_v1",
    r"judged?|judg(?:es|ing|ement)": "validate, check, assess",
    r"walled": "localized",
    r"short way|long way": "fast path, slow path",
    r"mend(?:s|ed|ing)?": "correct, fix",
    r"set(?:s|ting)? aside|set_aside": "quarantine, reject",
    r"handover": "what it does",
    r"whoever|nobody would": "a subject, then a verb",
    r"work(?:s|ed|ing)? (?:out anew|off)|worked out": "compute, process",
}
FOLDERS = ("setu", "sql", "schema_new", "alembic", "docs", "tests", "bench", "deploy")


def _files() -> list[Path]:
    found = list(ROOT.glob("*.md"))
    for folder in FOLDERS:
        found += [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".sql", ".md")]
    return [path for path in sorted(found) if "node_modules" not in path.parts]


@pytest.mark.parametrize("former", RETIRED)
def test_a_retired_name_is_not_used_again(former: str) -> None:
    word = re.compile(rf"(?<![A-Za-z])(?:{former})(?![a-z])", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if word.search(line)
    ]
    assert found == [], f"write: {RETIRED[former]}"
