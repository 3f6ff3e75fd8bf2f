"""v1 goes on writing, in every table, while the chain stands between expand and swap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setu.catalog.fingerprint import fingerprint_differences
from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=1, plants=1, machines=2, days=2, cycles_per_machine_day=2)
START = datetime(2025, 3, 1, 8, tzinfo=UTC)
# Of a fact: its own columns in v1, values as v1 writes them, and its own columns and values in v2.
WRITES: dict[str, tuple[str, str, str, Row]] = {
    "machine_cycles": (
        "cycle_end, program_no, std_cycle_time",
        "'{at}'::timestamptz + interval '60 s', 'O1', 55",
        "extract(epoch FROM cycle_end - cycle_start)::integer, program_no, std_cycle_time",
        (60, "O1", 55),
    ),
    "machine_downtime": (
        "down_code, down_id, down_threshold",
        "'LATE', 77, 300",
        "(SELECT d.down_code FROM master.downtime_codes AS d WHERE d.down_id = f.down_id),"
        " down_threshold, program_no",
        ("LATE", 300, None),
    ),
    "machine_status": (
        "program_no, status, target",
        "'O1', 'Idle', 3",
        "program_no, status, target",
        ("O1", "Idle", 3),
    ),
    "machine_alarms": ("alarm_no, alarm_desc", "NULL, 'x'", "alarm_no, alarm_desc", ("", "x")),
    "machine_energy": (
        "category, servo_energy, total_energy",
        "'all', 0.0005, -2.5",
        "category, servo_energy::text, total_energy::text",
        ("all", "0.001", "-2.500"),
    ),
    "machine_focas": ("part_count, pot", "2.5, -2.5", "part_count, pot, ct", (3, -3, None)),
    "machine_tool_usage": (
        "tool_no, actual_count",
        "'T1', 0.5",
        "tool_no, actual_count, target_count",
        ("T1", 1, None),
    ),
    "machine_pm_status": ("status, pm_corrected_count", "'Due', 4", "status, pm_corrected_count",
                          ("Due", 4)),
    "customer_feedback": (
        "rating_value, comments",
        "5, 'Good'",
        "user_id, question_id, rating_value, comments",
        ("", "", 5, "Good"),
    ),
}  # fmt: skip
TIME = {"machine_cycles": "cycle_start", "machine_downtime": "down_start"}


def write_facts(at: datetime) -> Iterator[str]:
    """A row in each silver table; what it says twice, the second time otherwise and later."""
    for table, (columns, values, _, _) in WRITES.items():
        shift = "" if table == "customer_feedback" else ", shift_id"
        for machine, created in (("CNC-00001", 0), ("CNC-00001", 1), ("M-404", 0)):
            yield (
                f"INSERT INTO silver.{table} ({TIME.get(table, 'time')}, company_id, machine_id,"
                f" created_at, {columns}{shift}) VALUES ('{at}', 'COMP-01', '{machine}',"
                f" '{at + timedelta(minutes=created)}', {values.format(at=at)}"
                f"{', ' + repr('B') if shift else ''})"
            )


def write_alert(at: datetime) -> Iterator[str]:
    """An alert, and its end."""
    yield (
        "INSERT INTO alerting.history (time, company_id, rule_id, machine_id, message)"
        f" VALUES ('{at}', 'north', 900001, 'M-1', 'late')"
    )
    yield (
        "UPDATE alerting.history SET status = 'Resolved', resolved_at = time + interval '1 min'"
        f" WHERE time = '{at}'"
    )


# What v1 does to its masters meanwhile, and what v2 must say of it.
MASTERS = (
    (
        "INSERT INTO master.downtime_codes (down_id, down_code, company_id)"
        " VALUES (77, 'LATE', 'COMP-01')",
        "SELECT count(*) FROM master.downtime_codes WHERE down_code = 'LATE'",
        1,
    ),
    (
        "UPDATE master.users SET role = 'Foreman' WHERE user_id = 'u-2'",
        "SELECT role FROM master.users WHERE user_id = 'u-2'",
        "Foreman",
    ),
    (
        "INSERT INTO master.users (user_id, company_id) VALUES ('late', 'north')",
        "SELECT count(*) FROM master.users WHERE user_id = 'late'",
        1,
    ),
    (
        "DELETE FROM config.alert_subscriptions WHERE subscription_id = 900003",
        "SELECT count(*) FROM config.alert_subscriptions WHERE subscription_id = 900003",
        0,
    ),
    (
        "DELETE FROM config.alert_rules WHERE rule_id = 900005",
        "SELECT count(*) FROM config.alert_rules WHERE rule_id = 900005",
        0,
    ),
    (
        "UPDATE config.alert_rules SET threshold_value = '901' WHERE rule_id = 900001",
        "SELECT threshold_value FROM config.alert_rules WHERE rule_id = 900001",
        "901",
    ),
    (
        "INSERT INTO alerting.active_alerts VALUES ('north', 'M-1', 900001, now(), now())",
        "SELECT count(*) FROM alerting.active_alerts WHERE rule_id = 900001",
        1,
    ),
    (
        "DELETE FROM master.production_targets WHERE program_no = 'O2' AND shift_id = '70000'",
        "SELECT count(*) FROM master.production_targets AS t INNER JOIN master.machine_info AS m"
        " ON m.iot_id = t.machine_iot_id WHERE m.machine_id LIKE 'a ''single%' AND t.shift_id > 9",
        0,
    ),
    (
        "DELETE FROM master.machine_assets WHERE asset_id = 'A-2'",
        "SELECT count(*) FROM master.machine_assets WHERE asset_id = 'A-2'",
        0,
    ),
    (
        "UPDATE master.machine_assets SET license_type = 'Enterprise' WHERE asset_id = 'A-1'",
        "SELECT subscription_tier FROM master.machine_assets WHERE asset_id = 'A-1'",
        "Pro",
    ),
    (
        "DELETE FROM master.users WHERE user_id = 'U-2'",
        "SELECT count(*) FROM master.users WHERE user_id = 'U-2'",
        0,
    ),
    # Another plan of shifts, in hours that the old one had.
    (
        "DELETE FROM master.shifts WHERE plant_id = 'P-1' AND company_id = 'south'",
        "SELECT count(*) FROM master.shift_definitions AS d INNER JOIN master.plants AS p"
        " ON p.iot_id = d.plant_iot_id INNER JOIN master.companies AS c"
        " ON c.iot_id = p.company_iot_id WHERE c.company_id = 'south' AND p.plant_id = 'P-1'",
        1,
    ),
    (
        "INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs)"
        " VALUES ('NEW', 'south', 'P-1', '00:00', 24)",
        "SELECT 1",
        1,
    ),
    # Another name for a machine; its gateway stays.
    (
        "UPDATE master.machine_info SET machine_id = 'M-named-anew' WHERE machine_id = 'M-silent'",
        "SELECT count(*) FROM master.machine_info AS m INNER JOIN master.device_info AS d"
        " USING (device_iot_id) WHERE d.device_id = 'D-silent'",
        1,
    ),
    # A machine that is sold, and its gateway on the next one.
    (
        "DELETE FROM master.machine_info WHERE machine_id = 'CNC-00002'",
        "SELECT 1",
        1,
    ),
    (
        "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
        " VALUES ('M-next', 'COMP-01', 'COMP-01-P01', 'GW-00002', '5')",
        "SELECT m.machine_id FROM master.machine_info AS m INNER JOIN master.device_info AS d"
        " USING (device_iot_id) WHERE d.device_id = 'GW-00002'",
        "M-next",
    ),
)
BEFORE = (
    # What points at the machines that go.
    "DELETE FROM master.machine_assets WHERE machine_id IN ('M-silent', 'CNC-00002')",
    "DELETE FROM master.machine_health_settings WHERE machine_id IN ('M-silent', 'CNC-00002')",
    "DELETE FROM master.production_targets WHERE machine_id IN ('M-silent', 'CNC-00002')",
    "DELETE FROM alerting.active_alerts WHERE machine_id IN ('M-silent', 'CNC-00002')",
    "DELETE FROM alerting.history WHERE machine_id IN ('M-silent', 'CNC-00002')",
)


@pytest.fixture(scope="module")
def moved(server: Server) -> Iterator[dict[str, Any]]:
    """v1 writes at 0102 and at 0103; what v2 has then, and what v1 has after the way down."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
            edge_case_rows(connection)
            connection.commit()
        chain.run(*BEFORE)
        chain.upgrade("0102")
        chain.run(*(statement for statement, _, _ in MASTERS))
        chain.run(*write_facts(START), *write_alert(START))
        chain.upgrade("0103")
        later = START + timedelta(hours=1)
        chain.run(*write_facts(later), *write_alert(later))
        seen: dict[str, Any] = {"v1": chain.rows(*V1_TABLES)}
        chain.upgrade()
        seen["masters"] = [chain.value(question) for _, question, _ in MASTERS]
        seen["facts"] = {table: facts(chain, table) for table in WRITES}
        seen["alerts"] = chain.query(
            "SELECT status, resolved_at - time FROM alerting.history WHERE message = 'late'"
        )
        seen["broken"] = chain.broken()
        before = chain.rows()
        chain.downgrade("0001")
        seen["v1 again"] = chain.rows(*V1_TABLES)
        chain.upgrade()
        after = chain.rows()
        for rows in (before, after):
            del rows["silver.latest_cycle_state"]
        seen["v2 again"] = [d.render() for d in fingerprint_differences(before, after)]
        yield seen


