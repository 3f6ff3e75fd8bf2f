"""Edge cases of v1's master, config and alerting tables beside companies, machines, shifts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg2.extensions
from psycopg2.extras import execute_values

from tests.edge_cases.values import LONG_NAME, QUOTED, TICK, WIDE, as_written, chunk_boundary

_Connection = psycopg2.extensions.connection
_Row = tuple[object, ...]

_ENDLESS = float("inf")
_NOT_A_NUMBER = float("nan")
_INTEGER_MAX = 2_147_483_647
# Above all that the sequences have given, and without their knowing.
_RULE = 900_000


def edge_case_masters(connection: _Connection, end: datetime) -> None:
    """Add the rows; needs the companies, plants and machines of ``edge_case_rows``."""
    _downtime_codes(connection, end)
    _assets(connection, end)
    _targets_and_settings(connection, end)
    _users(connection, end)
    _rules(connection, end)
    _history(connection, end)
    _migrations(connection, end)


def unconvertible_licences(connection: _Connection) -> None:
    """Add assets whose license_type has no subscription tier; an upgrade must name the values.

    Needs ``edge_case_rows`` first. Commits nothing.
    """
    _write(
        connection,
        _ASSETS,
        [
            _asset(f"asset-{number}", "M-2", "north", license_type)
            for number, license_type in enumerate(
                ("standard", "Gold", "", " Premium", QUOTED, WIDE)
            )
        ],
    )


def _write(connection: _Connection, statement: str, rows: list[_Row]) -> None:
    with connection.cursor() as cursor:
        execute_values(cursor, statement, map(as_written, rows), page_size=1000)


def _downtime_codes(connection: _Connection, end: datetime) -> None:
    early, late = end - timedelta(days=60), end - timedelta(days=30)
    _write(
        connection,
        "INSERT INTO master.downtime_codes (down_id, down_code, description, category,"
        " threshold_sec, created_at, company_id) VALUES %s",
        [
            # One code, two definitions and two ids; then the same id for two codes.
            (1, "NO-OP", "No operator", "Idle", 300, late, "north"),
            (7, "NO-OP", "Nobody at the machine", "Planned", 900, early, "south"),
            (5, "POWER", "Power cut", "Unplanned", 60, early, "north"),
            (5, "SETUP", "Set-up", "Planned", 1800, early, "south"),
            # One code under two ids of one company; as old as each other; of no known age.
            (2, "TOOL", "Tool change", "Planned", 120, late, "north"),
            (3, "TOOL", "Tool broken", "Unplanned", 120, late, "north"),
            (4, "TOOL", None, None, None, None, "south"),
            (8, "AGELESS", None, None, None, None, "north"),
            (9, "AGELESS", "", "", 0, None, "south"),
            # Codes that differ by case or blanks, or are empty; ids at their ends.
            (10, "no-op", None, None, -1, late, "north"),
            (11, " NO-OP", None, None, None, late, "north"),
            (0, "", "No code at all", None, _INTEGER_MAX, late, "north"),
            (-1, QUOTED, QUOTED, QUOTED, None, late, "south"),
            (_INTEGER_MAX, LONG_NAME, LONG_NAME, None, None, late, "south"),
            (12, WIDE, WIDE, WIDE, None, late, WIDE),
            (12, "UNUSED", "Of a company without machines", None, None, late, "empty"),
        ],
    )


_ASSETS = (
    "INSERT INTO master.machine_assets (asset_id, machine_id, company_id, supplier_name,"
    " model_number, manufacturing_year, commissioned_date, warranty_expire_date, license_type,"
    " is_activated, customer_address, support_contact, created_at) VALUES %s"
)


def _asset(
    asset: str, machine: str, company: str, license_type: str | None, text: str | None = None
) -> _Row:
    return (
        asset, machine, company, text, text, None, None, None, license_type, None, text, text, None,
    )  # fmt: skip


def _assets(connection: _Connection, end: datetime) -> None:
    _write(
        connection,
        _ASSETS,
        [
            ("A-1", "M-1", "north", "Okuma", "LB-3000", 2015, date(2016, 2, 29),
             date(2020, 12, 31), "Standard", True, "Pune", "support", end),
            # Two assets of one machine; the machine of the same name elsewhere.
            ("A-2", "M-1", "north", "Okuma", "", -1, date(1, 1, 1), date(9999, 12, 31),
             "Premium", False, "", "", end - timedelta(days=400)),
            ("A-3", "M-1", "south", None, None, _INTEGER_MAX, None, None, "Enterprise", None, None,
             None, end),
            _asset("A-4", "M-silent", "north", None),
            _asset(QUOTED, QUOTED, "south", "Premium", QUOTED),
            _asset(LONG_NAME, LONG_NAME, "south", "Standard", LONG_NAME),
            _asset(WIDE, WIDE, WIDE, "Enterprise", WIDE),
        ],
    )  # fmt: skip


def _targets_and_settings(connection: _Connection, end: datetime) -> None:
    _write(
        connection,
        "INSERT INTO master.production_targets (machine_id, company_id, program_no, shift_id,"
        " target_parts_per_hour, std_cycle_time_sec, effective_start_date, effective_end_date,"
        " created_at) VALUES %s",
        [
            ("M-1", "north", "O1", "A", 12.5, 288.0, end.date(), date(9999, 12, 31), end),
            ("M-1", "north", "O1", "A", 12.5, 288.0, end.date(), date(9999, 12, 31), end),
            # The same letter is another shift in another plant.
            ("M-1", "south", "O1", "A", 0.1 + 0.2, 1e-300, None, None, None),
            ("M-2", "north", None, None, None, None, None, None, None),
            # Shifts that the plant does not have, or that are none.
            ("M-2", "north", QUOTED, "Z", _ENDLESS, -_ENDLESS, end.date(), date(1, 1, 1), end),
            ("M-2", "north", "", "UNKNOWN", _NOT_A_NUMBER, -0.0, end.date(), None, end),
            ("M-3", "north", "O2", "24h", 1e300, -1.5, None, None, end),
            (QUOTED, "south", "O2", "02", 1.0, 2.0, None, None, end),
            (QUOTED, "south", "O2", "70000", 1.0, 2.0, None, None, end),
            (QUOTED, "south", "O2", "", 1.0, 2.0, None, None, end),
            (WIDE, WIDE, WIDE, " night ", 1.0, 2.0, None, None, end),
            (WIDE, WIDE, WIDE, "UNKNOWN", 1.0, 2.0, None, None, end),
        ],
    )
    _write(
        connection,
        "INSERT INTO master.machine_health_settings (machine_id, company_id, parameter_name,"
        " min_value, max_value, target_value, unit, updated_at) VALUES %s",
        [
            ("M-1", "north", "temperature", -40.0, 85.5, 60.1, "°C", end),
            ("M-1", "south", "temperature", None, None, None, None, None),
            ("M-1", "north", QUOTED, -_ENDLESS, _ENDLESS, _NOT_A_NUMBER, QUOTED, end),
            (WIDE, WIDE, WIDE, -0.0, 0.1 + 0.2, 1e-300, WIDE, end),
        ],
    )


def _users(connection: _Connection, end: datetime) -> None:
    _write(
        connection,
        "INSERT INTO master.users (user_id, user_no, full_name, role, plant_id, created_at,"
        " company_id) VALUES %s",
        [
            ("u-1", "1", "Operator one", "Operator", "P-1", end, "north"),
            ("u-1", "1", "Another one", "Admin", "P-1", end, "south"),
            ("u-2", None, None, None, None, None, "north"),
            ("U-2", "", "", "", "P-idle", end, "north"),
            (QUOTED, QUOTED, QUOTED, QUOTED, QUOTED, end, "south"),
            (LONG_NAME, LONG_NAME, LONG_NAME, LONG_NAME, None, end, "empty"),
            (WIDE, WIDE, WIDE, WIDE, WIDE, end, WIDE),
        ],
    )


def _rules(connection: _Connection, end: datetime) -> None:
    _write(
        connection,
        "INSERT INTO config.alert_rules (rule_id, rule_name, description, metric,"
        " condition_operator, threshold_value, duration_sec, severity, enabled, created_at,"
        " value_type, company_id) VALUES %s",
        [
            (_RULE + 1, "Down", "Too long", "downtime_duration", ">", "900", 0, "Critical", True,
             end, "Numeric", "north"),
            (_RULE + 2, "Down", "", "downtime_duration", ">", "0.5", -1, "Warning", True, end,
             "Numeric", None),
            (_RULE + 3, "Worded", None, "downtime_duration", ">", "an hour", None, None, True,
             None, None, "south"),
            (_RULE + 4, "Asleep", None, "downtime_duration", ">", "1", 0, "Info", False, end,
             "Numeric", "north"),
            (_RULE + 5, "Neither", None, "downtime_duration", "", "1", 0, "Info", None, end,
             "Boolean", "empty"),
            (_RULE + 6, QUOTED, WIDE, WIDE, QUOTED, WIDE, _INTEGER_MAX, "Info", True, end,
             "String", WIDE),
        ],
    )  # fmt: skip
    _write(
        connection,
        "INSERT INTO config.alert_subscriptions (subscription_id, rule_id, user_id, method,"
        " target_address, created_at, company_id) VALUES %s",
        [
            (_RULE + 1, _RULE + 1, "u-1", "Email", "one@example.org", end, "north"),
            (_RULE + 2, _RULE + 1, "u-1", "Email", "one@example.org", end, "north"),
            # A rule of one company, a user of another: v1 has no objection.
            (_RULE + 3, _RULE + 1, "u-1", "SMS", "", end, "south"),
            (_RULE + 4, None, None, None, None, None, None),
            # A user without a company, and one that is nowhere: half a key is not checked.
            (_RULE + 5, _RULE + 3, "u-404", "Push", QUOTED, end, None),
            (_RULE + 6, _RULE + 6, WIDE, "Push", WIDE, end, WIDE),
        ],
    )


def _history(connection: _Connection, end: datetime) -> None:
    boundary = chunk_boundary(end)
    rows: list[_Row] = [
        # One id at two times is two alerts.
        (_RULE + 1, end - timedelta(days=1), "north", _RULE + 1, "M-1", "Down", "901", "New", None),
        (_RULE + 1, end - timedelta(days=2), "north", _RULE + 1, "M-1", "Down", "901", "Resolved",
         end - timedelta(days=9)),
        (_RULE + 2, boundary, "south", None, "M-1", None, None, None, None),
        (_RULE + 3, boundary - TICK, "north", _RULE + 4, "M-silent", "", "Never", "", end),
        (_RULE + 4, boundary, "south", _RULE + 1, LONG_NAME, LONG_NAME, "", "New", end),
        (_RULE + 5, boundary, "south", _RULE + 2, QUOTED, QUOTED, QUOTED, QUOTED, None),
        (-1, end - timedelta(days=500), WIDE, _RULE + 6, WIDE, WIDE, WIDE, WIDE,
         datetime(9999, 12, 31, tzinfo=UTC)),
    ]  # fmt: skip
    _write(
        connection,
        "INSERT INTO alerting.history (alert_id, time, company_id, rule_id, machine_id, message,"
        " value_at_alert, status, resolved_at) VALUES %s",
        rows,
    )


def _migrations(connection: _Connection, end: datetime) -> None:
    run = "00000000-0000-4000-8000-00000000000a"
    _write(
        connection,
        "INSERT INTO bronze.migration_metadata (table_name, rows_migrated, min_timestamp,"
        " max_timestamp, company_ids, max_rows_limit, run_id, migrated_at) VALUES %s",
        [
            ("silver.machine_cycles", 0, end - timedelta(days=9), end, ["north", "south"], 10, run,
             end),
            ("silver.machine_cycles", -1, None, None, None, None, run, None),
            (QUOTED, _INTEGER_MAX, end, end - timedelta(days=9), [None, QUOTED, WIDE], 0, run, end),
            (WIDE, 1, end, end, ["", "NULL"], 0, run, end),
        ],
    )  # fmt: skip
