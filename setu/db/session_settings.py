"""The session settings that every connection, job and role of SETU runs under.

A server, a database and a role may have settings of their own: a search path, ``DateStyle``, an
isolation level, timeouts. Those that could change a result, or end a long step, are fixed here and
nowhere else: ``apply_stable_settings`` for a connection, ``role_settings`` for the roles that
``0302`` makes, ``stable_settings_sql`` for a script. ``stable_settings`` sets what decides how
values print, for snapshots and fingerprints, and leaves no trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, text

STABLE_SETTINGS: Final[Mapping[str, str]] = {
    "search_path": "pg_catalog",
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "xmlbinary": "base64",
}

#: What any session of SETU runs under, whatever was set on the server, the database or the role. A
#: setting that this server does not know, or that this role may not change, is left as it is:
#: pre-flight says so where it matters.
SESSION: Final[Mapping[str, str]] = {
    # How values are read and written.
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "timezone_abbreviations": "Default",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmlbinary": "base64",
    "xmloption": "content",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "escape_string_warning": "on",
    "backslash_quote": "safe_encoding",
    "quote_all_identifiers": "off",
    "lc_numeric": "C",
    "lc_monetary": "C",
    "lc_time": "C",
    # What statements mean.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "transform_null_equals": "off",
    "check_function_bodies": "on",
    "plpgsql.variable_conflict": "error",
    "plpgsql.check_asserts": "on",
    "session_replication_role": "origin",
    "gin_fuzzy_search_limit": "0",
    "exit_on_error": "off",
    # Fails instead of leaving out rows that a policy hides.
    "row_security": "off",
    # Whether rows of the column store are seen, and can be changed. The first was renamed to the
    # second after 2.24.
    "timescaledb.enable_transparent_decompression": "on",
    "timescaledb.enable_columnarscan": "on",
    "timescaledb.enable_dml_decompression": "on",
    "timescaledb.enable_tiered_reads": "on",
    "timescaledb.read_legacy_bloom1_v1": "off",
    # Whether aggregates learn what changed, and references see all chunks.
    "timescaledb.skip_cagg_invalidation": "off",
    "timescaledb.enable_foreign_key_propagation": "on",
    # Experiments, some of which believe what a client says of its rows.
    "timescaledb.enable_direct_compress_copy": "off",
    "timescaledb.enable_direct_compress_copy_client_sorted": "off",
    "timescaledb.enable_direct_compress_insert": "off",
    "timescaledb.enable_direct_compress_insert_client_sorted": "off",
    "timescaledb.enable_direct_compress_on_cagg_refresh": "off",
    "timescaledb.default_hypercore_use_access_method": "off",
    # Fails where a plan has not what it asks for.
    "timescaledb.debug_require_batch_sorted_merge": "allow",
    # Where new objects go.
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
    # What ends a statement, a transaction or a session. Waits for locks have a bound of their own.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}

ROLES: Final = ("setu_ingest", "setu_etl", "setu_reader", "setu_admin")
#: Of these, what the roles of SETU need in sessions that SETU does not open: jobs, sinks.
_ROLE_SETTINGS: Final = (
    "datestyle",
    "intervalstyle",
    "timezone",
    "timezone_abbreviations",
    "bytea_output",
    "extra_float_digits",
    "standard_conforming_strings",
    "array_nulls",
    "default_transaction_isolation",
    "default_transaction_deferrable",
    "transform_null_equals",
    "default_tablespace",
    "quote_all_identifiers",
)
#: Of a role that writes: rows are stored as they come.
_WRITER_SETTINGS: Final = (
    "timescaledb.disable_load",
    "timescaledb.enable_direct_compress_copy",
    "timescaledb.enable_direct_compress_copy_client_sorted",
    "timescaledb.enable_direct_compress_insert",
    "timescaledb.enable_direct_compress_insert_client_sorted",
)
#: A job sees and changes what is compressed, and is bounded by its own run time.
_JOB_SETTINGS: Final = (
    "timescaledb.enable_transparent_decompression",
    "timescaledb.enable_columnarscan",
    "timescaledb.enable_dml_decompression",
    "timescaledb.enable_tiered_reads",
    "timescaledb.read_legacy_bloom1_v1",
    "timescaledb.skip_cagg_invalidation",
    "timescaledb.enable_foreign_key_propagation",
    "timescaledb.debug_require_batch_sorted_merge",
    "statement_timeout",
    "transaction_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)
#: And calls nothing of somebody else's.
JOB_SEARCH_PATH: Final = "pg_catalog, pg_temp"

# Only pg_catalog and the schema of the extension: an object of somebody else's has no say. pg_temp
# stands last, or a temporary table would come before all.
_SEARCH_PATH: Final = """
SELECT pg_catalog.concat_ws(
    ', ',
    'pg_catalog',
    (
        SELECT pg_catalog.quote_ident(n.nspname)
        FROM pg_catalog.pg_extension AS e
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb' AND n.nspname <> 'pg_catalog'
    ),
    'pg_temp'
)"""
# Of two, since an operator of the second could be somebody else's before the first. The library of
# TimescaleDB is loaded at the next one, unless a setting forbids that.
_FIRST: Final = """\
SELECT pg_catalog.set_config('search_path', 'pg_catalog', false);
SELECT pg_catalog.set_config(s.name, 'off', false)
FROM pg_catalog.pg_settings AS s
WHERE s.name = 'timescaledb.disable_load';"""
# One that may not be changed (session_replication_role, but for superusers) is left out.
_CHANGEABLE: Final = """
SELECT s.name, w.value
FROM pg_catalog.jsonb_each_text({settings}::pg_catalog.jsonb) AS w (name, value)
INNER JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) = w.name
WHERE s.context = 'user' OR pg_catalog.has_parameter_privilege(s.name, 'SET')"""
_OLDEST_WITH_PARAMETER_PRIVILEGES: Final = 150_000


def apply_stable_settings(driver: Any) -> None:
    """Put a psycopg2 connection under ``SESSION`` for its life.

    The connection must be in no transaction; it is in none afterwards.
    """
    changeable = _CHANGEABLE.format(settings="%s")
    if driver.server_version < _OLDEST_WITH_PARAMETER_PRIVILEGES:
        changeable = changeable.partition(" OR ")[0]
    before = driver.autocommit
    driver.autocommit = True
    try:
        with driver.cursor() as cursor:
            cursor.execute(_FIRST)
            # Its settings are there once it is loaded.
            cursor.execute("DO LANGUAGE plpgsql $$ BEGIN END $$")
            cursor.execute(
                "SELECT pg_catalog.set_config(c.name, c.value, false)"
                f" FROM ({changeable}) AS c (name, value)",
                (json.dumps(dict(SESSION)),),
            )
            cursor.execute(f"SELECT pg_catalog.set_config('search_path', ({_SEARCH_PATH}), false)")
    finally:
        driver.autocommit = before


def role_settings() -> list[tuple[str, str, str]]:
    """What SETU's roles are set to in a database: role, setting, value, as ``roles.sql`` has it."""
    more = {
        "setu_ingest": _WRITER_SETTINGS,
        "setu_etl": (*_WRITER_SETTINGS, *_JOB_SETTINGS),
    }
    values = {**SESSION, "timescaledb.disable_load": "off", "lock_timeout": "0"}
    return [
        (role, name, values[name])
        for role in ROLES
        for name in (*_ROLE_SETTINGS, *more.get(role, ()))
    ]


