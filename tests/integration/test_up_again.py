"""Up after down costs what v1 changed in between, and misses nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.server import Server

FLEET = FleetSize(companies=1, plants=1, machines=3, days=40, cycles_per_machine_day=6)
UNTIL = LAST_MIDNIGHT - timedelta(days=1)
COMPARED = "0106"
AGO_20 = f"'{UNTIL - timedelta(days=20):%Y-%m-%d}'::timestamptz"
BY_V2 = (
    f"UPDATE silver.machine_focas SET part_count = part_count + 1 WHERE event_time < {AGO_20}"
    f" AND event_time >= {AGO_20} - interval '12 hours'"
)
BY_V1 = (
    "INSERT INTO silver.machine_cycles (company_id, machine_id, cycle_start)"
    f" SELECT m.company_id, m.machine_id, {AGO_20} + interval '11 s' FROM master.machine_info AS m",
    f"DELETE FROM silver.machine_status WHERE time >= {AGO_20}"
    f" AND time < {AGO_20} + interval '1 day'",
    f"UPDATE silver.machine_energy SET total_energy = 1234.5 WHERE time >= {AGO_20}"
    f" AND time < {AGO_20} + interval '1 day'",
)
CHANGED = {
    "silver.machine_cycles",
    "silver.machine_energy",
    "silver.machine_focas",
    "silver.machine_status",
}
#: Marks the numbers that the first upgrade left, so that those counted anew can be told from them.
MARK = "UPDATE _archive.settled_ranges SET rounded = rounded + 1000"
NUMBERS = (
    "SELECT r.table_name, r.range_start, r.v1_rows, r.migrated, r.merged, r.left_out,"
    " r.in_future, r.rounded % 1000 FROM _archive.row_reconciliation AS r ORDER BY 1, 2"
)
COUNTED_ANEW = (
    "SELECT DISTINCT r.table_name FROM _archive.row_reconciliation AS r WHERE r.rounded < 1000"
)
KEPT = "SELECT count(*) FROM _archive.row_reconciliation AS r WHERE r.rounded >= 1000"
DIFFERING = (
    "SELECT sum(d.differing) FROM _stage.backfill_progress AS p CROSS JOIN LATERAL"
    " _stage.compare(p.table_name, p.range_start, p.range_end) AS d"
)


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """Once at v2, and back at v1."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            make_fleet(connection, FLEET, until=UNTIL)
        chain.upgrade("0109")
        chain.run(BY_V2)
        chain.downgrade("0001")
        chain.run(MARK)
        yield chain


def numbers(chain: Chain) -> list[Row]:
    return chain.query(NUMBERS)


def test_only_what_changed_is_compared_and_nothing_is_missed(chain: Chain) -> None:
    chain.run(*BY_V1)
    chain.upgrade(COMPARED)
    assert {row[0] for row in chain.query(COUNTED_ANEW)} == CHANGED
    quick = numbers(chain)
    assert chain.value(DIFFERING) == 0
    assert chain.value("SELECT count(*) FROM _stage.machine_energy WHERE total_energy = 1234.5")
    chain.downgrade("0105")
    chain.upgrade(COMPARED, "compare=everything")
    assert chain.value(KEPT) == 0
    assert numbers(chain) == quick


def test_all_is_compared_where_a_machine_has_another_key_since(chain: Chain) -> None:
    chain.run(
        "UPDATE _archive.settled_machines SET machine_iot_id = 1000 WHERE machine_id = 'CNC-00001'"
    )
    chain.upgrade(COMPARED)
    assert chain.value(KEPT) == 0
    assert chain.value(DIFFERING) == 0


PAST_TRIGGERS = (
    "SELECT format('DROP TRIGGER %I ON silver.machine_status', t.tgname) FROM pg_trigger AS t"
    " INNER JOIN pg_proc AS p ON p.oid = t.tgfoid WHERE p.pronamespace = '_stage'::regnamespace"
    " AND t.tgrelid = 'silver.machine_status'::regclass AND (t.tgtype & 16) > 0"
)


def test_what_a_session_wrote_past_the_triggers_is_found(chain: Chain) -> None:
    chain.upgrade("0105")
    triggers = chain.query(PAST_TRIGGERS)
    assert triggers
    chain.run(
        *(row[0] for row in triggers),
        "UPDATE silver.machine_status SET time = time + interval '1 second'"
        " WHERE time = (SELECT min(s.time) FROM silver.machine_status AS s"
        f" WHERE s.time >= {AGO_20})",
    )
    chain.upgrade(COMPARED)
    times = "SELECT count(*), min({0}), max({0}) FROM {1}.machine_status WHERE {0} >= " + AGO_20
    assert chain.query(times.format("event_time", "_stage")) == chain.query(
        times.format("time", "silver")
    )
    assert chain.value(DIFFERING) == 0
