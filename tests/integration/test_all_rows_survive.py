"""Rows in each table of v2, written under v2, on the way down to v1 and up again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from setu.catalog.fingerprint import RowFingerprint, fingerprint_differences
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import HEAD, Chain, Row, chain_on, since
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.kept import added, cache, keep, missing, rows
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=2, plants=1, machines=2, days=3, cycles_per_machine_day=4)
UNTIL = LAST_MIDNIGHT - timedelta(days=1)
# The first revision at which v2 is live, and the last. Their rows lie a day apart.
REVISIONS = ("0107", HEAD)
FACTS = (
    "machine_cycles",
    "machine_downtime",
    "machine_status",
    "machine_alarms",
    "machine_energy",
    "machine_focas",
    "machine_tool_usage",
    "machine_pm_status",
    "customer_feedback",
)
# Of a fact: its own columns, and two rows of them. v1 has no table for the last two.
OWN: dict[str, tuple[str, str, str]] = {
    "machine_cycles": (
        "cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,"
        " actual_cycle_time, down_threshold",
        "'{at}'::timestamptz + interval '5 min', 'O-new', 1, 2, 3, 4, 5",
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    ),
    "machine_downtime": (
        "down_end, program_no, down_id, down_threshold",
        "'{at}'::timestamptz + interval '5 min', 'v2 alone has it',"
        " (SELECT down_id FROM master.downtime_codes WHERE down_code = '{name}'), 300",
        "NULL, NULL, NULL, NULL",
    ),
    "machine_status": (
        "program_no, status, operator_id, target",
        "'O-new', 'Running', '7', 12",
        "NULL, NULL, NULL, NULL",
    ),
    "machine_alarms": ("alarm_no, alarm_desc", "'7001', 'New'", "'', NULL"),
    "machine_energy": (
        "category, servo_energy, spindle_energy, total_energy",
        "'all', 1.001, 999999999.999, 'NaN'",
        "'', NULL, NULL, -0.001",
    ),
    "machine_focas": (
        "part_count, rej_count, pot, ot, ct",
        "2147483647, 0, -1, 2, 3",
        "NULL, NULL, NULL, NULL, NULL",
    ),
    "machine_tool_usage": ("tool_no, target_count, actual_count", "'T9', 10, -10", "'', NULL, 0"),
    "machine_pm_status": (
        "status, pm_corrected_count, pm_pending_count",
        "'Due', 1, 2",
        "'', 0, 0",
    ),
    "machine_focas_program_production": (
        "program_no, actual_count, target_count, std_load_unload, std_cycle_time",
        "'O-new', 1, 2, 3, 4",
        "'', NULL, NULL, NULL, NULL",
    ),
    "machine_am_status": (
        "status, am_corrected_count, am_pending_count",
        "'Due', 1, 2",
        "'', 0, 0",
    ),
}
TIME = {"machine_cycles": "cycle_start", "machine_downtime": "down_start"}
# A row of each bronze table that says something, beside its id, its time and where it came from.
BRONZE = {
    "raw_machine_cycles": "cycle_start, cycle_end, program_no) SELECT '{at}', '{at}', 'b'",
    "raw_machine_downtime": "down_start, down_code, down_id) SELECT '{at}', 'NO-OP', 1",
    "raw_machine_status": "event_time, status, target) SELECT '{at}', 'Idle', 99",
    "raw_machine_alarms": "event_time, alarm_no) SELECT '{at}', '7002'",
    "raw_machine_energy": "event_time, total_energy) SELECT '{at}', float8 '0.1' + float8 '0.2'",
    "raw_machine_focas": "event_time, part_count, pot) SELECT '{at}', 1.5, 1e300",
    "raw_machine_tool_usage": "event_time, tool_no, actual_count) SELECT '{at}', 'T1', 2.5",
    "raw_machine_pm_status": "event_time, status, pm_corrected_count) SELECT '{at}', 'Due', 3",
    "raw_machine_focas_program_production": "event_time, program_no) SELECT '{at}', 'O1'",
    "raw_machine_am_status": "event_time, status) SELECT '{at}', 'Due'",
}
ARRAYS = 8  # of the ten tables have an array in v1's payload


def name(revision: str) -> str:
    """What new masters of a revision are called."""
    return f"NEW-{revision}"


def at(revision: str, minutes: float = 0) -> datetime:
    """A time that no other revision and no history uses."""
    days = REVISIONS.index(revision)
    return datetime(2025, 2, 1, 8, tzinfo=UTC) + timedelta(days=days, minutes=minutes)


def masters(revision: str) -> Iterator[str]:
    """New rows and changed ones in master, config and alerting."""
    new = name(revision)
    machine = (
        "FROM master.machine_info AS m INNER JOIN master.plant_machine_mapping AS pm"
        " ON pm.machine_iot_id = m.iot_id WHERE m.machine_id = 'CNC-00001'"
    )
    yield (
        "INSERT INTO master.downtime_codes (down_code, description, category, threshold_sec)"
        f" VALUES ('{new}', 'New', 'Planned', 60)"
    )
    yield (
        "INSERT INTO master.users (user_id, user_no, full_name, role, plant_iot_id, company_iot_id)"
        f" SELECT '{new}', '9', 'New', 'Operator', pm.plant_iot_id, m.company_iot_id {machine}"
    )
    yield (
        "INSERT INTO master.machine_assets (asset_id, machine_iot_id, company_iot_id,"
        " subscription_tier, manufacturing_year, updated_at)"
        f" SELECT '{new}', m.iot_id, m.company_iot_id, 'Plus', 2030, now() {machine}"
    )
    # One for a shift of the plant, one for all, one for a shift that is nowhere.
    for shift in ("2", "NULL", "77"):
        yield (
            "INSERT INTO master.production_targets (machine_iot_id, company_iot_id, program_no,"
            " shift_id, target_parts_per_hour)"
            f" SELECT m.iot_id, m.company_iot_id, '{new}', {shift}, 0.1 {machine}"
        )
    yield (
        "INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value,"
        f" value_type, severity, company_iot_id) SELECT '{new}', 'downtime_duration', '>', '60',"
        f" 'Numeric', 'Warning', m.company_iot_id {machine}"
    )
    rule = f"(SELECT rule_id FROM config.alert_rules WHERE rule_name = '{new}')"
    yield (
        "INSERT INTO config.alert_subscriptions (rule_id, user_id, method, target_address,"
        f" company_iot_id) SELECT {rule}, '{new}', 'Push', 'new', m.company_iot_id {machine}"
    )
    yield (
        "INSERT INTO alerting.active_alerts (company_iot_id, machine_iot_id, rule_id, start_time,"
        f" last_checked_at) SELECT m.company_iot_id, m.iot_id, {rule}, '{at(revision)}',"
        f" '{at(revision, 1)}' {machine}"
    )
    yield (
        "INSERT INTO alerting.history (time, company_iot_id, rule_id, machine_iot_id, message,"
        f" value_at_alert) SELECT '{at(revision)}', m.company_iot_id, {rule}, m.iot_id, '{new}',"
        f" '61' {machine}"
    )


# What v1 had and v2 changes, by the v1 table: once, at the first revision.
CHANGES = {
    "alerting.history": "UPDATE alerting.history SET status = 'Resolved',"
    " resolved_at = '2031-01-01Z' WHERE message = 'Down' AND status = 'New'",
    "alerting.active_alerts": "DELETE FROM alerting.active_alerts AS a USING"
    " master.machine_info AS m WHERE m.iot_id = a.machine_iot_id AND m.machine_id = 'M-1'",
    "master.users": "UPDATE master.users SET role = 'Foreman' WHERE user_id = 'u-2'",
    "master.machine_assets": "UPDATE master.machine_assets SET subscription_tier = 'Pro'"
    " WHERE asset_id = 'A-4'",
    "master.production_targets": "UPDATE master.production_targets SET std_cycle_time_sec = 7"
    " WHERE program_no = 'O1' AND target_parts_per_hour < 1",
    "config.alert_rules": "UPDATE config.alert_rules SET enabled = true WHERE rule_name = 'Asleep'",
    "config.alert_subscriptions": "UPDATE config.alert_subscriptions SET method = 'SMS'"
    " WHERE target_address = 'one@example.org'",
}
# Of each of these, as many rows of v1 changed.
CHANGED = {
    "alerting.history": 1,
    "alerting.active_alerts": 1,
    "master.users": 1,
    "master.machine_assets": 1,
    "master.production_targets": 1,
    "config.alert_rules": 1,
    "config.alert_subscriptions": 2,
}


def facts(revision: str) -> Iterator[str]:
    """Two rows in each silver table: a whole one in a shift, an empty one in none."""
    for table, (columns, whole, empty) in OWN.items():
        for minutes, shift, values in ((0, 2, whole), (10, 0, empty)):
            moment = at(revision, minutes)
            yield (
                f"INSERT INTO silver.{table} (logical_date, company_iot_id, machine_iot_id,"
                f" shift_id, shift_name, {TIME.get(table, 'event_time')}, {columns})"
                f" SELECT '{moment:%Y-%m-%d}', company_iot_id, iot_id, {shift}, 'v2''s name',"
                f" '{moment}', {values.format(at=moment, name=name(revision))}"
                " FROM master.machine_info WHERE machine_id = 'CNC-00001'"
            )
    for minutes, values in (
        (0, "'u', 'b', 'q', 'c', 5, 'Good'"),
        (10, "'', NULL, '', NULL, 0, ''"),
    ):
        yield (
            "INSERT INTO silver.customer_feedback (company_iot_id, machine_iot_id, event_time,"
            " user_id, batch_no, question_id, question_category, rating_value, comments)"
            f" SELECT company_iot_id, iot_id, '{at(revision, minutes)}', {values}"
            " FROM master.machine_info WHERE machine_id = 'CNC-00001'"
        )


# A stop that was open in v1, for each revision its own, ends under v2.
OPEN = {revision: UNTIL - timedelta(minutes=7 + n) for n, revision in enumerate(REVISIONS)}


def complete(revision: str) -> str:
    """SQL that ends the open stop."""
    return (
        "UPDATE silver.machine_downtime AS d SET down_end = d.down_start + interval '1 minute'"
        " FROM master.machine_info AS m WHERE m.iot_id = d.machine_iot_id"
        f" AND m.machine_id = 'CNC-00002' AND d.down_start = '{OPEN[revision]}'"
    )


def bronze(revision: str) -> Iterator[str]:
    """A row in each flat table, of a known machine."""
    for table, values in BRONZE.items():
        columns, selected = values.format(at=at(revision, 20)).split(") SELECT ")
        yield (
            f"INSERT INTO bronze.{table} (device_id, machine_iot_id, {columns})"
            f" SELECT 'GW-00001', iot_id, {selected}"
            " FROM master.machine_info WHERE machine_id = 'CNC-00001'"
        )


@dataclass(repr=False)
class Journey:
    """What was seen at a revision, at v1, and at the revision again."""

    before: dict[str, RowFingerprint] = field(default_factory=dict)
    after: dict[str, RowFingerprint] = field(default_factory=dict)
    cache: list[list[Row]] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[Row]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)


V1_ASKED = {
    "master.downtime_codes": "SELECT DISTINCT description, category, threshold_sec,"
    " (SELECT count(*) FROM master.companies AS c) - count(*) OVER () FROM master.downtime_codes"
    " WHERE down_code = '{name}'",
    "master.users": "SELECT user_no, full_name, role, plant_id, company_id FROM master.users"
    " WHERE user_id = '{name}'",
    "master.machine_assets": "SELECT machine_id, company_id, license_type, manufacturing_year"
    " FROM master.machine_assets WHERE asset_id = '{name}'",
    "master.production_targets": "SELECT machine_id, company_id, shift_id, target_parts_per_hour"
    " FROM master.production_targets WHERE program_no = '{name}' ORDER BY shift_id",
    "config.alert_rules": "SELECT metric, threshold_value, value_type, severity, company_id"
    " FROM config.alert_rules WHERE rule_name = '{name}'",
    "config.alert_subscriptions": "SELECT r.rule_name, s.user_id, s.method, s.company_id"
    " FROM config.alert_subscriptions AS s INNER JOIN config.alert_rules AS r USING (rule_id)"
    " WHERE s.user_id = '{name}'",
    "alerting.active_alerts": "SELECT a.company_id, a.machine_id,"
    " a.last_checked_at - a.start_time = interval '1 minute' FROM alerting.active_alerts AS a"
    " INNER JOIN config.alert_rules AS r USING (rule_id) WHERE r.rule_name = '{name}'",
    "alerting.history": "SELECT h.company_id, h.machine_id, r.rule_name, h.value_at_alert, h.status"
    " FROM alerting.history AS h INNER JOIN config.alert_rules AS r USING (rule_id)"
    " WHERE h.message = '{name}'",
    "silver.machine_cycles": "SELECT shift_id, cycle_end - cycle_start = interval '5 min',"
    " program_no, std_load_unload, std_cycle_time, actual_load_unload, actual_cycle_time,"
    " down_threshold FROM {facts}",
    "silver.machine_downtime": "SELECT shift_id, down_end - down_start = interval '5 min',"
    " down_code, down_id IN (SELECT d.down_id FROM master.downtime_codes AS d WHERE d.down_code ="
    " '{name}' AND d.company_id = 'COMP-01'), down_threshold FROM {facts}",
    "silver.machine_status": "SELECT shift_id, program_no, status, operator_id, target"
    " FROM {facts}",
    "silver.machine_alarms": "SELECT shift_id, alarm_no, alarm_desc FROM {facts}",
    "silver.machine_energy": "SELECT shift_id, category, servo_energy, spindle_energy,"
    " total_energy::text FROM {facts}",
    "silver.machine_focas": "SELECT shift_id, part_count, rej_count, pot, ot, ct FROM {facts}",
    "silver.machine_tool_usage": "SELECT shift_id, tool_no, target_count, actual_count"
    " FROM {facts}",
    "silver.machine_pm_status": "SELECT shift_id, status, pm_corrected_count, pm_pending_count"
    " FROM {facts}",
    "silver.customer_feedback": "SELECT user_id, batch_no, question_id, question_category,"
    " rating_value, comments FROM {facts}",
    "completed": "SELECT extract(epoch FROM down_end - down_start)::integer FROM"
    " silver.machine_downtime WHERE machine_id = 'CNC-00002' AND down_start = '{open}' ORDER BY 1",
}


def expected(revision: str) -> dict[str, list[Row]]:
    """What v1 says to each of those questions: v2's rows in v1's words."""
    new = name(revision)
    return {
        "master.downtime_codes": [("New", "Planned", 60, 0)],
        "master.users": [("9", "New", "Operator", "COMP-01-P01", "COMP-01")],
        "master.machine_assets": [("CNC-00001", "COMP-01", "Premium", 2030)],
        "master.production_targets": [
            ("CNC-00001", "COMP-01", shift, 0.1) for shift in ("77", "B", None)
        ],
        "config.alert_rules": [("downtime_duration", "60", "Numeric", "Warning", "COMP-01")],
        "config.alert_subscriptions": [(new, new, "Push", "COMP-01")],
        "alerting.active_alerts": [("COMP-01", "CNC-00001", True)],
        "alerting.history": [("COMP-01", "CNC-00001", new, "61", "New")],
        "silver.machine_cycles": [
            ("B", True, "O-new", 1, 2, 3, 4, 5),
            ("UNKNOWN", None, None, None, None, None, None, None),
        ],
        "silver.machine_downtime": [
            ("B", True, new, True, 300),
            ("UNKNOWN", None, None, None, None),
        ],
        "silver.machine_status": [
            ("B", "O-new", "Running", "7", 12),
            ("UNKNOWN", None, None, None, None),
        ],
        "silver.machine_alarms": [("B", "7001", "New"), ("UNKNOWN", None, None)],
        "silver.machine_energy": [
            ("B", "all", 1.001, 999999999.999, "NaN"),
            ("UNKNOWN", None, None, None, "-0.001"),
        ],
        "silver.machine_focas": [
            ("B", 2147483647.0, 0.0, -1.0, 2.0, 3.0),
            ("UNKNOWN", None, None, None, None, None),
        ],
        "silver.machine_tool_usage": [("B", "T9", 10.0, -10.0), ("UNKNOWN", "", None, 0.0)],
        "silver.machine_pm_status": [("B", "Due", 1, 2), ("UNKNOWN", "", 0, 0)],
        "silver.customer_feedback": [
            ("u", "b", "q", "c", 5, "Good"),
            (None, None, None, None, 0, ""),
        ],
        "completed": [(60,), (None,)],
    }


def asked(chain: Chain, revision: str) -> dict[str, list[Row]]:
    """v1's answers."""
    answers = {}
    for what, query in V1_ASKED.items():
        table = what.split(".")[-1]
        column = TIME.get(table, "time")
        answers[what] = chain.query(
            query.format(
                name=name(revision),
                open=OPEN[revision],
                facts=f"{what} WHERE {column} BETWEEN '{at(revision)}' AND '{at(revision, 15)}'"
                f" AND machine_id = 'CNC-00001' AND company_id = 'COMP-01' ORDER BY {column}",
            )
        )
    return answers


