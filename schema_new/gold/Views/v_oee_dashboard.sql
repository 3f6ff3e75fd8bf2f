-- A factor is null where what it is made of was not reported, and where it would divide by zero.
-- Days are business dates, so a night shift stays whole.
-- @section view
CREATE VIEW gold.v_oee_dashboard AS
WITH stops AS (
    SELECT
        d.company_iot_id,
        d.machine_iot_id,
        pm.plant_iot_id,
        p.timezone,
        tstzrange(
            d.down_start,
            greatest(
                d.down_start,
                CASE
                    WHEN d.down_end IS NOT NULL THEN d.down_end
                    -- Without an end it lasts until the machine shows otherwise, or until now.
                    ELSE least(
                        lead(d.down_start) OVER w,
                        (
                            SELECT min(c.cycle_start)
                            FROM silver.machine_cycles AS c
                            WHERE c.machine_iot_id = d.machine_iot_id
                                AND c.cycle_start > d.down_start
                        ),
                        now()
                    )
                END
            )
        ) AS lasted
    FROM silver.machine_downtime AS d
    INNER JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = d.machine_iot_id
    INNER JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
    WINDOW w AS (PARTITION BY d.company_iot_id, d.machine_iot_id ORDER BY d.down_start)
),
-- Only what lies in a shift's scheduled time counts, on the day of that shift, and where two stops
-- lie over each other only once.
stopped AS (
    SELECT
        s.company_iot_id,
        s.machine_iot_id,
        l.day,
        range_agg(
            s.lasted * tstzrange(
                (l.day + sd.from_day + sd.start_time) AT TIME ZONE s.timezone,
                (l.day + sd.to_day + sd.end_time) AT TIME ZONE s.timezone
            )
        ) AS times
    FROM stops AS s
    INNER JOIN master.shift_definitions AS sd ON sd.plant_iot_id = s.plant_iot_id AND sd.is_running
    CROSS JOIN LATERAL (
        SELECT
            (lower(s.lasted) AT TIME ZONE s.timezone)::date AS first_day,
            (upper(s.lasted) AT TIME ZONE s.timezone)::date AS last_day
    ) AS b
    CROSS JOIN LATERAL (
        SELECT b.first_day + n.days AS day
        FROM generate_series(-1, b.last_day - b.first_day) AS n (days)
    ) AS l
    WHERE NOT isempty(s.lasted)
    GROUP BY s.company_iot_id, s.machine_iot_id, l.day
),
reported AS (
    SELECT
        t.company_iot_id,
        t.machine_iot_id,
        t.day,
        sum(extract(EPOCH FROM upper(u.piece) - lower(u.piece))) AS downtime_sec,
        NULL::bigint AS cycles,
        NULL::bigint AS std_sec,
        NULL::bigint AS parts,
        NULL::bigint AS rejects
    FROM stopped AS t
    CROSS JOIN LATERAL unnest(t.times) AS u (piece)
    GROUP BY t.company_iot_id, t.machine_iot_id, t.day
    UNION ALL
    -- Cycles outside the scheduled time have no share in its run time.
    SELECT
        c.company_iot_id,
        c.machine_iot_id,
        c.logical_date,
        NULL,
        count(*) FILTER (WHERE c.shift_id <> 0),
        CASE
            WHEN bool_and(c.std_cycle_time IS NOT NULL) FILTER (WHERE c.shift_id <> 0)
            THEN sum(c.std_cycle_time) FILTER (WHERE c.shift_id <> 0)
        END,
        NULL,
        NULL
    FROM silver.machine_cycles AS c
    GROUP BY c.company_iot_id, c.machine_iot_id, c.logical_date
    UNION ALL
    SELECT
        f.company_iot_id,
        f.machine_iot_id,
        f.logical_date,
        NULL,
        NULL,
        NULL,
        -- A reading with one of the two and not the other leaves the share of rejects unknown.
        CASE
            WHEN bool_and((f.part_count IS NULL) = (f.rej_count IS NULL)) THEN sum(f.part_count)
        END,
        CASE
            WHEN bool_and((f.part_count IS NULL) = (f.rej_count IS NULL)) THEN sum(f.rej_count)
        END
    FROM silver.machine_focas AS f
    GROUP BY f.company_iot_id, f.machine_iot_id, f.logical_date
),
days AS (
    SELECT
        r.company_iot_id,
        r.machine_iot_id,
        r.day,
        coalesce(sum(r.downtime_sec), 0) AS downtime_sec,
        sum(r.cycles) AS cycles,
        sum(r.std_sec) AS std_sec,
        sum(r.parts) AS parts,
        sum(r.rejects) AS rejects
    FROM reported AS r
    GROUP BY r.company_iot_id, r.machine_iot_id, r.day
),
factors AS (
    SELECT
        d.*,
        t.planned_sec,
        t.planned_sec - d.downtime_sec AS run_sec,
        (t.planned_sec - d.downtime_sec) / nullif(t.planned_sec, 0) AS availability,
        d.std_sec / nullif(t.planned_sec - d.downtime_sec, 0) AS performance,
        (d.parts - d.rejects) / nullif(d.parts, 0) AS quality
    FROM days AS d
    CROSS JOIN LATERAL (
        SELECT
            sum(extract(EPOCH FROM
                (d.day + sd.to_day + sd.end_time) AT TIME ZONE p.timezone
                - (d.day + sd.from_day + sd.start_time) AT TIME ZONE p.timezone
            )) AS planned_sec
        FROM master.plant_machine_mapping AS pm
        INNER JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
        INNER JOIN master.shift_definitions AS sd
            ON sd.plant_iot_id = pm.plant_iot_id AND sd.is_running
        WHERE pm.machine_iot_id = d.machine_iot_id
    ) AS t
)
SELECT
    f.day,
    f.company_iot_id,
    f.machine_iot_id,
    f.planned_sec,
    f.downtime_sec,
    f.run_sec,
    f.cycles AS total_cycles,
    f.parts AS total_parts,
    f.rejects AS total_rejects,
    f.availability,
    f.performance,
    f.quality,
    f.availability * f.performance * f.quality AS oee
FROM factors AS f;

COMMENT ON VIEW gold.v_oee_dashboard IS
    'Overall equipment effectiveness per business date and machine, each factor from data or null';
COMMENT ON COLUMN gold.v_oee_dashboard.planned_sec IS
    'Scheduled seconds of the plant''s running shifts on that date; null: it has none';
COMMENT ON COLUMN gold.v_oee_dashboard.downtime_sec IS 'Seconds of stops within the scheduled time';
COMMENT ON COLUMN gold.v_oee_dashboard.run_sec IS 'Scheduled seconds without stops';
COMMENT ON COLUMN gold.v_oee_dashboard.total_cycles IS 'Cycles within the scheduled time';
COMMENT ON COLUMN gold.v_oee_dashboard.availability IS '(planned - downtime) / planned';
COMMENT ON COLUMN gold.v_oee_dashboard.performance IS
    'Standard seconds of the cycles / run time; null where a cycle''s standard is not known';
COMMENT ON COLUMN gold.v_oee_dashboard.quality IS '(parts - rejects) / parts';

-- @section grants
GRANT SELECT ON gold.v_oee_dashboard TO setu_reader;
