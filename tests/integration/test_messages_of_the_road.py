"""What a run says on its way up and down is so: each line is held against the rows."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from setu.cli.main import app, load_commands
from setu.errors import SetuError
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")

FLEET = FleetSize(companies=1, plants=1, machines=2, days=3, cycles_per_machine_day=200)
UNTIL = LAST_MIDNIGHT
BEFORE = f"{UNTIL - timedelta(days=9):%Y-%m-%d}"
#: In a chunk that has rows, so that a comparison of its rows would find it.
TOO_MUCH_AT = f"{UNTIL - timedelta(days=2):%Y-%m-%d} 13:14:15+00"
TOO_MUCH = (
    "INSERT INTO silver.machine_energy (time, company_id, machine_id, total_energy)"
    f" SELECT '{TOO_MUCH_AT}', m.company_id, m.machine_id, 1e300 FROM master.machine_info AS m"
    " LIMIT 1"
)
UNNOTICED = (
    "INSERT INTO silver.machine_alarms (time, company_id, machine_id, alarm_no)"
    f" SELECT '{UNTIL - timedelta(hours=30)}', m.company_id, m.machine_id, 'unnoticed'"
    " FROM master.machine_info AS m LIMIT 1"
)
#: Under v2, for each of the two machines.
ARRIVED = (
    "INSERT INTO silver.machine_alarms"
    " (logical_date, company_iot_id, machine_iot_id, shift_id, event_time, alarm_no)"
    f" SELECT '{BEFORE}', m.company_iot_id, m.iot_id, 0, '{BEFORE}Z', 'new under v2'"
    " FROM master.machine_info AS m",
    "INSERT INTO silver.machine_status"
    " (logical_date, company_iot_id, machine_iot_id, shift_id, event_time, status)"
    f" SELECT '{BEFORE}', m.company_iot_id, m.iot_id, 0,"
    f" '{BEFORE}Z'::timestamptz + i * INTERVAL '1 s', 'new under v2'"
    " FROM master.machine_info AS m CROSS JOIN generate_series(1, 3) AS t (i)",
)

if not app.registered_commands:
    load_commands(app)


@dataclass
class Road:
    """A database that went up and down, what was in it, and what was said meanwhile."""

    chain: Chain
    rows: int
    cycles: int
    up: str
    down: str


@pytest.fixture(scope="module")
def road(server: Server) -> Iterator[Road]:
    """v1 with a fleet goes up while v1 writes on, then down after v2 has written."""
    lines: list[str] = []
    too_much = [TOO_MUCH]

    class Kept(logging.Handler):
        """Keeps what is said. v1 writes a row that v2 cannot hold once pre-flight has looked."""

        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            if lines[-1].startswith("0105 up:") and too_much:
                chain.run(too_much.pop())

    logger, kept = logging.getLogger("setu"), Kept()
    level = logger.level
    with chain_on(server) as chain, chain_on(server) as other:
        # Another database of this server uses the roles.
        other.upgrade("0302")
        chain.upgrade("0001")
        chain.fill(FLEET, until=UNTIL)
        logger.addHandler(kept)
        logger.setLevel(logging.INFO)
        try:
            chain.upgrade("0103")
            rows = sum(
                chain.value(f"SELECT count(*) FROM {schema}.{table}")
                for schema, table in chain.query(
                    "SELECT t.schema_name, t.table_name FROM _archive.migrated_tables AS t"
                )
            )
            cycles = chain.value("SELECT count(*) FROM silver.machine_cycles")
            chain.run(
                "UPDATE silver.machine_cycles SET program_no = 'changed'",
                "ALTER TABLE silver.machine_alarms DISABLE TRIGGER USER",
                UNNOTICED,
                "ALTER TABLE silver.machine_alarms ENABLE TRIGGER USER",
            )
            with pytest.raises(SetuError, match="cannot go on because v2 cannot hold some rows"):
                chain.upgrade("0106")
            chain.run("DELETE FROM silver.machine_energy WHERE total_energy > 1e299")
            chain.upgrade("0106")
            chain.run("DELETE FROM silver.machine_cycles WHERE ctid = (SELECT min(c.ctid)"
                      " FROM silver.machine_cycles AS c)")  # fmt: skip
            chain.upgrade()
            up = "\n".join(lines)
            lines.clear()
            chain.run("ALTER TABLE silver.machine_alarms DISABLE TRIGGER USER", *ARRIVED)
            chain.downgrade("0001")
            yield Road(chain, rows, cycles, up, "\n".join(lines))
        finally:
            logger.removeHandler(kept)
            logger.setLevel(level)


def test_the_backfill_counts_chunks_and_rows(road: Road) -> None:
    found = re.findall(r"0103 up: backfill (\w+): (\d+) of (\d+) chunks, ([\d,]+) rows", road.up)
    assert found, road.up[:3000]
    _, done, chunks, rows = found[-1]
    assert done == chunks
    assert int(rows.replace(",", "")) == road.rows


def test_a_row_that_v2_cannot_hold_is_named_and_once_gone_holds_nothing_up(road: Road) -> None:
    assert f"v2 cannot hold a row of machine_energy at {TOO_MUCH_AT}: numeric" in road.up
    followed = re.findall(
        r"v2 has followed (\d+) notes on changes of v1; it cannot hold (\d+) rows", road.up
    )
    assert {failures for _, failures in followed} == {"0", "1"}
    assert followed[-1][1] == "0"


def test_what_v2_follows_is_counted(road: Road) -> None:
    caught = re.findall(r"caught up with (\d+) notes on changes of v1; (\d+) in all", road.up)
    assert len(caught) == 1
    followed = [
        int(n) for n in re.findall(r"v2 has followed (\d+) notes on changes of v1", road.up)
    ]
    # Each cycle; the row that v2 cannot hold, as often as it is tried; the one that was unnoticed.
    assert max(followed) >= road.cycles + 2
    assert int(caught[0][0]) >= 1000


def test_what_v1_changed_unnoticed_is_found_by_comparing(road: Road) -> None:
    found = re.findall(
        r"(\d+) keys of (\w+) from (\S+) on differ, and are brought up to date", road.up
    )
    assert [(keys, table) for keys, table, _ in found] == [("1", "machine_alarms")]
    assert found[0][2] <= f"{UNTIL - timedelta(hours=30):%Y-%m-%d}"
    assert road.chain.value(
        "SELECT count(*) FROM _archive.v2_machine_alarms WHERE alarm_no = 'unnoticed'"
    ) == 1  # fmt: skip


def test_each_row_of_a_chunk_that_v1_changed_is_accounted_for(road: Road) -> None:
    found = re.findall(
        r"silver\.machine_cycles from (.*?): (\d+) rows of v1, (\d+) migrated, (\d+) merged,"
        r" (\d+) left out",
        road.up,
    )
    assert len(found) == 1
    start, rows, migrated, merged, left_out = found[0]
    assert int(rows) == int(migrated) + int(merged) + int(left_out)
    assert int(rows) == road.chain.value(
        "SELECT count(*) FROM silver.machine_cycles WHERE cycle_start >= %s"
        " AND cycle_start < %s::timestamptz + INTERVAL '7 days'",
        start,
        start,
    )


def test_a_trigger_that_is_off_is_said_and_its_table_alone_compared_whole(road: Road) -> None:
    said = "the triggers that note changes of machine_alarms are not all on: all of its rows are"
    assert f"{said} compared" in road.down
    found = re.findall(
        r"(\w+\.\w+) from \S+: all rows compared, (\d+) of them migrated back to v1", road.down
    )
    assert {table for table, _ in found} == {"silver.machine_alarms"}
    assert sum(int(rows) for _, rows in found) == road.chain.value(
        "SELECT count(*) FROM silver.machine_alarms WHERE alarm_no = 'new under v2'"
    ) == FLEET.machines  # fmt: skip


def test_rows_that_go_back_are_counted(road: Road) -> None:
    found = re.findall(
        r"machine_status: (\d+) rows migrated back to v1; (\d+) that changed under v2 are left",
        road.down,
    )
    assert found[-1][1] == "0"
    assert sum(int(rows) for rows, _ in found) == road.chain.value(
        "SELECT count(*) FROM silver.machine_status WHERE status = 'new under v2'"
    ) == 3 * FLEET.machines  # fmt: skip


def test_roles_that_another_database_uses_stay_and_that_is_said(road: Road) -> None:
    said = "keep synchronous_commit = off: another database uses them"
    assert f"setu_ingest and setu_etl {said}" in road.down
    for role in ("setu_ingest", "setu_etl", "setu_reader", "setu_admin"):
        assert f"role {role} stays: " in road.down
        assert "stays: archived rows, other objects or another database use it" in road.down
        assert road.chain.value("SELECT to_regrole(%s) IS NOT NULL", role)


def test_an_archive_is_dropped_only_where_all_holds_and_nobody_reads_it(road: Road) -> None:
    chain = road.chain
    table = chain.value(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = '_archive'::regnamespace"
        " AND c.relname LIKE 'v2\\_%%' AND c.relkind = 'r' ORDER BY 1 LIMIT 1"
    )
    chain.run(f"ALTER TABLE _archive.{table} ADD COLUMN own text")
    with pytest.raises(SetuError) as caught:
        chain.upgrade()
    said = "v2's tables in _archive are not as the steps make them, and could not be restored."
    assert said in str(caught.value)
    assert f"_archive.{table}.own" in str(caught.value)
    chain.run(f"ALTER TABLE _archive.{table} DROP COLUMN own")
    chain.upgrade()

    def drop() -> str:
        result = CliRunner().invoke(
            app, ["archive", "drop", "--yes"], env={"DATABASE_URL": chain.url}
        )
        assert isinstance(result.exception, SetuError), result.output
        return str(result.exception)

    chain.run("ALTER TABLE _archive.plants RENAME TO plants_away")
    assert "The archive is not dropped while a standing check does not hold." in drop()
    chain.run("ALTER TABLE _archive.plants_away RENAME TO plants")
    before = chain.catalog()
    with chain.session() as reader, reader.cursor() as cursor:
        reader.autocommit = False
        cursor.execute("SELECT count(*) FROM _archive.machine_cycles")
        said = drop()
        reader.rollback()
    assert "The archive was not dropped." in said
    assert "lock timeout" in said
    assert chain.catalog() == before
