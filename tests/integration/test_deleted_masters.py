"""Machines, plants and companies that v2 deletes, on the way down and up again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=1, plants=1, machines=2, days=3, cycles_per_machine_day=4)
DELETE = (
    "DELETE FROM silver.latest_cycle_state WHERE machine_iot_id = 2",
    "DELETE FROM alerting.active_alerts WHERE machine_iot_id = 2",
    "DELETE FROM master.machine_assets WHERE machine_iot_id = 2",
    "DELETE FROM master.production_targets WHERE machine_iot_id = 2",
    "DELETE FROM master.plant_machine_mapping WHERE machine_iot_id = 2",
    "DELETE FROM master.machine_info WHERE iot_id = 2",
)
AGAIN = """
WITH machine AS (
    INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id, source_iot_id)
    SELECT k.machine_id, 1, d.device_iot_id, v1.iot_id
    FROM _archive.machine_keys AS k
    INNER JOIN _archive.machine_info AS v1 USING (company_id, machine_id)
    INNER JOIN master.device_info AS d USING (device_id)
    WHERE k.machine_iot_id = 2
    RETURNING iot_id, company_iot_id
)
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT company_iot_id, 1, iot_id FROM machine
"""
BORN_UNDER_V2 = """
INSERT INTO silver.machine_cycles (
    logical_date, company_iot_id, machine_iot_id, shift_id, cycle_start
)
VALUES ('2026-01-01', 1, 2, 0, '2026-01-01 00:00:00+00')
"""
V1_CYCLES = "SELECT count(*) FROM silver.machine_cycles"


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """A database at head with a fleet of two machines."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET)
        chain.upgrade()
        yield chain


def test_a_machine_deleted_under_v2_comes_back_under_its_key(chain: Chain) -> None:
    cycles = chain.value(V1_CYCLES)
    chain.run(*DELETE)
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.value("SELECT count(*) FROM master.machine_info") == 2
    assert chain.value(V1_CYCLES) == chain.value("SELECT count(*) FROM _archive.v2_machine_cycles")
    chain.upgrade()
    assert chain.query("SELECT iot_id FROM master.machine_info ORDER BY 1") == [(1,), (2,)]
    assert chain.value(V1_CYCLES) == cycles


def test_rows_of_a_machine_registered_anew_find_it_on_the_way_down(chain: Chain) -> None:
    chain.run(BORN_UNDER_V2, *DELETE, AGAIN)
    before = chain.value("SELECT count(*) FROM _archive.machine_cycles")
    chain.downgrade("0001")
    assert chain.value("SELECT count(*) FROM master.machine_info") == 2
    assert chain.value(V1_CYCLES) == before + 1
    chain.upgrade()
    assert chain.broken() == []
    assert chain.query("SELECT iot_id FROM master.machine_info ORDER BY 1") == [(1,), (3,)]
