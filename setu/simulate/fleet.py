"""A made-up v1 fleet with history, for the demo and the tests.

What is made follows from the size, the seed and ``until`` alone, except what v1's own procedures
stamp with the clock: ``raw_telemetry.batch_id``, and the times of rows that they write.
Nothing here commits.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import astuple
from datetime import UTC, datetime, time, timedelta

import psycopg2.extensions
from psycopg2.extras import execute_values

from setu.simulate.facts import make_other_facts, make_other_masters
from setu.simulate.fleet_size import FleetSize
from setu.simulate.telemetry import V1Machine, make_telemetry

V1_TABLES = (
    "master.companies",
    "master.plants",
    "master.machine_info",
    "master.shifts",
    "master.downtime_codes",
    "master.machine_assets",
    "master.machine_health_settings",
    "master.production_targets",
    "master.users",
    "config.alert_rules",
    "config.alert_subscriptions",
    "alerting.active_alerts",
    "alerting.history",
    "silver.customer_feedback",
    "silver.machine_alarms",
    "silver.machine_cycles",
    "silver.machine_downtime",
    "silver.machine_energy",
    "silver.machine_focas",
    "silver.machine_pm_status",
    "silver.machine_status",
    "silver.machine_tool_usage",
    "bronze.raw_telemetry",
    "bronze.dead_letter_queue",
    "bronze.migration_metadata",
)

_Connection = psycopg2.extensions.connection
_Shift = tuple[str, str, time, float | None]

# Three ways in which plants name their shifts; each has one that wraps past midnight.
_SHIFT_PLANS: tuple[tuple[_Shift, ...], ...] = (
    (
        ("A", "Morning", time(6), 8),
        ("B", "Evening", time(14), None),
        ("C", "Night", time(22), 8),
    ),
    (
        ("1", "First", time(7), 8.5),
        ("2", "Second", time(15, 30), 8),
        ("3", "Third", time(23, 30), 7.5),
    ),
    (
        ("SHIFT-1", "Day", time(8), 12),
        ("SHIFT-2", "Night", time(20), 12),
    ),
)


def last_midnight() -> datetime:
    """The last midnight in UTC: v1's retention policy would take a history over a year old."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def make_fleet(
    connection: _Connection,
    size: FleetSize | None = None,
    *,
    seed: int = 1,
    until: datetime | None = None,
) -> dict[str, int]:
    """Fill an empty v1 database; returns the rows of each v1 table by name.

    ``until`` is the end of the history, with a time zone; by default ``last_midnight()``.
    """
    wanted = size or FleetSize()
    end = until or last_midnight()
    chance = random.Random(seed)
    machines = _make_masters(connection, wanted, end)
    make_other_masters(connection, end - timedelta(days=wanted.days + 30))
    _make_history(connection, wanted, seed, end)
    make_other_facts(
        connection,
        days=wanted.days,
        events_per_machine_day=wanted.events_per_machine_day,
        seed=seed,
        end=end,
    )
    make_telemetry(connection, wanted, chance, machines, end)
    return count_rows(connection)


def count_rows(connection: _Connection, tables: Iterable[str] = V1_TABLES) -> dict[str, int]:
    """Rows of each table, by name. Names are pasted as they are."""
    counts: dict[str, int] = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            row = cursor.fetchone()
            counts[table] = int(row[0]) if row else 0
    return counts


def _make_masters(connection: _Connection, size: FleetSize, end: datetime) -> list[V1Machine]:
    begin = end - timedelta(days=size.days + 30)
    companies = [f"COMP-{c:02}" for c in range(1, size.companies + 1)]
    plants = [
        (f"{company}-P{p:02}", company) for company in companies for p in range(1, size.plants + 1)
    ]
    machines = [
        V1Machine(f"CNC-{number:05}", company, plant, f"GW-{number:05}", str(1000 + number))
        for number, (plant, company) in enumerate(
            (pair for pair in plants for _ in range(size.machines)), start=1
        )
    ]
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO master.companies"
            " (company_id, company_name, effective_from_date, created_at) VALUES %s",
            [(company, f"Company {company[-2:]}", begin, begin) for company in companies],
        )
        execute_values(
            cursor,
            "INSERT INTO master.plants"
            " (plant_id, company_id, plant_name, plant_city, created_at) VALUES %s",
            [(plant, company, f"Plant {plant}", "Pune", begin) for plant, company in plants],
        )
        execute_values(
            cursor,
            "INSERT INTO master.machine_info"
            " (machine_id, company_id, plant_id, device_id, iot_id, created_at) VALUES %s",
            [(*astuple(machine), begin) for machine in machines],
            page_size=1000,
        )
        execute_values(
            cursor,
            "INSERT INTO master.shifts (shift_id, company_id, plant_id, shift_name, start_time,"
            " duration_hrs, created_at) VALUES %s",
            [
                (shift_id, company, plant, name, start, hours, begin)
                for number, (plant, company) in enumerate(plants)
                for shift_id, name, start, hours in _SHIFT_PLANS[number % len(_SHIFT_PLANS)]
            ],
        )
    return machines


