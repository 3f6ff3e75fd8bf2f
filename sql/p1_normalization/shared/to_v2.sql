-- v1's rows as v2 holds them, one view a table; an orphan, whose machine master does not know, has
-- no row. The columns that open with v1_ name the row of v1, all others are v2's, in v2's order.
-- Before 4713 BC there is no room for a day more or less. No row arrives later than now.
-- Small tables hold the master data that rows need, so that a chunk costs hash joins and not a
-- look-up a row. Each view spells its joins out: the planner must see them to hash.
CREATE TABLE _stage.machine_map (
    company_id text NOT NULL,
    machine_id text NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    plant_iot_id integer,
    timezone text NOT NULL,
    CONSTRAINT machine_map_pkey PRIMARY KEY (company_id, machine_id)
);
COMMENT ON TABLE _stage.machine_map IS 'The keys of v1''s machines, their plant and its wall clock';

CREATE TABLE _stage.shift_map (
    plant_iot_id integer NOT NULL,
    v1_shift_id text NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    to_logical_date interval NOT NULL,
    CONSTRAINT shift_map_pkey PRIMARY KEY (plant_iot_id, v1_shift_id)
);
COMMENT ON COLUMN _stage.shift_map.to_logical_date IS
    'What to add to a wall time for the date on which the nearest run of the shift began';

CREATE TABLE _stage.shift_hours (
    plant_iot_id integer NOT NULL,
    from_time time NOT NULL,
    to_time time NOT NULL,
    days integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text
);
CREATE INDEX shift_hours_plant_iot_id_idx ON _stage.shift_hours (plant_iot_id);
COMMENT ON TABLE _stage.shift_hours IS
    'The hours of a day that a running shift covers; days: from that day to the logical date';

CREATE FUNCTION _stage.refresh_maps() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    DELETE FROM _stage.machine_map;
    INSERT INTO _stage.machine_map (
        company_id, machine_id, company_iot_id, machine_iot_id, plant_iot_id, timezone
    )
    SELECT k.company_id, k.machine_id, m.company_iot_id, m.iot_id, p.iot_id,
        coalesce(p.timezone, 'Asia/Kolkata')
    FROM _archive.machine_keys AS k
    INNER JOIN _stage.machine_info AS m ON m.iot_id = k.machine_iot_id
    LEFT JOIN _stage.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN _stage.plants AS p ON p.iot_id = pm.plant_iot_id;

    -- v1 took one instant for a whole payload, so a row can lie outside the shift it was given:
    -- the nearest run of that shift is meant. Two runs are equally near at noon of the shift's
    -- middle, 12 hours on; up to there, the earlier run's date counts.
    DELETE FROM _stage.shift_map;
    INSERT INTO _stage.shift_map (plant_iot_id, v1_shift_id, shift_id, shift_name, to_logical_date)
    SELECT d.plant_iot_id, k.v1_shift_id, d.shift_id, d.shift_name,
        INTERVAL '1 day' - INTERVAL '1 microsecond'
            - (INTERVAL '12 hours' + INTERVAL '1 microsecond' * floor(extract(epoch FROM
                (d.start_time - time '00:00') + (d.end_time - time '00:00')
                + (d.from_day + d.to_day) * INTERVAL '24 hours'
            ) * 1000000 / 2)::double precision)
    FROM _archive.shift_keys AS k
    INNER JOIN _stage.shift_definitions AS d
        ON d.plant_iot_id = k.plant_iot_id AND d.shift_id = k.shift_id;

    DELETE FROM _stage.shift_hours;
    INSERT INTO _stage.shift_hours (
        plant_iot_id, from_time, to_time, days, shift_id, shift_name
    )
    SELECT h.plant_iot_id,
        time '00:00' + greatest(h.starts, INTERVAL '0'),
        CASE WHEN h.ends >= INTERVAL '24 hours' THEN time '24:00' ELSE time '00:00' + h.ends END,
        h.days, h.shift_id, h.shift_name
    FROM (
        SELECT d.plant_iot_id, d.shift_id, d.shift_name, o.days,
            (d.start_time - time '00:00') + (o.days + d.from_day) * INTERVAL '24 hours' AS starts,
            (d.end_time - time '00:00') + (o.days + d.to_day) * INTERVAL '24 hours' AS ends
        FROM _stage.shift_definitions AS d
        CROSS JOIN (VALUES (-1), (0)) AS o (days)
        WHERE d.is_running
    ) AS h
    WHERE h.starts < INTERVAL '24 hours' AND h.ends > INTERVAL '0';
END
$function$;
COMMENT ON FUNCTION _stage.refresh_maps() IS 'Computes the small tables that the views v2_* read';
REVOKE ALL ON FUNCTION _stage.refresh_maps() FROM PUBLIC;

