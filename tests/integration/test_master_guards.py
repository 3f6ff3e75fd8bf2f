"""Master data that cannot contradict itself: companies, zones, gateways, and when rows changed."""

from __future__ import annotations

import psycopg2.errors
import psycopg2.extensions
import pytest

from tests.fresh_v2 import add_company, add_machine, add_plant
from tests.v1 import query, run, value

# A's company, plant and machine, and B's.
CONTRADICTIONS = {
    "a machine of A in a plant of B": "INSERT INTO master.plant_machine_mapping"
    " (company_iot_id, plant_iot_id, machine_iot_id) VALUES (%(a)s, %(plant_b)s, %(machine_a)s)",
    "a machine of B in a plant of A": "INSERT INTO master.plant_machine_mapping"
    " (company_iot_id, plant_iot_id, machine_iot_id) VALUES (%(a)s, %(plant_a)s, %(machine_b)s)",
    "a machine that moves to another company's plant": "INSERT INTO master.plant_machine_mapping"
    " (company_iot_id, plant_iot_id, machine_iot_id) VALUES (%(a)s, %(plant_a)s, %(machine_a)s);"
    " UPDATE master.plant_machine_mapping SET plant_iot_id = %(plant_b)s",
    "a plant that goes to another company with its machines": "INSERT INTO"
    " master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
    " VALUES (%(a)s, %(plant_a)s, %(machine_a)s);"
    " UPDATE master.plants SET company_iot_id = %(b)s WHERE iot_id = %(plant_a)s",
    "a machine that goes to another company and stays in its plant": "INSERT INTO"
    " master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
    " VALUES (%(a)s, %(plant_a)s, %(machine_a)s);"
    " UPDATE master.machine_info SET company_iot_id = %(b)s WHERE iot_id = %(machine_a)s",
    "a user of A in B's plant": "INSERT INTO master.users (user_id, company_iot_id, plant_iot_id)"
    " VALUES ('U', %(a)s, %(plant_b)s)",
    "a target across companies": "INSERT INTO master.production_targets"
    " (machine_iot_id, company_iot_id) VALUES (%(machine_a)s, %(b)s)",
    "an asset of another company": "INSERT INTO master.machine_assets"
    " (asset_id, machine_iot_id, company_iot_id) VALUES ('X', %(machine_b)s, %(a)s)",
    "a shift of another company": "INSERT INTO master.shift_definitions (company_iot_id,"
    " plant_iot_id, shift_id, start_time, end_time)"
    " VALUES (%(a)s, %(plant_b)s, 1, '06:00', '14:00')",
    "a default plant of another company": "UPDATE master.companies"
    " SET default_plant_iot_id = %(plant_b)s WHERE iot_id = %(a)s",
    "an alert on another company's machine": "WITH r AS (INSERT INTO config.alert_rules (rule_name,"
    " metric, condition_operator, threshold_value) VALUES ('R', 'downtime_duration', '>', '1')"
    " RETURNING rule_id) INSERT INTO alerting.active_alerts (company_iot_id, machine_iot_id,"
    " rule_id, start_time, last_checked_at) SELECT %(a)s, %(machine_b)s, 1, now(), now()",
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_rows_of_two_companies_do_not_mix(v2: psycopg2.extensions.connection, name: str) -> None:
    a, b = add_company(v2, "A"), add_company(v2, "B")
    keys = {
        "a": a,
        "b": b,
        "plant_a": add_plant(v2, a, "P"),
        "plant_b": add_plant(v2, b, "Q"),
        "machine_a": add_machine(v2, a, "M"),
        "machine_b": add_machine(v2, b, "N"),
    }
    with pytest.raises(psycopg2.errors.ForeignKeyViolation), v2.cursor() as cursor:
        cursor.execute(CONTRADICTIONS[name], keys)


@pytest.mark.parametrize(
    ("zone", "suggested"),
    [
        ("IST", "Asia/Kolkata"),
        ("Foo5", "America/"),
        ("asia/kolkata", "Asia/Kolkata"),
        ("Berlin", "Europe/Berlin"),
        ("EST5EDT", "America/New_York"),
        ("+05:30", "Asia/Kolkata"),
        ("GMT", "UTC"),
        ("Etc/GMT+5", "America/"),
        ("nowhere", "a region such as Asia/Kolkata, or UTC"),
        ("", "a region such as Asia/Kolkata, or UTC"),
    ],
)
def test_a_zone_that_is_no_region_is_refused_with_a_suggestion(
    v2: psycopg2.extensions.connection, zone: str, suggested: str
) -> None:
    company = add_company(v2, "A")
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        add_plant(v2, company, "P", zone)
    assert str(refused.value.diag.message_hint).startswith(f"Write {suggested}")


def test_a_former_name_of_a_region_is_refused(v2: psycopg2.extensions.connection) -> None:
    company = add_company(v2, "A")
    # A server without former names does not know what it stands for.
    known = value(v2, "SELECT count(*) FROM pg_timezone_names WHERE name = 'US/Eastern'")
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        add_plant(v2, company, "P", "US/Eastern")
    assert str(refused.value.diag.message_hint) == (
        "Write America/New_York" if known else "Write a region such as Asia/Kolkata, or UTC"
    )


def test_regions_and_utc_are_zones(v2: psycopg2.extensions.connection) -> None:
    company = add_company(v2, "A")
    for zone in ("UTC", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Pacific/Chatham"):
        plant = add_plant(v2, company, zone, zone)
    with pytest.raises(psycopg2.errors.CheckViolation):
        run(v2, "UPDATE master.plants SET timezone = 'CET' WHERE iot_id = %s", plant)


def test_a_gateway_is_assigned_while_a_machine_has_it(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "A")
    first, second = add_machine(v2, company, "M"), add_machine(v2, company, "N")
    run(v2, "INSERT INTO master.device_info (device_id, is_assigned) VALUES ('spare', true)")
    assigned = "SELECT d.device_id, d.is_assigned FROM master.device_info AS d ORDER BY 1"
    assert query(v2, assigned) == [
        ("gateway of M", True),
        ("gateway of N", True),
        ("spare", False),
    ]
    run(
        v2,
        "UPDATE master.machine_info SET device_iot_id = (SELECT d.device_iot_id"
        " FROM master.device_info AS d WHERE d.device_id = 'spare') WHERE iot_id = %s",
        first,
    )
    run(v2, "DELETE FROM master.machine_info WHERE iot_id = %s", second)
    run(v2, "UPDATE master.device_info SET is_assigned = NOT is_assigned")
    assert query(v2, assigned) == [
        ("gateway of M", False),
        ("gateway of N", False),
        ("spare", True),
    ]


def test_updated_at_says_when_a_row_changed_and_only_then(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "A")
    plant = add_plant(v2, company, "P", shifts=[("06:00", "14:00", 0)])
    machine = add_machine(v2, company, "M", plant)
    run(
        v2,
        "INSERT INTO master.machine_assets (asset_id, machine_iot_id, company_iot_id)"
        " VALUES ('X', %s, %s)",
        machine,
        company,
    )
    tables = query(
        v2,
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_attribute AS a"
        " INNER JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'"
        " INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'master' AND a.attname = 'updated_at' ORDER BY 1",
    )
    changes = {
        "master.device_info": "description = 'new'",
        "master.machine_assets": "supplier_name = 'new'",
        "master.plants": "plant_city = 'new'",
        "master.shift_definitions": "shift_name = 'new'",
    }
    assert [table for (table,) in tables] == list(changes)
    for table, change in changes.items():
        run(v2, f"UPDATE {table} SET updated_at = NULL")
        run(v2, f"ALTER TABLE {table} DISABLE TRIGGER {table.split('.')[1]}_updated_at")
        run(v2, f"UPDATE {table} SET updated_at = NULL")
        run(v2, f"ALTER TABLE {table} ENABLE TRIGGER {table.split('.')[1]}_updated_at")
        run(v2, f"UPDATE {table} SET created_at = created_at")
        assert value(v2, f"SELECT count(updated_at) FROM {table}") == 0
        run(v2, f"UPDATE {table} SET {change}")
        assert value(v2, f"SELECT bool_and(updated_at = now()) FROM {table}")
