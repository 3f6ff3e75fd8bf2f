"""v2 straight from ``schema_new/`` on an empty database, for tests that need no chain."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg2.extensions

from setu.repository import steps_to
from setu.settings import Settings
from setu.steps import Header, Origin, Script
from tests.v1 import ROOT, connect

SCHEMAS = ("master", "silver", "bronze", "config", "alerting", "gold", "_etl")
_INCLUDE = re.compile(r"^-- @include (schema_new/\S.*?\.sql)(?: with .*)?$", re.MULTILINE)

_SILVER = (
    "machine_downtime",
    "machine_status",
    "machine_alarms",
    "machine_energy",
    "machine_focas",
    "machine_focas_program_production",
    "machine_tool_usage",
    "machine_pm_status",
    "machine_am_status",
    "customer_feedback",
)
_BRONZE = tuple(f"raw_{name}" for name in _SILVER if name != "customer_feedback")
_AGGREGATES = (
    "hourly_production_stats",
    "hourly_downtime_stats",
    "hourly_energy_stats",
    "machine_cycle_stats_hourly",
    "machine_downtime_hourly",
    "machine_energy_hourly",
    "daily_production_stats",
    "daily_downtime_stats",
)
_GOLD_FUNCTIONS = (
    "get_cycle_summary",
    "get_downtime_summary",
    "get_energy_summary",
    "get_home_screen_stats",
)
_GOLD_VIEWS = (
    "v_production_dashboard",
    "v_downtime_dashboard",
    "v_live_machine_status",
    "v_oee_dashboard",
)
# Files that no step includes yet, in the order in which they can be applied after the others.
LATER: tuple[str, ...] = (
    *(
        f"schema_new/silver/{kind}/{name}.sql"
        for kind in ("Tables", "Hypertables", "Indexes", "Grants", "Policies")
        for name in _SILVER
    ),
    *(
        f"schema_new/bronze/{kind}/{name}.sql"
        for kind in ("Tables", "Identity", "Hypertables", "Indexes", "Grants", "Policies")
        for name in _BRONZE
    ),
    *(
        f"schema_new/master/Tables/{name}.sql"
        for name in ("machine_assets", "downtime_codes", "production_targets", "users", "calendar")
    ),
    "schema_new/master/Functions/fn_fill_calendar.sql",
    *(
        f"schema_new/master/Grants/{name}.sql"
        for name in ("machine_assets", "downtime_codes", "production_targets", "users", "calendar")
    ),
    "schema_new/config/Tables/alert_rules.sql",
    "schema_new/config/Tables/alert_subscriptions.sql",
    "schema_new/config/Grants/schema.sql",
    "schema_new/config/Grants/alert_rules.sql",
    "schema_new/config/Grants/alert_subscriptions.sql",
    "schema_new/alerting/Tables/active_alerts.sql",
    "schema_new/alerting/Tables/history.sql",
    "schema_new/alerting/Hypertables/history.sql",
    "schema_new/alerting/Indexes/history.sql",
    "schema_new/alerting/Grants/schema.sql",
    "schema_new/alerting/Grants/active_alerts.sql",
    "schema_new/alerting/Grants/history.sql",
    "schema_new/alerting/Procedures/proc_check_device_heartbeat.sql",
    "schema_new/alerting/Procedures/proc_check_machine_downtime.sql",
    "schema_new/alerting/Procedures/proc_run_engine.sql",
    "schema_new/alerting/Grants/procedures.sql",
    *(
        f"schema_new/gold/{kind}/{name}.sql"
        for kind, names in (
            ("Continuous Aggregates", _AGGREGATES),
            ("Functions", _GOLD_FUNCTIONS),
            ("Views", _GOLD_VIEWS),
            ("Grants", ("schema", *_AGGREGATES, *_GOLD_FUNCTIONS, *_GOLD_VIEWS)),
            ("Policies", _AGGREGATES),
        )
        for name in names
    ),
)


def application_order() -> list[str]:
    """The files of ``schema_new/`` in the order in which an empty database takes them."""
    files: dict[str, None] = {}
    for step in steps_to(ROOT):
        if step.phase == "p4_transformation":
            files.update(dict.fromkeys(LATER))
        for name in _INCLUDE.findall((step.directory / "up.sql").read_text(encoding="utf-8")):
            files[name] = None
    files.update(dict.fromkeys(LATER))
    return list(files)


def statements_of(file: str, edition: str) -> Iterator[str]:
    """The statements of one file of ``schema_new/`` for an edition."""
    text = (ROOT / file).read_text(encoding="utf-8")
    origins = tuple(Origin(file, number + 1) for number in range(text.count("\n") + 1))
    for statement in Script(file, text, origins, Header({})).statements(edition):
        yield statement.text


def apply_v2(connection: psycopg2.extensions.connection, edition: str = "community") -> None:
    """Apply all of ``schema_new/`` in the open transaction; the database is empty before."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        for name, value in Settings({"edition": edition}).session_settings().items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        for schema in SCHEMAS:
            cursor.execute(f'CREATE SCHEMA "{schema}"')
        for file in application_order():
            for statement in statements_of(file, edition):
                cursor.execute(statement)


def v2_database(
    database_url: str, edition: str = "community"
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to an empty database in which v2 was just made."""
    connection = connect(database_url)
    try:
        apply_v2(connection, edition)
        connection.commit()
        yield connection
    finally:
        connection.close()