def _make_history(connection: _Connection, size: FleetSize, seed: int, end: datetime) -> None:
    """Cycles on a regular beat, each moved by less than its slack, so that none overlap.

    All shifts begin and end on half hours, so v1 is asked for one shift in each of those.
    The chances come from md5, which gives the same on every server.
    """
    if not size.cycle_count:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH shift_of_slot AS MATERIALIZED (
                SELECT
                    p.plant_id,
                    half_hour,
                    master.get_shift_id(
                        p.plant_id,
                        (DATE '2000-01-03' + half_hour * INTERVAL '30 minutes')
                            AT TIME ZONE 'Asia/Kolkata'
                    ) AS shift_id
                FROM (SELECT DISTINCT plant_id FROM master.plants) AS p
                CROSS JOIN generate_series(0, 47) AS half_hour
            ),
            beat AS (
                SELECT
                    m.machine_id,
                    m.company_id,
                    m.plant_id,
                    n,
                    %(end)s::timestamptz - make_interval(
                        secs => (%(cycles)s - n) * %(period)s::double precision
                    ) AS slot,
                    ('x' || substr(d.digest, 1, 6))::bit(24)::integer / 16777216.0 AS jitter,
                    ('x' || substr(d.digest, 7, 6))::bit(24)::integer / 16777216.0 AS run,
                    ('x' || substr(d.digest, 13, 6))::bit(24)::integer %% 4 AS program
                FROM master.machine_info AS m
                CROSS JOIN generate_series(0, %(cycles)s - 1) AS n
                CROSS JOIN LATERAL (
                    SELECT md5(concat_ws('/', %(seed)s, m.company_id, m.machine_id, n)) AS digest
                ) AS d
            ),
            cycle AS (
                SELECT
                    b.machine_id,
                    b.company_id,
                    b.plant_id,
                    b.program,
                    date_trunc('milliseconds', b.slot + make_interval(
                        secs => (b.jitter * 0.1 * %(period)s)::double precision
                    )) AS cycle_start,
                    date_trunc('milliseconds', b.slot + make_interval(
                        secs => ((b.jitter * 0.1 + 0.5 + b.run * 0.3) * %(period)s)
                            ::double precision
                    )) AS cycle_end
                FROM beat AS b
            )
            INSERT INTO silver.machine_cycles (
                cycle_start, cycle_end, company_id, machine_id, program_no, std_load_unload,
                std_cycle_time, actual_load_unload, actual_cycle_time, created_at, shift_id,
                down_threshold
            )
            SELECT
                c.cycle_start,
                c.cycle_end,
                c.company_id,
                c.machine_id,
                'O' || (1000 + c.program),
                60,
                round(0.6 * %(period)s)::integer,
                round(extract(epoch FROM c.cycle_start - lag(c.cycle_end) OVER (
                    PARTITION BY c.company_id, c.machine_id ORDER BY c.cycle_start
                )))::integer,
                round(extract(epoch FROM c.cycle_end - c.cycle_start))::integer,
                c.cycle_end + INTERVAL '2 seconds',
                s.shift_id,
                300
            FROM cycle AS c
            INNER JOIN shift_of_slot AS s
                ON s.plant_id = c.plant_id
                AND s.half_hour = floor(
                    extract(epoch FROM (c.cycle_start AT TIME ZONE 'Asia/Kolkata')::time) / 1800
                )::integer
            """,
            {
                "end": end,
                "cycles": size.days * size.cycles_per_machine_day,
                "period": 86400 / size.cycles_per_machine_day,
                "seed": seed,
            },
        )
