"""Each bronze table against the source template that it is fed from, in a live catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setu.chain.order import schema_sections
from setu.ingest.source_templates import BRONZE_OWN_COLUMNS, SourceTemplate, read_templates
from tests.v1 import ROOT, connect, query, run

# These files need nothing before them; that every road ends in their catalog has its own tests.
BRONZE_SECTIONS = tuple(
    section
    for section in schema_sections(ROOT)
    if section.file.startswith("schema_new/bronze/Tables/")
    and section.name in ("table", "identity")
)


@pytest.fixture
def v2(database_url: str) -> Iterator[Any]:
    """A database with the bronze tables of v2."""
    connection = connect(database_url)
    try:
        run(connection, "CREATE SCHEMA bronze")
        for section in BRONZE_SECTIONS:
            run(connection, section.text)
        yield connection
    finally:
        connection.close()


def _columns(connection: Any) -> dict[str, list[tuple[str, str, bool]]]:
    """Name, type and NOT NULL of each column of each bronze table ``raw_*``, in order."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for table, name, kind, not_null in query(
        connection,
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'bronze'::regnamespace
          AND c.relkind IN ('r', 'p')
          AND starts_with(c.relname, 'raw_')
          AND a.attnum > 0
          AND NOT a.attisdropped
        ORDER BY c.relname, a.attnum
        """,
    ):
        found.setdefault(table, []).append((name, kind, not_null))
    return found


def _wanted(template: SourceTemplate) -> list[tuple[str, str, bool]]:
    return [
        ("id", "bigint", True),
        ("time", "timestamp with time zone", True),
        *((c.name, c.bronze_type, c.not_null) for c in template.columns),
    ]


def _violations(connection: Any, templates: dict[str, SourceTemplate]) -> list[str]:
    tables = _columns(connection)
    found = [f"{name}: no template" for name in sorted(tables.keys() - templates.keys())]
    found += [f"{name}: no table" for name in sorted(templates.keys() - tables.keys())]
    for name in sorted(tables.keys() & templates.keys()):
        have, want = tables[name], _wanted(templates[name])
        found += [f"{name}: table has {column}" for column in have if column not in want]
        found += [f"{name}: template has {column}" for column in want if column not in have]
        if sorted(have) == sorted(want) and have != want:
            found.append(f"{name}: another order")
    return found


def test_each_bronze_table_is_as_its_template_has_it_and_the_reverse(v2: Any) -> None:
    assert _violations(v2, read_templates()) == []


def test_bronze_draws_its_own_id_and_time(v2: Any) -> None:
    for table in read_templates():
        defaults = query(
            v2,
            "SELECT attname, attidentity::text, pg_get_expr(adbin, adrelid) FROM pg_attribute"
            " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
            " WHERE attrelid = to_regclass('bronze.' || %s) AND attname = ANY (%s)"
            " ORDER BY attnum",
            table,
            list(BRONZE_OWN_COLUMNS),
        )
        assert defaults == [("id", "a", None), ("time", "", "clock_timestamp()")]


@pytest.mark.parametrize(
    ("violation", "named"),
    [
        ("ADD COLUMN extra text", "table has ('extra', 'text', False)"),
        ("DROP COLUMN program_no", "template has ('program_no', 'text', False)"),
        ("ALTER COLUMN std_cycle_time TYPE integer", "table has ('std_cycle_time', 'integer'"),
        ("ALTER COLUMN cycle_start SET NOT NULL", "table has ('cycle_start', "),
        ("RENAME COLUMN cycle_end TO cycle_stop", "template has ('cycle_end', "),
        (
            "DROP COLUMN program_no, ADD COLUMN program_no text",
            "raw_machine_cycles: another order",
        ),
        ("RENAME TO raw_other", "raw_other: no template"),
    ],
)
def test_a_planted_violation_is_found(v2: Any, violation: str, named: str) -> None:
    run(v2, f"ALTER TABLE bronze.raw_machine_cycles {violation}")
    assert any(named in line for line in _violations(v2, read_templates()))


def test_a_template_without_a_table_is_found(v2: Any, tmp_path: Path) -> None:
    (tmp_path / "raw_x.sqlite.sql").write_text("CREATE TABLE raw_x (row_no INTEGER, a TEXT)")
    templates = read_templates() | read_templates(tmp_path)
    assert _violations(v2, templates) == ["raw_x: no table"]
