"""The fixtures that all other tests stand on."""

from __future__ import annotations

import contextlib
import time

import psycopg2
import pytest
from sqlalchemy import Connection, text

from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server


def test_database_is_empty_and_has_the_extension(connection: Connection) -> None:
    assert connection.scalar(
        text("SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'")
    )
    assert not connection.scalar(
        text("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'left_by_a_test'")
    )
    connection.execute(text("CREATE TABLE public.left_by_a_test (id integer)"))
    connection.commit()


test_second_database_is_empty_too = test_database_is_empty_and_has_the_extension


def test_session_starts_with_the_default_path(connection: Connection) -> None:
    assert connection.scalar(text("SHOW search_path")) == '"$user", public'


def test_connection_can_work_in_autocommit(connection: Connection) -> None:
    work = connection.execution_options(isolation_level="AUTOCOMMIT")
    work.execute(text("CREATE PROCEDURE public.p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'"))
    work.execute(text("CALL public.p()"))


@pytest.mark.requires("community")
def test_community_capability_means_that_compression_works(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE public.h (at timestamptz NOT NULL)"))
    connection.execute(text("SELECT public.create_hypertable('public.h', 'at')"))
    connection.execute(text("ALTER TABLE public.h SET (timescaledb.compress)"))


@pytest.mark.requires("multi_session")
def test_multi_session_capability_means_that_two_clients_work(
    database_url: str, connection: Connection
) -> None:
    with contextlib.closing(psycopg2.connect(database_url)) as second, second.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
        assert row is not None
        assert row[0] != connection.scalar(text("SELECT pg_backend_pid()"))


@pytest.mark.requires("scheduler")
def test_scheduler_capability_implies_community_and_native(server: Server) -> None:
    assert {"community", "native", "multi_session"} <= server.capabilities


@pytest.mark.requires("scheduler")
@pytest.mark.parametrize("scheduler", [False, True], ids=["off", "on"])
def test_a_job_starts_by_itself_only_where_a_test_asks_for_it(
    server: Server, scheduler: bool
) -> None:
    with chain_on(server, scheduler=scheduler) as chain:
        chain.upgrade("0001")
        # Two years old: v1's retention drops it when it first runs.
        chain.run(
            "INSERT INTO master.companies (company_id, company_name) VALUES ('A', 'A')",
            "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'A')",
            "INSERT INTO master.machine_info"
            " (machine_id, company_id, plant_id, device_id, iot_id)"
            " VALUES ('M', 'A', 'P', 'G', '1')",
            "INSERT INTO silver.machine_cycles (company_id, machine_id, cycle_start)"
            " VALUES ('A', 'M', now() - INTERVAL '2 years')",
            "SELECT public.alter_job(job_id, next_start => now()) FROM"
            " timescaledb_information.jobs WHERE hypertable_name = 'machine_cycles'",
        )
        deadline = time.monotonic() + (60 if scheduler else 3)
        while time.monotonic() < deadline and (kept := _cycles(chain)) == 1:
            time.sleep(0.2)
        assert kept == (0 if scheduler else 1)


def _cycles(chain: Chain) -> int:
    found = chain.value("SELECT count(*) FROM silver.machine_cycles")
    assert isinstance(found, int)
    return found
