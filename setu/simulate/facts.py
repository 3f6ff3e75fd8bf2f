"""The rest of a made-up v1 fleet: all that is no cycle, no payload, no machine and no shift.

The chances come from md5, which gives the same on every server. Nothing here commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg2.extensions

_Connection = psycopg2.extensions.connection


@dataclass(frozen=True)
class _Fact:
    """A silver table: one row in each of a machine's beats, unless ``every`` is more than one.

    ``values`` see the machine ``m``, the number ``n``, the time ``at``, the shift ``shift_id``,
    the seconds of a beat ``period``, and three chances from 0 to 1: ``a``, ``b``, ``c``. A per cent
    sign is doubled.
    """

    table: str
    columns: str
    values: str
    every: int = 1


_FACTS = (
    _Fact(
        "machine_status",
        "time, program_no, status, operator_id, target, created_at, shift_id",
        "at, 'O' || 1000 + floor(b * 4)::integer,"
        " (ARRAY['Running', 'Running', 'Idle', 'Stopped'])[1 + floor(a * 4)::integer],"
        " 'OP-' || floor(c * 5)::integer, 100, at + INTERVAL '2 seconds', shift_id",
    ),
    _Fact(
        "machine_downtime",
        "down_start, down_end, down_code, down_id, down_threshold, created_at, shift_id",
        "at, CASE WHEN c < 0.98 THEN at + make_interval(secs => 60 + floor(a * 1800)) END,"
        " (ARRAY['NO-OP', 'TOOL', 'POWER', 'SETUP'])[1 + floor(b * 4)::integer],"
        " 1 + floor(b * 4)::integer, 300, at + INTERVAL '35 minutes', shift_id",
        every=3,
    ),
    _Fact(
        "machine_alarms",
        "time, alarm_no, alarm_desc, created_at, shift_id",
        "at, (1000 + floor(a * 9))::text, 'Alarm ' || floor(a * 9),"
        " at + INTERVAL '2 seconds', shift_id",
        every=4,
    ),
    _Fact(
        "machine_energy",
        "time, category, servo_energy, spindle_energy, total_energy, created_at, shift_id",
        "at, (ARRAY['Machine', 'Coolant'])[1 + n %% 2], round(a::numeric * 4, 3),"
        " round(b::numeric * 6, 3), round(a::numeric * 4, 3) + round(b::numeric * 6, 3),"
        " at + INTERVAL '2 seconds', shift_id",
    ),
    _Fact(
        "machine_focas",
        "time, shift_id, part_count, rej_count, pot, ot, ct, created_at",
        "at, shift_id, floor(a * 20), floor(b * 2), round(period),"
        " round(period * (0.6 + 0.3 * c)), round(period * (0.3 + 0.3 * c)),"
        " at + INTERVAL '2 seconds'",
    ),
    _Fact(
        "machine_tool_usage",
        "time, tool_no, target_count, actual_count, created_at, shift_id",
        "at, 'T' || 1 + n %% 8, 500, floor(a * 500), at + INTERVAL '2 seconds', shift_id",
        every=2,
    ),
    _Fact(
        "machine_pm_status",
        "time, status, pm_corrected_count, pm_pending_count, created_at, shift_id",
        "at, (ARRAY['Pending', 'Done'])[1 + floor(a * 2)::integer], floor(b * 5)::integer,"
        " floor(c * 5)::integer, at + INTERVAL '2 seconds', shift_id",
        every=4,
    ),
    _Fact(
        "customer_feedback",
        "time, user_id, batch_no, question_id, question_category, rating_value, comments,"
        " created_at",
        "at, 'U-' || m.plant_id, 'B-' || n, 'Q-' || 1 + n %% 3, 'Quality',"
        " 1 + floor(a * 5)::integer, NULL, at + INTERVAL '1 hour'",
        every=8,
    ),
)

_HISTORY = """
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
            date_trunc('milliseconds', %(end)s::timestamptz - make_interval(
                secs => (%(beats)s - n - ('x' || substr(d.digest, 19, 6))::bit(24)::integer
                    / 16777216.0) * %(period)s::double precision
            )) AS at,
            ('x' || substr(d.digest, 1, 6))::bit(24)::integer / 16777216.0::double precision AS a,
            ('x' || substr(d.digest, 7, 6))::bit(24)::integer / 16777216.0::double precision AS b,
            ('x' || substr(d.digest, 13, 6))::bit(24)::integer / 16777216.0::double precision AS c,
            %(period)s::double precision AS period
        FROM master.machine_info AS m
        CROSS JOIN generate_series(0, %(beats)s - 1) AS n
        CROSS JOIN LATERAL (
            SELECT md5(concat_ws('/', %(seed)s, %(table)s, m.company_id, m.machine_id, n)) AS digest
        ) AS d
        WHERE n %% %(every)s = 0
    ),
    m AS (
        SELECT b.*, s.shift_id
        FROM beat AS b
        INNER JOIN shift_of_slot AS s
            ON s.plant_id = b.plant_id
            AND s.half_hour = floor(
                extract(epoch FROM (b.at AT TIME ZONE 'Asia/Kolkata')::time) / 1800
            )::integer
    )
    INSERT INTO silver.{table} (company_id, machine_id, {columns})
    SELECT m.company_id, m.machine_id, {values}
    FROM m