def numbers(chain: Chain) -> dict[str, tuple[int, int]]:
    """The highest number given, and the next that a sequence gives without giving it, by table."""
    found = {}
    for table, column in (
        ("master.production_targets", "target_id"),
        ("config.alert_rules", "rule_id"),
        ("config.alert_subscriptions", "subscription_id"),
        ("alerting.history", "alert_id"),
    ):
        sequence = chain.value(f"SELECT pg_get_serial_sequence('{table}', '{column}')")
        found[table] = (
            chain.value(
                f"SELECT max({column}) FROM {table} WHERE {column} <"
                f" CASE '{table}' WHEN 'alerting.history' THEN 800000 ELSE 2000000000 END"
            ),
            chain.value(f"SELECT last_value FROM {sequence}"),
        )
    return found


@pytest.fixture(scope="module")
def journeys(server: Server) -> Iterator[dict[str, Journey]]:
    """From each revision down to v1 and back, on one database."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=UNTIL)
            edge_case_rows(connection)
            connection.commit()
        chain.run(
            *(
                "INSERT INTO silver.machine_downtime (down_start, company_id, machine_id, shift_id)"
                f" VALUES ('{start}', 'COMP-01', 'CNC-00002', 'A')"
                for start in OPEN.values()
            ),
            "INSERT INTO alerting.active_alerts VALUES"
            " ('north', 'M-1', 900001, now(), now()), ('south', 'M-1', 900001, now(), now())",
            "DELETE FROM alerting.active_alerts WHERE company_id = 'south'",
        )
        keep(chain)
        seen = {}
        for revision in REVISIONS:
            journey = seen[revision] = Journey()
            chain.upgrade(revision)
            chain.run(*masters(revision), *facts(revision), complete(revision))
            if revision == REVISIONS[0]:
                chain.run(*CHANGES.values())
            if revision == HEAD:
                chain.run(
                    "UPDATE _etl.watermarks SET enabled = false",
                    *bronze(revision),
                    "SELECT silver.fn_rebuild_cycle_state()",
                )
            journey.before, journey.cache = rows(chain), [cache(chain)]
            chain.downgrade("0001")
            journey.missing, journey.added = missing(chain, loaded=False), added(chain)
            journey.found = asked(chain, revision)
            journey.numbers = numbers(chain)
            if revision == HEAD:
                journey.found["waiting"] = chain.query(
                    "SELECT a.key, a.value -> 0 FROM bronze.raw_telemetry AS t,"
                    " jsonb_each(t.payload) AS a WHERE t.processing_status = 'pending'"
                    " AND t.device_id = 'GW-00001' AND jsonb_typeof(a.value) = 'array'"
                    f" AND t.payload::text LIKE '%{at(revision):%Y-%m-%dT%H}:20%' ORDER BY 1"
                )
            chain.upgrade(revision)
            journey.after = rows(chain)
            journey.cache.append(cache(chain))
            journey.broken = chain.broken()
        yield seen


on_v2 = pytest.mark.parametrize("revision", REVISIONS)


@on_v2
def test_v1_misses_only_the_rows_that_v2_changed(
    journeys: dict[str, Journey], revision: str
) -> None:
    assert journeys[revision].missing == CHANGED


@on_v2
def test_v1_has_what_came_under_v2_once(journeys: dict[str, Journey], revision: str) -> None:
    times = REVISIONS.index(revision) + 1
    companies = journeys[revision].added.pop("master.downtime_codes", 0)
    assert companies == 7 * times
    changed = {t: n for t, n in CHANGED.items() if t != "alerting.active_alerts"}
    new = {f"silver.{table}": 2 for table in FACTS} | {
        "master.users": 1,
        "master.machine_assets": 1,
        "master.production_targets": 3,
        "config.alert_rules": 1,
        "config.alert_subscriptions": 1,
        "alerting.active_alerts": 1,
        "alerting.history": 1,
    }
    new["silver.machine_downtime"] += 1
    wanted = {t: n * times + changed.get(t, 0) for t, n in new.items()}
    if revision == HEAD:
        wanted["bronze.raw_telemetry"] = ARRAYS
    assert journeys[revision].added == wanted


@pytest.mark.parametrize("what", [*V1_ASKED])
@on_v2
def test_what_came_under_v2_is_in_v1_in_its_words(
    journeys: dict[str, Journey], revision: str, what: str
) -> None:
    assert journeys[revision].found[what] == expected(revision)[what]


def test_bronze_rows_that_were_not_loaded_wait_in_v1(journeys: dict[str, Journey]) -> None:
    waiting: dict[str, dict[str, object]] = dict(journeys[HEAD].found["waiting"])
    assert len(waiting) == ARRAYS
    assert waiting["MachineWiseFocasDetails"]["PartCount"] == 1.5
    assert waiting["MachineWiseEnergyDetails"]["TotalEnergy"] == 0.1 + 0.2
    assert waiting["MachineWiseDownDetails"]["DownID"] == 1
    assert waiting["MachineRunningStatus"]["Target"] == 99


@on_v2
def test_numbers_of_v1_go_on_above_those_of_v2(journeys: dict[str, Journey], revision: str) -> None:
    for table, (highest, last) in journeys[revision].numbers.items():
        assert last >= highest, table


@on_v2
def test_v2_has_its_rows_again_in_every_table(journeys: dict[str, Journey], revision: str) -> None:
    seen = journeys[revision]
    before, after = dict(seen.before), dict(seen.after)
    if revision not in since("0205"):
        # v1's own bronze is live here, and holds nothing that v2 wrote.
        assert before["bronze.raw_telemetry"] == after["bronze.raw_telemetry"]
    found = [d.render() for d in fingerprint_differences(before, after)]
    assert not found, found
    assert seen.cache[0] == seen.cache[1]
    assert seen.broken == []