def stable_settings_sql() -> str:
    """The same as :func:`apply_stable_settings`, as a statement for an offline script."""
    settings = "'" + json.dumps(dict(SESSION)).replace("'", "''") + "'"
    return f"""{_FIRST}
DO $setu$
BEGIN
    PERFORM pg_catalog.set_config(c.name, c.value, false)
    FROM ({_CHANGEABLE.format(settings=settings)}) AS c (name, value);
    PERFORM pg_catalog.set_config('search_path', ({_SEARCH_PATH}), false);
END
$setu$;"""


@contextmanager
def stable_settings(
    connection: Connection, extra: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Fix the session settings that decide how values print, for the time of the block.

    The block is for reading only: it ends with a rollback, of a savepoint where the connection is
    in a transaction, else of a transaction of its own. Works on an autocommit connection as well.

    :param extra: more settings to make, by name.
    """
    settings = {**STABLE_SETTINGS, **(extra or {})}
    if connection.in_transaction() and not _autocommits(connection):
        scope = ("SAVEPOINT setu_settings", "ROLLBACK TO SAVEPOINT setu_settings")
        ends_transaction = False
    elif _autocommits(connection):
        scope = ("BEGIN", "ROLLBACK")
        ends_transaction = not connection.in_transaction()
    else:
        scope = ("", "")
        ends_transaction = True
    if scope[0]:
        connection.exec_driver_sql(scope[0])
    try:
        connection.execute(
            text(
                "SELECT pg_catalog.set_config(s.name, s.value, true)"
                " FROM unnest(CAST(:names AS text[]), CAST(:settings AS text[]))"
                " AS s (name, value)"
            ),
            {"names": list(settings), "settings": list(settings.values())},
        )
        yield
    finally:
        if scope[1]:
            connection.exec_driver_sql(scope[1])
        if scope[0].startswith("SAVEPOINT"):
            connection.exec_driver_sql("RELEASE SAVEPOINT setu_settings")
        if ends_transaction:
            connection.rollback()


def _autocommits(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "autocommit", False))
