"""``setu catch-up``: v2 follows v1's changes in the days before the swap."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FLEET = FleetSize(companies=1, plants=1, machines=2, days=3, cycles_per_machine_day=4)


@pytest.fixture(scope="module")
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        yield chain


def catch_up(chain: Chain) -> tuple[int, str]:
    """Exit code, and what the command says."""
    done = subprocess.run(
        [sys.executable, "-m", "setu.cli.main", "catch-up"],
        env={**os.environ, "DATABASE_URL": chain.url, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_before_the_backfill_it_says_what_to_do_first(chain: Chain) -> None:
    code, said = catch_up(chain)
    assert code == 1
    assert "nothing to catch up with at revision 0001" in said
    assert "Run `alembic upgrade 0106` first" in said


def test_it_brings_to_v2_what_v1_has_changed(chain: Chain) -> None:
    chain.upgrade("0106")
    chain.run(
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id, program_no)"
        " SELECT now() - n * interval '1 minute', 'COMP-01', 'CNC-00001',"
        " 'NEW' FROM generate_series(1, 50) AS n"
    )
    count = "SELECT count(*) FROM _stage.machine_cycles WHERE program_no = 'NEW'"
    assert chain.value(count) == 0
    code, said = catch_up(chain)
    assert code == 0, said
    assert "v2 has followed 50 notes on changes of v1" in said
    assert chain.value(count) == 50
    assert chain.value("SELECT _stage.count_notes()") == 0


def test_no_noted_key_is_compared_with_each_row_of_a_chunk_without_statistics(
    chain: Chain,
) -> None:
    """A pass reads its notes some times over, and not once for each row that v1 has."""
    keys = 4000
    chain.run(
        "ALTER TABLE silver.machine_cycles SET (autovacuum_enabled = false)",
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
        " SELECT timestamptz '2026-02-02' + n * interval '1 s', 'COMP-01', 'CNC-00001'"
        f" FROM generate_series(1, {keys}) AS n",
    )
    with chain.session() as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT _stage.migrate_noted()")
            assert cursor.fetchall() == [(keys,)]
            cursor.execute(
                "SELECT s.seq_tup_read FROM pg_stat_xact_all_tables AS s"
                " WHERE s.schemaname = '_stage' AND s.relname = 'noted_keys'"
            )
            [(read,)] = cursor.fetchall()
        connection.commit()
    chain.run("ALTER TABLE silver.machine_cycles RESET (autovacuum_enabled)")
    assert read < 100 * keys


OLD = LAST_MIDNIGHT - timedelta(days=60)
#: v2's chunks of cycles that hold old rows, and whether they are compressed.
CHUNKS = (
    "SELECT format('%I.%I', c.chunk_schema, c.chunk_name), c.is_compressed"
    " FROM timescaledb_information.chunks AS c"
    " WHERE c.hypertable_schema = '_stage' AND c.hypertable_name = 'machine_cycles'"
    f" AND c.range_start <= '{OLD}' AND c.range_end > '{OLD}'"
)


@pytest.fixture(scope="module")
def large(server: Server) -> Iterator[Chain]:
    """Before the swap, with a chunk of old rows of two machines."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        for machine, rows in (("CNC-00001", 20_000), ("CNC-00002", 300)):
            chain.run(
                "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
                f" SELECT '{OLD}'::timestamptz + n * interval '1 s', 'COMP-01', '{machine}'"
                f" FROM generate_series(1, {rows}) AS n"
            )
        chain.upgrade("0106")
        yield chain


@pytest.mark.requires("community")
def test_only_the_machine_that_v1_changed_is_decompressed(large: Chain) -> None:
    [(chunk, compressed)] = large.query(CHUNKS)
    assert compressed
    old = f"cycle_start BETWEEN '{OLD}' AND '{OLD + timedelta(days=1)}'"
    large.run(
        f"DELETE FROM silver.machine_cycles WHERE machine_id = 'CNC-00002' AND {old}",
        "CALL _stage.catch_up()",
    )
    with large.session() as connection, connection.cursor() as cursor:
        cursor.execute("SET timescaledb.enable_transparent_decompression = off")
        cursor.execute(f"SELECT count(*) FROM ONLY {chunk}")
        assert cursor.fetchall() == [(0,)]
    assert large.value(f"SELECT count(*) FROM _stage.machine_cycles WHERE {old}") == 20_000


def test_no_chunk_of_v2_is_read_for_a_changed_key(large: Chain) -> None:
    """Rows are read some times over, and not all of a chunk for each of them."""
    keys = 1500
    # As a chunk is that rows have come into since it was compressed.
    large.run(
        f"UPDATE _stage.machine_cycles SET program_no = '' WHERE cycle_start < '{OLD}'::timestamptz"
        " + interval '1 day'",
        "ANALYZE _stage.machine_cycles, silver.machine_cycles",
        "UPDATE silver.machine_cycles SET program_no = 'corrected' WHERE machine_id = 'CNC-00001'"
        f" AND cycle_start BETWEEN '{OLD + timedelta(seconds=1)}'"
        f" AND '{OLD + timedelta(seconds=keys)}'",
    )
    with large.session() as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT _stage.follow_chunks()")
            cursor.execute("SELECT _stage.migrate_noted()")
            cursor.execute(
                "SELECT sum(s.seq_tup_read + coalesce(s.idx_tup_fetch, 0))"
                " FROM pg_stat_xact_all_tables AS s WHERE s.schemaname LIKE '\\_timescaledb\\_int%'"
            )
            [(read,)] = cursor.fetchall()
        connection.commit()
    assert keys < read < 100 * keys
    corrected = "SELECT count(*) FROM _stage.machine_cycles WHERE program_no = 'corrected'"
    assert large.value(corrected) == keys


def test_after_the_swap_it_says_that_v2_is_live(chain: Chain) -> None:
    chain.upgrade("0107")
    code, said = catch_up(chain)
    assert code == 1
    assert "v2 is live" in said
