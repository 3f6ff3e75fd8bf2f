"""The master data of a made-up fleet: one company, a plant for each thousand machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg2.extensions

from setu.errors import DatabaseStateError
from setu.simulate.delivery import Fleet

COMPANY = "SIM"
MACHINES_A_PLANT = 1000
#: Stretches of the day in the plant's own time: id, name, begin, end, day on which it ends.
SHIFTS = (
    (1, "Early", "06:00", "14:00", 0),
    (2, "Late", "14:00", "22:00", 0),
    (3, "Night", "22:00", "06:00", 1),
)

_COMPANY = """
INSERT INTO master.companies (company_id, company_name) VALUES (%s, 'Simulated company')
ON CONFLICT (company_id) DO NOTHING
"""
_PLANTS = """
INSERT INTO master.plants (company_iot_id, plant_id, plant_name, timezone)
SELECT c.iot_id, 'SIM-P' || n.number, 'Simulated plant ' || n.number, 'Asia/Kolkata'
FROM master.companies AS c
CROSS JOIN generate_series(1, %s) AS n (number)
WHERE c.company_id = %s
ON CONFLICT (company_iot_id, plant_id) DO NOTHING
"""
_SHIFT = """
INSERT INTO master.shift_definitions (
    company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day
)
SELECT p.company_iot_id, p.iot_id, %s, %s, %s::time, %s::time, %s
FROM master.plants AS p
INNER JOIN master.companies AS c ON c.iot_id = p.company_iot_id
WHERE c.company_id = %s AND p.plant_id LIKE 'SIM-P%%'
ON CONFLICT (plant_iot_id, shift_id) DO NOTHING
"""
_CODES = """
INSERT INTO master.downtime_codes (down_code, description)
SELECT s.code, 'Simulated: ' || s.code
FROM unnest(%s) AS s (code)
ON CONFLICT (down_code) DO NOTHING
"""
_NUMBERS = """
INSERT INTO master.downtime_code_mapping (company_iot_id, source_down_id, down_id)
SELECT c.iot_id, s.number, d.down_id
FROM unnest(%s, %s) AS s (code, number)
INNER JOIN master.downtime_codes AS d ON d.down_code = s.code
INNER JOIN master.companies AS c ON c.company_id = %s
ON CONFLICT (company_iot_id, source_down_id) DO NOTHING
"""
_DEVICES = """
INSERT INTO master.device_info (device_id, description)
SELECT d.device_id, 'Simulated gateway' FROM unnest(%s) AS d (device_id)
ON CONFLICT (device_id) DO NOTHING
"""
_MACHINES = """
INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id, source_iot_id)
SELECT m.machine_id, c.iot_id, d.device_iot_id, m.machine_id
FROM unnest(%s, %s) AS m (machine_id, device_id)
INNER JOIN master.device_info AS d ON d.device_id = m.device_id
INNER JOIN master.companies AS c ON c.company_id = %s
ON CONFLICT (machine_id, company_iot_id) DO NOTHING
"""
_MAPPING = """
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT m.company_iot_id, p.iot_id, m.iot_id
FROM master.machine_info AS m
INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
INNER JOIN unnest(%s, %s) AS w (machine_id, plant_id) ON w.machine_id = m.machine_id
INNER JOIN master.plants AS p
    ON p.company_iot_id = m.company_iot_id AND p.plant_id = w.plant_id
WHERE c.company_id = %s
ON CONFLICT (machine_iot_id) DO NOTHING
"""
_KEYS = """
SELECT m.machine_id, m.iot_id
FROM master.machine_info AS m
INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
WHERE c.company_id = %s
"""


def register_fleet(
    connection: psycopg2.extensions.connection, fleet: Fleet, codes: Sequence[tuple[str, int]]
) -> list[int]:
    """Register a fleet in v2's master tables, as far as it is not there; commits nothing.

    :param codes: downtime codes that its gateways send, with their numbers.
    :return: v2's integer key of each machine, in the fleet's order.
    """
    names = list(fleet.names)
    devices = [fleet.device_of(number) for number in range(fleet.machines)]
    plants = [f"SIM-P{number // MACHINES_A_PLANT + 1}" for number in range(fleet.machines)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_class AS c INNER JOIN pg_namespace AS n"
            " ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'bronze' AND c.relname = 'raw_machine_cycles')"
        )
        if not cursor.fetchone()[0]:  # type: ignore[index]
            raise DatabaseStateError(
                "This database has no bronze for a fleet.",
                context=["The table bronze.raw_machine_cycles, of revision 0201, is not there."],
                hint="Run alembic upgrade head, or write files with --files",
            )
        cursor.execute(_COMPANY, (COMPANY,))
        cursor.execute(_PLANTS, (len(set(plants)), COMPANY))
        for shift in SHIFTS:
            cursor.execute(_SHIFT, (*shift, COMPANY))
        texts, numbers = [code for code, _ in codes], [number for _, number in codes]
        cursor.execute(_CODES, (texts,))
        cursor.execute(_NUMBERS, (texts, numbers, COMPANY))
        cursor.execute(_DEVICES, (sorted(set(devices)),))
        cursor.execute(_MACHINES, (names, devices, COMPANY))
        cursor.execute(_MAPPING, (names, plants, COMPANY))
        return _keys(cursor, names)


def _keys(cursor: Any, names: list[str]) -> list[int]:
    cursor.execute(_KEYS, (COMPANY,))
    keys: dict[str, int] = dict(cursor.fetchall())
    return [keys[name] for name in names]
