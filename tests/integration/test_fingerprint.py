"""Row fingerprints: what they tell apart, and what they do not see."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from setu.catalog.fingerprint import (
    RowFingerprint,
    TableDifference,
    UnknownTableError,
    fingerprint,
    fingerprint_differences,
    sample_rows,
)


def one(
    connection: Connection, table: str = "public.t", *, by_name: bool = False
) -> RowFingerprint:
    return fingerprint(connection, tables=[table], by_name=by_name)[table]


def test_physical_order_does_not_count_and_duplicates_do(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE public.t (a integer); INSERT INTO t VALUES (1), (2)")
    first = one(connection)
    connection.exec_driver_sql("TRUNCATE t; INSERT INTO t VALUES (2), (1)")
    assert one(connection) == first
    connection.exec_driver_sql("INSERT INTO t VALUES (2)")
    twice = one(connection)
    assert twice.rows == 3
    assert twice.digest != first.digest
    connection.exec_driver_sql("TRUNCATE t; INSERT INTO t VALUES (1), (1), (2)")
    assert one(connection).digest != twice.digest


@pytest.mark.parametrize(
    ("column_type", "left", "right"),
    [
        ("text", "NULL", "''"),
        ("text", "'a'", "'a '"),
        ("text", "'a,b'", "'a\"b'"),
        ("double precision", "0.1", "0.10000000000000002"),
        ("double precision", "'NaN'", "NULL"),
        ("double precision", "'-0'", "0"),
        ("double precision", "'Infinity'", "'-Infinity'"),
        ("numeric", "1.0", "1.00"),
        ("jsonb", "'{\"a\": 1}'", '\'{"a": "1"}\''),
        ("jsonb", "'null'", "NULL"),
        (
            "timestamptz",
            "'2022-08-08 13:51:36.771+00'",
            "'2022-08-08 13:51:36.771001+00'",
        ),
        ("bytea", "'\\x00'", "'\\x0000'"),
        ("text[]", "'{}'", "'{NULL}'"),
    ],
)
def test_values_that_differ_are_told_apart(
    connection: Connection, column_type: str, left: str, right: str
) -> None:
    connection.exec_driver_sql(
        f"CREATE TABLE public.t (a {column_type}); INSERT INTO t VALUES ({left})"
    )
    first = one(connection)
    connection.exec_driver_sql(f"TRUNCATE t; INSERT INTO t VALUES ({right})")
    assert one(connection) != first
    connection.exec_driver_sql(f"TRUNCATE t; INSERT INTO t VALUES ({left})")
    assert one(connection) == first


def test_neighbouring_columns_do_not_run_together(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (a text, b text); INSERT INTO t VALUES ('x', 'yz')"
    )
    first = one(connection)
    connection.exec_driver_sql("UPDATE t SET a = 'xy', b = 'z'")
    assert one(connection) != first


def test_session_settings_do_not_matter(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (at timestamptz, x double precision, gap interval);"
        "INSERT INTO t VALUES ('2022-08-08 13:51:36.771+00', 1.0 / 3, '1 day 02:03')"
    )
    first = one(connection)
    connection.exec_driver_sql(
        "SET LOCAL timezone = 'Asia/Kolkata'; SET LOCAL datestyle = 'German';"
        "SET LOCAL extra_float_digits = -10; SET LOCAL intervalstyle = iso_8601"
    )
    assert one(connection) == first


def test_order_of_columns_counts_unless_taken_by_name(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (a integer, b integer); INSERT INTO t VALUES (1, 2);"
        "CREATE TABLE public.u (b integer, a integer); INSERT INTO u VALUES (2, 1)"
    )
    assert one(connection) != one(connection, "public.u")
    assert one(connection, by_name=True) == one(connection, "public.u", by_name=True)


def test_hypertable_has_the_fingerprint_of_the_table_it_was(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (at timestamptz NOT NULL, a integer);"
        "INSERT INTO t SELECT g, 1 FROM generate_series("
        "'2022-08-01 00:00+00'::timestamptz, '2022-08-30', '6 hours') AS g"
    )
    first = one(connection)
    connection.exec_driver_sql("SELECT create_hypertable('public.t', 'at', migrate_data => true)")
    assert one(connection) == first
    assert set(fingerprint(connection)) == {"public.t"}


@pytest.mark.requires("community")
def test_compressed_chunks_have_the_same_fingerprint(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (at timestamptz NOT NULL, a integer, x double precision);"
        "SELECT create_hypertable('public.t', 'at');"
        "INSERT INTO t SELECT g, extract(hour FROM g), random() FROM generate_series("
        "'2022-08-01 00:00+00'::timestamptz, '2022-08-30', '1 hour') AS g;"
        "ALTER TABLE t SET (timescaledb.compress, timescaledb.compress_segmentby = 'a',"
        " timescaledb.compress_orderby = 'at')"
    )
    first = one(connection)
    connection.exec_driver_sql("SELECT compress_chunk(c) FROM show_chunks('public.t') AS c")
    assert one(connection) == first


def test_empty_table_and_empty_database(connection: Connection) -> None:
    assert fingerprint(connection) == {}
    connection.exec_driver_sql("CREATE TABLE public.t (a integer)")
    assert one(connection).rows == 0


def test_archive_and_version_table_are_left_out_and_schemas_can_be_chosen(
    connection: Connection,
) -> None:
    connection.exec_driver_sql(
        "CREATE SCHEMA _archive; CREATE TABLE _archive.kept (i integer);"
        "CREATE TABLE public.alembic_version (version_num text);"
        'CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T%s" ("A b" integer);'
        "CREATE TABLE public.t (a integer)".replace("%", "%%")
    )
    names = set(fingerprint(connection))
    assert "public.t" in names
    assert len(names) == 2
    assert set(fingerprint(connection, schemas=["public"])) == {"public.t"}


def test_unknown_table_is_named(connection: Connection) -> None:
    with pytest.raises(UnknownTableError, match=r"public\.nowhere"):
        fingerprint(connection, tables=["public.nowhere"])


def test_differences_say_which_table_and_by_how_many_rows(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (a integer); INSERT INTO t VALUES (1), (2);"
        "CREATE TABLE public.same (a integer)"
    )
    before = fingerprint(connection)
    connection.exec_driver_sql("INSERT INTO t VALUES (3); CREATE TABLE public.new (a integer)")
    after = fingerprint(connection)
    found = fingerprint_differences(before, after)
    assert [difference.render() for difference in found] == [
        "public.new: unexpected (0 rows)",
        "public.t: 2 rows expected, 3 found (+1)",
    ]
    same_count = TableDifference("t", RowFingerprint(1, "a"), RowFingerprint(1, "b"))
    assert same_count.render() == "t: 1 rows in both, with other values"


def test_sample_rows_are_those_that_only_one_side_has(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE public.t (a integer, b text);"
        "INSERT INTO t VALUES (1, ''), (1, ''), (2, NULL);"
        "CREATE TABLE public.u (b text, a integer); INSERT INTO u VALUES ('', 1), ('z', 3)"
    )
    assert sample_rows(connection, "public.t", "public.u") == (['(1,"")', "(2,)"], ["(3,z)"])