"""

_MASTERS = (
    """
    INSERT INTO master.downtime_codes (
        down_id, down_code, description, category, threshold_sec, created_at, company_id
    )
    SELECT d.*, %(begin)s, c.company_id
    FROM master.companies AS c
    CROSS JOIN (
        VALUES
            (1, 'NO-OP', 'No operator', 'Idle', 300),
            (2, 'TOOL', 'Tool change', 'Planned', 600),
            (3, 'POWER', 'Power cut', 'Unplanned', 60),
            (4, 'SETUP', 'Set-up', 'Planned', 1800)
    ) AS d
    """,
    """
    INSERT INTO master.users (user_id, user_no, full_name, role, plant_id, created_at, company_id)
    SELECT 'U-' || p.plant_id, '1', 'User of ' || p.plant_name, 'Supervisor', p.plant_id,
        %(begin)s, p.company_id
    FROM master.plants AS p
    """,
    """
    INSERT INTO master.machine_assets (
        asset_id, machine_id, company_id, supplier_name, model_number, manufacturing_year,
        commissioned_date, warranty_expire_date, license_type, is_activated, created_at
    )
    SELECT 'ASSET-' || m.machine_id, m.machine_id, m.company_id, 'Okuma', 'LB-3000',
        2015 + (m.number %% 8)::integer, DATE '2020-01-01', DATE '2030-12-31',
        (ARRAY['Standard', 'Premium', 'Enterprise'])[1 + m.number %% 3], true, %(begin)s
    FROM (
        SELECT i.*, row_number() OVER (ORDER BY i.company_id, i.machine_id) AS number
        FROM master.machine_info AS i
    ) AS m
    """,
    """
    INSERT INTO master.machine_health_settings (
        machine_id, company_id, parameter_name, min_value, max_value, target_value, unit, updated_at
    )
    SELECT m.machine_id, m.company_id, h.*, %(begin)s
    FROM master.machine_info AS m
    CROSS JOIN (
        VALUES ('spindle_load', 0, 90.5, 70, '%%'), ('coolant_temperature', 15, 35, 22.5, 'C')
    ) AS h
    ORDER BY m.company_id, m.machine_id, h.column1
    """,
    """
    INSERT INTO master.production_targets (
        machine_id, company_id, program_no, shift_id, target_parts_per_hour, std_cycle_time_sec,
        effective_start_date, created_at
    )
    SELECT s.machine_id, s.company_id, 'O1000', s.shift_id, 8.5, 420, DATE '2024-01-01', %(begin)s
    FROM (
        SELECT m.machine_id, m.company_id, s.shift_id
        FROM master.machine_info AS m
        INNER JOIN master.shifts AS s
            ON s.company_id = m.company_id
            AND s.plant_id = m.plant_id
    ) AS s
    ORDER BY s.company_id, s.machine_id, s.shift_id
    """,
    """
    INSERT INTO config.alert_rules (
        rule_name, metric, condition_operator, threshold_value, severity, created_at, value_type,
        company_id
    )
    SELECT 'Long downtime', 'downtime_duration', '>', '1200', 'Warning', %(begin)s, 'Numeric',
        c.company_id
    FROM master.companies AS c
    ORDER BY c.company_id
    """,
    """
    INSERT INTO config.alert_subscriptions (
        rule_id, user_id, method, target_address, created_at, company_id
    )
    SELECT r.rule_id, u.user_id, 'Email', lower(u.user_id) || '@example.org', %(begin)s,
        u.company_id
    FROM config.alert_rules AS r
    INNER JOIN master.users AS u ON u.company_id = r.company_id
    ORDER BY u.company_id, u.user_id
    """,
)

_ALERTS = (
    """
    INSERT INTO alerting.history (
        time, company_id, rule_id, machine_id, message, value_at_alert, status, resolved_at
    )
    SELECT d.down_end, d.company_id, r.rule_id, d.machine_id, r.rule_name,
        round(extract(epoch FROM d.down_end - d.down_start))::text, 'Resolved',
        d.down_end + INTERVAL '5 minutes'
    FROM silver.machine_downtime AS d
    INNER JOIN config.alert_rules AS r ON r.company_id = d.company_id
    WHERE d.down_end - d.down_start > make_interval(secs => r.threshold_value::double precision)
    ORDER BY d.down_end, d.company_id, d.machine_id
    """,
    """
    INSERT INTO alerting.active_alerts (
        company_id, machine_id, rule_id, start_time, last_checked_at
    )
    SELECT DISTINCT ON (d.company_id, d.machine_id)
        d.company_id, d.machine_id, r.rule_id, d.down_start, %(end)s
    FROM silver.machine_downtime AS d
    INNER JOIN config.alert_rules AS r ON r.company_id = d.company_id
    WHERE d.down_end IS NULL
    ORDER BY d.company_id, d.machine_id, d.down_start DESC
    """,
    """
    INSERT INTO bronze.migration_metadata (
        table_name, rows_migrated, min_timestamp, max_timestamp, company_ids, max_rows_limit,
        run_id, migrated_at
    )
    SELECT 'machine_status', count(*), min(s."time"), max(s."time"),
        array_agg(DISTINCT s.company_id), 1000000, '00000000-0000-4000-8000-000000000002', %(end)s
    FROM silver.machine_status AS s
    HAVING count(*) > 0
    """,
)


def make_other_masters(connection: _Connection, begin: datetime) -> None:
    """Codes, users, assets, settings, targets, rules and subscriptions, created at ``begin``."""
    with connection.cursor() as cursor:
        for statement in _MASTERS:
            cursor.execute(statement, {"begin": begin})


def make_other_facts(
    connection: _Connection, *, days: int, events_per_machine_day: int, seed: int, end: datetime
) -> None:
    """The history of all silver tables but machine_cycles, and the alerts that follow from it."""
    beats = days * events_per_machine_day
    if not beats:
        return
    with connection.cursor() as cursor:
        for fact in _FACTS:
            cursor.execute(
                _HISTORY.format(table=fact.table, columns=fact.columns, values=fact.values),
                {
                    "end": end,
                    "beats": beats,
                    "period": 86400 / events_per_machine_day,
                    "seed": seed,
                    "table": fact.table,
                    "every": fact.every,
                },
            )
        for statement in _ALERTS:
            cursor.execute(statement, {"end": end})
