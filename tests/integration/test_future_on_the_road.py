"""Events of v1 that lie in the future stay in the archive, counted and reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from setu.db.connection import connected
from setu.ops.reconciliation import TableRows, read_reconciliation
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

MASTERS = """
INSERT INTO master.companies (company_id, company_name) VALUES ('A', 'A');
INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'A');
INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
VALUES ('M', 'A', 'P', 'G', '1')
"""
FACTS = {
    "machine_cycles": "cycle_start",
    "machine_downtime": "down_start",
    "machine_status": "time",
    "machine_alarms": "time",
    "machine_energy": "time",
    "machine_focas": "time",
    "machine_tool_usage": "time",
    "machine_pm_status": "time",
}
# In time; a day early to the microsecond, which may be; one more; a century; never; an orphan's.
ROWS = """
INSERT INTO silver.{table} ({time}, company_id, machine_id, {more}created_at)
SELECT r.time::timestamptz, 'A', r.machine, {value}'2024-03-05 08:00+00'
FROM (VALUES ('M', '2024-03-05 08:00+00'), ('M', '2024-03-06 08:00+00'),
    ('M', '2024-03-06 08:00:00.000001+00'), ('M', '2126-01-01 00:00+00'),
    ('nobody', '2126-01-01 00:00+00')) AS r (machine, time)
"""


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade("0001")
        made.run(MASTERS)
        for table, time in FACTS.items():
            tool = table == "machine_tool_usage"
            more, value = ("tool_no, ", "'T', ") if tool else ("", "")
            made.run(ROWS.format(table=table, time=time, more=more, value=value))
        made.run("UPDATE silver.machine_status SET status = 'Running'")
        yield made


def test_events_in_the_future_stay_in_the_archive_and_are_reported(chain: Chain) -> None:
    before = {table: chain.rows(f"silver.{table}") for table in FACTS}
    chain.upgrade()
    for table, time in FACTS.items():
        column = time if time.endswith("_start") else "event_time"
        assert chain.value(f"SELECT count(*) FROM silver.{table}") == 2
        assert chain.value(f"SELECT max({column}) FROM silver.{table}").year == 2024
    assert chain.value("SELECT max(last_cycle_start) FROM silver.latest_cycle_state").year == 2024
    with connected(chain.url, "test") as connection:
        found = {rows.table: rows for rows in read_reconciliation(connection).tables}
    note = "left out: no such machine in master; left out: 2 in the future when they arrived"
    for table in FACTS:
        name = f"silver.{table}"
        assert found[name] == TableRows(name, 5, 2, 0, 3, 0, note, 2)
    chain.downgrade("0001")
    assert {table: chain.rows(f"silver.{table}") for table in FACTS} == before


def test_the_setting_says_how_far_ahead_an_event_may_lie(chain: Chain) -> None:
    chain.upgrade("head", "future_limit=2 days")
    assert chain.value("SELECT count(*) FROM silver.machine_cycles") == 3
    limit = "SELECT future_limit = INTERVAL '2 days' FROM _etl.load_settings"
    assert chain.value(limit)
