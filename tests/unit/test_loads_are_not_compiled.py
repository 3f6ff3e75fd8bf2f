"""The plans of a batch look expensive, and take longer to compile (JIT) than to run."""

from __future__ import annotations

import re

import pytest

from setu.chain.repository import repository_root

FUNCTIONS = repository_root() / "schema_new/_etl/Functions"
QUERIES = re.compile(
    r"(?:FROM|JOIN) (?:bronze\.|silver\.|_etl\.rejected_rows|_etl\.corrections)|\bQUERY EXECUTE "
)
#: It returns the statement that fn_load_rows runs.
WRITES_TEXT = "fn_load_statement"


def called_by_a_batch() -> dict[str, str]:
    """The functions of ``_etl`` that a batch calls, also through others, with their text."""
    found: dict[str, str] = {}
    waiting = ["fn_run_batch"]
    while waiting:
        name = waiting.pop()
        path = FUNCTIONS / f"{name}.sql"
        if name not in found and path.exists():
            found[name] = path.read_text(encoding="utf-8")
            waiting += re.findall(r"_etl\.(fn_\w+)\(", found[name])
    return found


BATCH = called_by_a_batch()


READS_ROWS = sorted(
    name for name, text in BATCH.items() if QUERIES.search(text) and name != WRITES_TEXT
)


@pytest.mark.parametrize("name", READS_ROWS)
def test_a_function_that_a_batch_calls_over_many_rows_is_not_compiled(name: str) -> None:
    text = BATCH[name]
    # One without settings is inlined into the function that calls it.
    assert "SET jit = off" in text or not re.search(r"^SET \w", text, re.MULTILINE), name


def test_the_loads_of_all_facts_are_among_them() -> None:
    assert READS_ROWS == [
        "fn_disputed_machines",
        "fn_load_new_cycles",
        "fn_load_other_cycles",
        "fn_load_rows",
        "fn_next_cycles",
    ]