CREATE VIEW _stage.v2_machine_cycles AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.cycle_start AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.cycle_start,
    v1.cycle_end,
    v1.program_no,
    v1.std_load_unload,
    v1.std_cycle_time,
    v1.actual_load_unload,
    v1.actual_cycle_time,
    v1.down_threshold,
    coalesce(v1.created_at, v1.cycle_start) AS created_at
FROM silver.machine_cycles AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.cycle_start, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.cycle_start <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

-- v1 does not know v2's program_no: it stays as it is.
CREATE VIEW _stage.v2_machine_downtime AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.down_start AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.down_start,
    v1.down_end,
    coalesce(d.down_id, k.down_id) AS down_id,
    v1.down_threshold,
    coalesce(v1.created_at, v1.down_start) AS created_at
FROM silver.machine_downtime AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.down_start, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
LEFT JOIN _archive.down_code_keys AS k
    ON k.company_id = v1.company_id AND k.v1_down_id = v1.down_id
LEFT JOIN _stage.downtime_codes AS d ON d.down_code = v1.down_code
WHERE v1.down_start <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_machine_status AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    v1.program_no,
    v1.status,
    v1.operator_id,
    v1.target,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_status AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_machine_alarms AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    coalesce(v1.alarm_no, '') AS alarm_no,
    v1.alarm_desc,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_alarms AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

-- numeric rounds half away from zero, double precision would round half to even.
CREATE VIEW _stage.v2_machine_energy AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    coalesce(v1.category, '') AS category,
    v1.servo_energy::numeric::numeric(12, 3) AS servo_energy,
    v1.spindle_energy::numeric::numeric(12, 3) AS spindle_energy,
    v1.total_energy::numeric::numeric(12, 3) AS total_energy,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_energy AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_machine_focas AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    round(v1.part_count::numeric)::integer AS part_count,
    round(v1.rej_count::numeric)::integer AS rej_count,
    round(v1.pot::numeric)::integer AS pot,
    round(v1.ot::numeric)::integer AS ot,
    round(v1.ct::numeric)::integer AS ct,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_focas AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_machine_tool_usage AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    v1.tool_no,
    round(v1.target_count::numeric)::integer AS target_count,
    round(v1.actual_count::numeric)::integer AS actual_count,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_tool_usage AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_machine_pm_status AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    -- v1's shift stands where it is known, with the business date of its nearest run; only where v1
    -- has none is one looked up.
    coalesce(
        (w.wall + s.to_logical_date)::date, w.wall::date + h.days, w.wall::date
    ) AS logical_date,
    m.company_iot_id,
    m.machine_iot_id,
    coalesce(
        s.shift_id, CASE WHEN v1.shift_id IS NULL THEN h.shift_id END, 0::smallint
    ) AS shift_id,
    CASE
        WHEN s.shift_id IS NOT NULL THEN s.shift_name
        WHEN v1.shift_id IS NULL AND h.shift_id IS NOT NULL THEN h.shift_name
        ELSE 'UNKNOWN'
    END AS shift_name,
    v1.time AS event_time,
    v1.status,
    v1.pm_corrected_count,
    v1.pm_pending_count,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.machine_pm_status AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
CROSS JOIN LATERAL (
    SELECT greatest(v1.time, '4713-01-01 00:00:00+00 BC') AT TIME ZONE m.timezone AS wall
) AS w
LEFT JOIN _stage.shift_map AS s
    ON s.plant_iot_id = m.plant_iot_id AND s.v1_shift_id = v1.shift_id
LEFT JOIN _stage.shift_hours AS h
    ON h.plant_iot_id = CASE WHEN s.shift_id IS NULL THEN m.plant_iot_id END
    AND w.wall::time >= h.from_time AND w.wall::time < h.to_time
WHERE v1.time <= least(nullif(v1.created_at, '-infinity'), now())
    + (SELECT _archive.future_limit());

CREATE VIEW _stage.v2_customer_feedback AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    m.company_iot_id,
    m.machine_iot_id,
    v1.time AS event_time,
    coalesce(v1.user_id, '') AS user_id,
    v1.batch_no,
    coalesce(v1.question_id, '') AS question_id,
    v1.question_category,
    v1.rating_value,
    v1.comments,
    coalesce(v1.created_at, v1.time) AS created_at
FROM silver.customer_feedback AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id;

CREATE VIEW _stage.v2_history AS
SELECT
    v1.company_id AS v1_company_id,
    v1.machine_id AS v1_machine_id,
    v1.time AS v1_time,
    v1.alert_id,
    v1.time,
    m.company_iot_id,
    v1.rule_id,
    m.machine_iot_id,
    v1.message,
    v1.value_at_alert,
    v1.status,
    v1.resolved_at
FROM alerting.history AS v1
INNER JOIN _stage.machine_map AS m
    ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id;
