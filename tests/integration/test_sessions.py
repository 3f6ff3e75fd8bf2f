"""The server, the database and the roles have settings of their own: none changes a result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy import make_url

from setu.catalog import Catalog, differences, render_differences
from setu.db.connection import connected
from setu.db.session_settings import SESSION, role_settings
from setu.errors import PreflightError
from tests.chain import HEAD, Chain, chain_on
from tests.engine_settings import HIDING, other_engine_settings
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session")

#: Settings that somebody may have made on a database or a role, each other than PostgreSQL's own.
HOSTILE = {
    "search_path": "silver, master",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "intervalstyle": "iso_8601",
    "datestyle": "SQL, DMY",
    "timezone": "Pacific/Chatham",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "row_security": "on",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "xmlbinary": "hex",
    "lc_numeric": "C",
    "statement_timeout": "3s",
    "idle_in_transaction_session_timeout": "3s",
    "idle_session_timeout": "3s",
    "lock_timeout": "1ms",
    "jit": "on",
    "jit_above_cost": "0",
    "work_mem": "64kB",
    "client_encoding": "latin1",
    "quote_all_identifiers": "on",
    "client_min_messages": "error",
    "check_function_bodies": "off",
    "exit_on_error": "on",
    "synchronous_commit": "off",
    "plpgsql.variable_conflict": "use_column",
    "session_replication_role": "replica",
}


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        yield chain


def settings_of_database(chain: Chain, settings: dict[str, str]) -> None:
    name = make_url(chain.url).database
    for setting, value in settings.items():
        path = value if setting == "search_path" else f"'{value}'"
        chain.run(f'ALTER DATABASE "{name}" SET {setting} = {path}')


def without_settings(chain: Chain) -> Catalog:
    """The catalog, but for the settings that this test made."""
    found = chain.catalog().objects
    return Catalog({k: fields for k, fields in found.items() if k.kind != "database setting"})


def test_every_setting_that_is_pinned_is_as_pinned_in_a_session(chain: Chain) -> None:
    settings_of_database(chain, HOSTILE)
    with connected(chain.url, "test") as connection:
        rows = connection.exec_driver_sql("SELECT lower(name), setting FROM pg_settings").all()
    found: dict[str, str] = {row[0]: row[1] for row in rows}
    known = {name: value for name, value in SESSION.items() if name in found}
    assert {name: found[name] for name in known} == known
    assert found["search_path"] == "pg_catalog, public, pg_temp"
    assert found["client_encoding"] == "UTF8"
    # Each of these is of some versions only.
    assert not {name for name in set(SESSION) - set(known) if "timescaledb." not in name} - {
        "transaction_timeout"
    }


def test_a_session_loads_the_engine_where_the_database_forbids_it(chain: Chain) -> None:
    chain.upgrade("0001")
    settings_of_database(chain, {"timescaledb.disable_load": "on"})
    with connected(chain.url, "test") as connection:
        assert connection.exec_driver_sql("SHOW timescaledb.license").scalar()


def test_the_roles_of_jobs_and_sinks_work_under_their_own_settings(chain: Chain) -> None:
    chain.upgrade()
    known = {row[0] for row in chain.query("SELECT lower(name) FROM pg_settings")}
    other = {"on": "off", "off": "on", "0": "7s", "": "pg_default"}
    special = {
        "timezone_abbreviations": "India",
        "timescaledb.debug_require_batch_sorted_merge": "forbid",
    }
    pinned = [entry for entry in role_settings() if entry[1] in known]
    hostile = {name: {**HOSTILE, **special}.get(name) or other[value] for _, name, value in pinned}
    settings_of_database(chain, hostile)
    roles = ("setu_ingest", "setu_etl")
    for role in roles:
        chain.run(*(f"ALTER ROLE {role} SET {name} = '{hostile[name]}'" for name in hostile))
    try:
        for role in roles:
            url = make_url(chain.url).set(username=role).render_as_string(hide_password=False)
            with psycopg2.connect(url) as session, session.cursor() as cursor:
                cursor.execute("SELECT lower(name), setting FROM pg_settings")
                found = dict(cursor.fetchall())
            session.close()
            wanted = {name: value for whose, name, value in pinned if whose == role}
            assert {name: found[name] for name in wanted} == wanted
    finally:
        for role in roles:
            chain.run(*(f"ALTER ROLE {role} RESET {name}" for name in hostile))


@pytest.mark.parametrize("name", sorted(HIDING))
def test_a_setting_that_hides_rows_stops_the_way_up(chain: Chain, name: str) -> None:
    engine = other_engine_settings(chain)
    value = engine.get(name)
    only_of_plans = {"timescaledb.enable_columnarscan"}
    if value is None or (
        name in only_of_plans and "timescaledb.enable_transparent_decompression" in engine
    ):
        pytest.skip("in this version it hides nothing")
    chain.upgrade("0101")
    database = make_url(chain.url).database
    settings_of_database(chain, {name: value})
    with pytest.raises(PreflightError) as stopped:
        chain.upgrade("0102")
    assert f"ALTER DATABASE {database} SET {name} = {value}" in str(stopped.value)
    assert "hide rows, or changes of rows" in str(stopped.value)
    assert chain.revision() == "0101"
    # The way down needs no policy and no report.
    chain.downgrade("0001")


def test_no_setting_of_the_database_changes_the_catalog_up_or_down(
    chain: Chain, server: Server
) -> None:
    with chain_on(server) as plain:
        plain.upgrade("0001")
        v1 = plain.catalog()
        plain.upgrade()
        v2 = plain.catalog()
    chain.upgrade("0001")
    engine = other_engine_settings(chain)
    assert len(engine) > 40
    settings_of_database(chain, HOSTILE)
    settings_of_database(chain, {name: engine[name] for name in engine.keys() - HIDING})
    chain.upgrade()
    assert chain.revision() == HEAD
    assert chain.broken() == []
    assert render_differences(differences(v2, without_settings(chain))) == ""
    chain.downgrade("0001")
    assert render_differences(differences(v1, without_settings(chain))) == ""


def test_the_version_table_is_found_whatever_the_path(chain: Chain) -> None:
    chain.upgrade("0101")
    settings_of_database(chain, {"search_path": "silver, master"})
    chain.upgrade("0102")
    assert chain.revision() == "0102"
    assert chain.query(
        "SELECT oid::regclass::text FROM pg_class WHERE relname LIKE '%version%'"
        " AND relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|_time)'"
    ) == [("_setu.version",)]


@pytest.mark.parametrize("rows", [(), ("0104",), ("4f2a", "9c1d")])
def test_the_version_table_of_another_program_is_left_alone(
    chain: Chain, rows: tuple[str, ...]
) -> None:
    chain.run("CREATE TABLE public.alembic_version (version_num varchar(32) PRIMARY KEY)")
    for row in rows:
        chain.run(f"INSERT INTO public.alembic_version VALUES ('{row}')")
    assert chain.revision() is None
    chain.upgrade("0102")
    chain.downgrade("0001")
    assert chain.revision() == "0001"
    assert chain.query("SELECT version_num FROM public.alembic_version ORDER BY 1") == [
        (row,) for row in rows
    ]


def test_an_offline_script_runs_under_the_same_settings(chain: Chain) -> None:
    chain.upgrade("0001")
    settings_of_database(chain, HOSTILE)
    edition = "community" if chain.community else "apache"
    script = subprocess.run(
        [
            *(sys.executable, "-m", "alembic", "-x", f"edition={edition}"),
            *("upgrade", "0001:head", "--sql"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    done = subprocess.run(
        ["psql", "-X", "-q", "-d", chain.url, "-f", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert chain.revision() == HEAD
    assert chain.broken() == []