def facts(chain: Chain, table: str) -> list[Row]:
    """What v2 says of what v1 wrote: shift, business date, own columns."""
    time = TIME.get(table, "event_time")
    shift = "" if table == "customer_feedback" else "shift_id, logical_date::text, "
    return chain.query(
        f"SELECT {shift}{WRITES[table][2]} FROM silver.{table} AS f"
        f" WHERE {time} >= '{START}' AND {time} < '{START + timedelta(days=1)}' ORDER BY {time}"
    )


@pytest.mark.parametrize("table", [*WRITES])
def test_what_v1_wrote_is_in_v2_once(moved: dict[str, Any], table: str) -> None:
    shift = () if table == "customer_feedback" else (2, "2025-03-01")
    assert moved["facts"][table] == [(*shift, *WRITES[table][3])] * 2


def test_an_alert_that_v1_raised_and_resolved_is_resolved_in_v2(moved: dict[str, Any]) -> None:
    assert moved["alerts"] == [("Resolved", timedelta(minutes=1))] * 2


@pytest.mark.parametrize("number", range(len(MASTERS)), ids=[m[0][:60] for m in MASTERS])
def test_v2_has_followed_v1s_masters(moved: dict[str, Any], number: int) -> None:
    assert moved["masters"][number] == MASTERS[number][2]


def test_v1_has_all_of_it_to_the_bit_after_the_way_down(moved: dict[str, Any]) -> None:
    found = [d.render() for d in fingerprint_differences(moved["v1"], moved["v1 again"])]
    assert not found, found


def test_v2_has_all_of_it_after_another_round(moved: dict[str, Any]) -> None:
    assert moved["v2 again"] == []
    assert moved["broken"] == []
