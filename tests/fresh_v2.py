"""v2 straight from ``schema_new/`` on an empty database, for tests that need no chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg2.extensions

from setu.chain.fresh import fresh_statements
from setu.chain.settings import Settings
from tests.v1 import ROOT, connect, run, value


def apply_v2(connection: psycopg2.extensions.connection, edition: str = "community") -> None:
    """Apply all of ``schema_new/`` in the open transaction; the database is empty before."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        for name, value in Settings({"edition": edition}).session_settings().items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        for statement in fresh_statements(ROOT, edition):
            cursor.execute(statement.text)


@contextmanager
def v2_database(
    database_url: str, capabilities: Iterable[str]
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to an empty database in which v2 was just made."""
    connection = connect(database_url)
    try:
        apply_v2(connection, "community" if "community" in set(capabilities) else "apache")
        connection.commit()
        yield connection
    finally:
        connection.close()


def add_company(connection: psycopg2.extensions.connection, company_id: str) -> int:
    """A new company; its key."""
    return int(
        value(
            connection,
            "INSERT INTO master.companies (company_id, company_name) VALUES (%s, %s)"
            " RETURNING iot_id",
            company_id,
            company_id,
        )
    )


def add_plant(
    connection: psycopg2.extensions.connection,
    company: int,
    plant_id: str,
    timezone: str = "Asia/Kolkata",
    shifts: Iterable[tuple[str, str, int]] = (),
) -> int:
    """A new plant with running shifts, each (start, end, day of the end); its key."""
    plant = int(
        value(
            connection,
            "INSERT INTO master.plants (company_iot_id, plant_id, plant_name, timezone)"
            " VALUES (%s, %s, %s, %s) RETURNING iot_id",
            company,
            plant_id,
            plant_id,
            timezone,
        )
    )
    for number, (start, end, to_day) in enumerate(shifts, start=1):
        run(
            connection,
            "INSERT INTO master.shift_definitions"
            " (company_iot_id, plant_iot_id, shift_id, start_time, end_time, to_day)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            company,
            plant,
            number,
            start,
            end,
            to_day,
        )
    return plant


def add_machine(
    connection: psycopg2.extensions.connection,
    company: int,
    machine_id: str,
    plant: int | None = None,
) -> int:
    """A new machine with a gateway of its own, in a plant or in none; its key."""
    machine = int(
        value(
            connection,
            "WITH device AS (INSERT INTO master.device_info (device_id) VALUES (%s)"
            " RETURNING device_iot_id)"
            " INSERT INTO master.machine_info"
            " (machine_id, company_iot_id, device_iot_id, source_iot_id)"
            " SELECT %s, %s, d.device_iot_id, %s FROM device AS d RETURNING iot_id",
            f"gateway of {machine_id}",
            machine_id,
            company,
            machine_id,
        )
    )
    if plant is not None:
        run(
            connection,
            "INSERT INTO master.plant_machine_mapping"
            " (company_iot_id, plant_iot_id, machine_iot_id) VALUES (%s, %s, %s)",
            company,
            plant,
            machine,
        )
    return machine
