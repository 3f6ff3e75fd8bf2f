"""A downtime code means what its sender means by it: on the road from v1, in the loads, on the way
back, and in payloads that v1 had not processed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain import Chain, Row, chain_on
from tests.servers.at_hand import Server

# B defined its codes first, so the catalogue has 1 = POWER; A's gateways say 1 for TOOL.
MASTERS = """
INSERT INTO master.companies (company_id, company_name) VALUES ('A', 'A'), ('B', 'B');
INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'A'), ('P', 'B');
INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
VALUES ('MA', 'A', 'P', 'GA', '1'), ('MB', 'B', 'P', 'GB', '1');
INSERT INTO master.downtime_codes (down_id, down_code, company_id, created_at)
VALUES (1, 'POWER', 'B', '2024-01-01'), (2, 'CHIPS', 'B', '2024-01-01'),
    (1, 'TOOL', 'A', '2024-02-01')
"""
STOPS = """
INSERT INTO silver.machine_downtime (
    down_start, company_id, machine_id, down_code, down_id, created_at
)
SELECT TIMESTAMPTZ '2024-03-05 00:00+00' + s.n * INTERVAL '1 hour', s.company, 'M' || s.company,
    s.code, s.number, '2024-03-06'
FROM (VALUES
    (1, 'A', 'TOOL', 1), (2, 'A', NULL, 1), (3, 'B', NULL, 1),
    -- The text decides where the two disagree.
    (4, 'A', 'POWER', 1),
    -- A has no 2, and what B means by it is B's.
    (5, 'A', NULL, 2), (6, 'A', 'WHAT', 2)
) AS s (n, company, code, number)
"""
PENDING = """
INSERT INTO bronze.raw_telemetry (device_id, iot_id, company_id, payload)
SELECT 'GA', '1', 'A', jsonb_build_object('DeviceID', 'GA', 'IOTID', '1',
    'MachineWiseDownDetails', jsonb_build_array(jsonb_build_object(
        'DownStart', '2024-03-05T07:00:00Z', 'DownID', 1)))
"""
FOUND = """
SELECT extract(hour FROM s.down_start AT TIME ZONE 'UTC')::integer, d.down_code
FROM silver.machine_downtime AS s
LEFT JOIN master.downtime_codes AS d ON d.down_id = s.down_id
ORDER BY s.down_start
"""
SEND = """
INSERT INTO bronze.raw_machine_downtime (device_id, machine_iot_id, down_start, down_code, down_id)
SELECT v.device_id, v.machine_iot_id, TIMESTAMPTZ '2024-03-05 00:00+00' + s.n * INTERVAL '1 hour',
    s.code, s.number
FROM (VALUES (8, 'GA', 'TOOL', 1), (9, 'GA', NULL, 1), (10, 'GB', NULL, 1), (11, 'GA', NULL, 2),
    (12, 'GA', NULL, 91), (13, 'GB', NULL, 3), (14, 'GA', NULL, 3)) AS s (n, device, code, number)
INNER JOIN _etl.v_device_machines AS v ON v.device_id = s.device
"""
LOAD = "CALL _etl.sp_load_machine_downtime(0, '{}')"


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade("0001")
        made.run(MASTERS, STOPS, PENDING)
        made.upgrade()
        yield made


def _found(chain: Chain) -> dict[int, str | None]:
    return dict(chain.query(FOUND))


def _codes_of_a(chain: Chain) -> list[Row]:
    return chain.query(
        "SELECT down_id, down_code FROM master.downtime_codes WHERE company_id = 'A' ORDER BY 1"
    )


def test_a_number_is_its_companys_all_the_way(chain: Chain) -> None:
    history = {1: "TOOL", 2: "TOOL", 3: "POWER", 4: "POWER", 5: None, 6: None}
    assert _found(chain) == history
    power = "SELECT down_id FROM master.downtime_codes WHERE down_code = 'POWER'"
    assert chain.value(power) == 1
    # A code that v2 adds: under its own number to each company that has it free, and 91 to A.
    chain.run(
        "INSERT INTO master.downtime_codes (down_code) VALUES ('COOLANT')",
        "INSERT INTO master.downtime_code_mapping SELECT c.iot_id, 91, d.down_id"
        " FROM master.companies AS c, master.downtime_codes AS d"
        " WHERE c.company_id = 'A' AND d.down_code = 'COOLANT'",
    )
    new = chain.value("SELECT down_id FROM master.downtime_codes WHERE down_code = 'COOLANT'")
    chain.run(SEND.replace("(13, 'GB', NULL, 3)", f"(13, 'GB', NULL, {new})"), LOAD)
    arrived = {8: "TOOL", 9: "TOOL", 10: "POWER", 11: None, 12: "COOLANT", 13: "COOLANT", 14: None}
    assert _found(chain) == {**history, 7: "TOOL", **arrived}
    unknown = "SELECT company_id, source_down_id, stops FROM _etl.v_unknown_codes ORDER BY 2"
    assert chain.query(unknown) == [("A", 2, 1), ("A", 3, 1)]

    # v1's rows come back with the code's text, and the number that the company's gateways use.
    chain.downgrade("0001")
    rows = chain.query(
        "SELECT extract(hour FROM down_start AT TIME ZONE 'UTC')::integer, company_id, down_code,"
        " down_id FROM silver.machine_downtime WHERE down_start > '2024-03-05 07:30+00' ORDER BY 1"
    )
    assert [row[:3] for row in rows if row[2]] == [
        (8, "A", "TOOL"), (9, "A", "TOOL"), (10, "B", "POWER"), (12, "A", "COOLANT"),
        (13, "B", "COOLANT"),
    ]  # fmt: skip
    numbers = {row[0]: row[3] for row in rows}
    assert (numbers[8], numbers[9], numbers[10], numbers[13]) == (1, 1, 1, new)
    assert numbers[12] in (new, 91)
    assert (91, "COOLANT") in _codes_of_a(chain)
    assert (1, "TOOL") in _codes_of_a(chain)

    chain.upgrade()
    assert {**history, 7: "TOOL", **arrived} == _found(chain)
    mapping = "SELECT count(*) FROM master.downtime_code_mapping WHERE source_down_id = 91"
    assert chain.value(mapping) == 1


def test_a_stop_goes_back_under_the_number_that_v1_has_for_its_code(chain: Chain) -> None:
    """Also where the company's gateways mean another code by that number by now."""
    chain.run(
        SEND,
        LOAD,
        "UPDATE master.downtime_code_mapping AS m SET down_id = d.down_id"
        " FROM master.companies AS c, master.downtime_codes AS d"
        " WHERE c.iot_id = m.company_iot_id AND c.company_id = 'A' AND d.down_code = 'POWER'",
    )
    chain.downgrade("0001")
    stops = "SELECT s.down_id, s.down_code FROM silver.machine_downtime AS s WHERE company_id = 'A'"
    new = f"{stops} AND s.down_start > '2024-03-05 07:30+00' AND s.down_code IS NOT NULL"
    assert set(chain.query(new)) <= set(_codes_of_a(chain))


def test_a_mapping_that_v2_changed_survives_down_and_up(chain: Chain) -> None:
    everything = "SELECT * FROM master.downtime_code_mapping ORDER BY 1, 2"
    chain.run(
        "UPDATE master.downtime_code_mapping SET down_id = 2"
        " WHERE company_iot_id = (SELECT iot_id FROM master.companies WHERE company_id = 'A')"
    )
    before = chain.query(everything)
    chain.downgrade("0001")
    chain.upgrade()
    assert chain.query(everything) == before
