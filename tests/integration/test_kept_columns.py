"""A column that a revision drops comes back with each of its values."""

from __future__ import annotations

import pytest

from tests.v1 import ROOT, run_all

FUNCTIONS = [
    (ROOT / f"schema_new/_etl/Functions/fn_{name}_column.sql").read_text(encoding="utf-8")
    for name in ("keep", "restore")
]
LONG = "seconds_between_the_last_two_readings"
#: Each column of ``odd.t``: its type with what follows, and the values of two rows.
COLUMNS = {
    "a default": ("c", "text DEFAULT 'viewer'", ("'admin'", "NULL")),
    "an enum that goes with it": ("c", "odd.mood", ("'glad'", "NULL")),
    "an array of it": ("c", "odd.mood[]", ("'{glad,sad}'", "'{}'")),
    "a domain": ("c", "odd.few", ("7", "NULL")),
    "a length": ("c", "varchar(3)", ("'abc'", "NULL")),
    "a number": ("c", "numeric(12, 3)", ("0.125", "'NaN'")),
}


@pytest.fixture
def url(database_url: str) -> str:
    """A database with the two functions, and a schema of its own."""
    run_all(database_url, "CREATE SCHEMA _etl", "CREATE SCHEMA _archive", "CREATE SCHEMA odd")
    run_all(database_url, *FUNCTIONS)
    return database_url


@pytest.mark.parametrize(("column", "kind", "values"), COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_comes_back_with_each_value(
    url: str, column: str, kind: str, values: tuple[str, str]
) -> None:
    types = (
        "CREATE TYPE odd.mood AS ENUM ('glad', 'sad')",
        "CREATE DOMAIN odd.few AS integer CHECK (VALUE < 9)",
    )
    add = f"ALTER TABLE odd.t ADD COLUMN {column} {kind}"
    run_all(url, *types, "CREATE TABLE odd.t (id integer)", add)
    run_all(url, "INSERT INTO odd.t VALUES (1, {}), (2, {})".format(*values))
    before = run_all(url, "SELECT t::text FROM odd.t AS t ORDER BY id")
    run_all(
        url,
        f"SELECT _etl.fn_keep_column('odd.t', '{column}', 'id')",
        f"ALTER TABLE odd.t DROP COLUMN {column}",
        "DROP TYPE odd.mood",
        "DROP DOMAIN odd.few",
    )
    run_all(url, *types, add, f"SELECT _etl.fn_restore_column('odd.t', '{column}', 'id')")
    assert run_all(url, "SELECT t::text FROM odd.t AS t ORDER BY id") == before
    assert run_all(url, "SELECT 1 FROM pg_tables WHERE schemaname = '_archive'") == []


def test_columns_whose_names_begin_alike_are_kept_apart(url: str) -> None:
    columns = {
        ("odd", "a_table_with_a_name_of_its_own"): [f"{LONG}_least", f"{LONG}_most"],
        ("_etl", "a_table_with_a_name_of_its_own"): [f"{LONG}_least"],
    }
    for (schema, table), names in columns.items():
        listed = ", ".join(f"{name} text DEFAULT '{schema} {name}'" for name in names)
        run_all(url, f"CREATE TABLE {schema}.{table} (id integer, {listed})")
        run_all(url, f"INSERT INTO {schema}.{table} (id) VALUES (1)")
    for (schema, table), names in columns.items():
        for name in names:
            run_all(url, f"SELECT _etl.fn_keep_column('{schema}.{table}', '{name}', 'id')")
            run_all(url, f"UPDATE {schema}.{table} SET {name} = NULL")
    for (schema, table), names in columns.items():
        for name in names:
            run_all(url, f"SELECT _etl.fn_restore_column('{schema}.{table}', '{name}', 'id')")
            assert run_all(url, f"SELECT {name} FROM {schema}.{table}") == [(f"{schema} {name}",)]


@pytest.mark.requires("community")
def test_text_of_compressed_chunks_is_kept_as_it_is(url: str) -> None:
    """CREATE TABLE AS over them mixes the text of neighbours (TimescaleDB #10585)."""
    run_all(
        url,
        "CREATE EXTENSION IF NOT EXISTS timescaledb",
        "CREATE TABLE odd.t (m integer, at timestamptz NOT NULL, part text, word text)",
        "SELECT create_hypertable('odd.t', 'at')",
        "ALTER TABLE odd.t SET (timescaledb.compress, timescaledb.compress_segmentby = 'm',"
        " timescaledb.compress_orderby = 'at')",
        "INSERT INTO odd.t SELECT m, '2026-01-01 00:00+00'::timestamptz + n * interval '1 min',"
        " (ARRAY['a', 'abcdefgh', '', 'abc'])[1 + (n * 7 + m) % 4], 'word ' || n"
        " FROM generate_series(1, 20) AS m, generate_series(1, 50) AS n",
    )
    rows = "SELECT m, at, part, word FROM {} ORDER BY m, at"
    before = run_all(url, rows.format("odd.t"))
    run_all(url, "SELECT compress_chunk(c) FROM show_chunks('odd.t') AS c")
    run_all(url, "SELECT _etl.fn_keep_column('odd.t', 'word', 'm', 'at', 'part')")
    assert run_all(url, rows.format("_archive.kept_odd_t_word")) == before
