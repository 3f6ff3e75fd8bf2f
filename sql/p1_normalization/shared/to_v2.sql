-- A v1 row as v2 sees it, one function a table; no row for an orphan, whose machine master does not
-- know. Each is a single query, so that the planner can take it apart: the triggers call it for a
-- row, the backfill for a chunk.

-- What every fact has in common. A v1 shift that maps is kept, with the business date on which it
-- began: v1 judged a whole payload by one instant, so a row can lie outside the shift it was given,
-- and the nearest time that this shift ran is meant. Only where v1 has none is one looked up.
CREATE FUNCTION _stage.keys_of(
    p_company_id text, p_machine_id text, p_shift_id text, p_time timestamptz
)
RETURNS TABLE (
    logical_date date, company_iot_id integer, machine_iot_id integer, shift_id smallint,
    shift_name text
)
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT
        coalesce(own.logical_date, covering.logical_date, w.wall::date),
        m.company_iot_id,
        m.iot_id,
        coalesce(d.shift_id, CASE WHEN p_shift_id IS NULL THEN covering.shift_id END, 0::smallint),
        CASE
            WHEN d.shift_id IS NOT NULL THEN d.shift_name
            WHEN p_shift_id IS NULL AND covering.shift_id IS NOT NULL THEN covering.shift_name
            ELSE 'UNKNOWN'
        END
    FROM _archive.machine_keys AS k
    INNER JOIN _stage.machine_info AS m ON m.iot_id = k.machine_iot_id
    LEFT JOIN _stage.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN _stage.plants AS p ON p.iot_id = pm.plant_iot_id
    CROSS JOIN LATERAL (
        SELECT p_time AT TIME ZONE coalesce(p.timezone, 'Asia/Kolkata') AS wall
    ) AS w
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = p.iot_id AND sk.v1_shift_id = p_shift_id
    LEFT JOIN _stage.shift_definitions AS d
        ON d.plant_iot_id = sk.plant_iot_id AND d.shift_id = sk.shift_id
    LEFT JOIN LATERAL (
        SELECT w.wall::date + o.days AS logical_date
        FROM (VALUES (-2), (-1), (0), (1)) AS o (days)
        CROSS JOIN LATERAL (
            SELECT
                (w.wall::date + o.days + d.from_day) + d.start_time AS starts,
                (w.wall::date + o.days + d.to_day) + d.end_time AS ends
        ) AS s
        WHERE d.shift_id IS NOT NULL AND isfinite(w.wall)
        ORDER BY greatest(s.starts - w.wall, w.wall - s.ends, INTERVAL '0'), o.days
        LIMIT 1
    ) AS own ON true
    LEFT JOIN LATERAL (
        SELECT c.shift_id, c.shift_name, w.wall::date + o.days AS logical_date
        FROM _stage.shift_definitions AS c
        CROSS JOIN (VALUES (-1), (0)) AS o (days)
        WHERE d.shift_id IS NULL AND isfinite(w.wall)
            AND c.plant_iot_id = p.iot_id AND c.is_running
            AND w.wall >= (w.wall::date + o.days + c.from_day) + c.start_time
            AND w.wall < (w.wall::date + o.days + c.to_day) + c.end_time
        LIMIT 1
    ) AS covering ON true
    WHERE k.company_id = p_company_id AND k.machine_id = p_machine_id
$function$;
COMMENT ON FUNCTION _stage.keys_of(text, text, text, timestamptz) IS
    'The v2 keys, shift and business date of a v1 row; no row for an orphan';
REVOKE ALL ON FUNCTION _stage.keys_of(text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_cycles) RETURNS SETOF _stage.machine_cycles
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.cycle_start, v1.cycle_end, v1.program_no, v1.std_load_unload, v1.std_cycle_time,
        v1.actual_load_unload, v1.actual_cycle_time, v1.down_threshold,
        coalesce(v1.created_at, v1.cycle_start)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.cycle_start) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_downtime) RETURNS SETOF _stage.machine_downtime
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.down_start, v1.down_end, NULL::text,
        coalesce(
            (
                SELECT c.down_id FROM _archive.down_code_keys AS c
                WHERE c.company_id = v1.company_id AND c.v1_down_id = v1.down_id
            ),
            (SELECT c.down_id FROM _stage.downtime_codes AS c WHERE c.down_code = v1.down_code)
        ),
        v1.down_threshold,
        coalesce(v1.created_at, v1.down_start)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.down_start) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_status) RETURNS SETOF _stage.machine_status
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, v1.program_no, v1.status, v1.operator_id, v1.target,
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_alarms) RETURNS SETOF _stage.machine_alarms
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, coalesce(v1.alarm_no, ''), v1.alarm_desc,
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

-- numeric rounds half away from zero, double precision would round half to even.
CREATE FUNCTION _stage.to_v2(v1 silver.machine_energy) RETURNS SETOF _stage.machine_energy
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, coalesce(v1.category, ''), v1.servo_energy::numeric::numeric(12, 3),
        v1.spindle_energy::numeric::numeric(12, 3), v1.total_energy::numeric::numeric(12, 3),
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_focas) RETURNS SETOF _stage.machine_focas
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, round(v1.part_count::numeric)::integer, round(v1.rej_count::numeric)::integer,
        round(v1.pot::numeric)::integer, round(v1.ot::numeric)::integer,
        round(v1.ct::numeric)::integer,
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_tool_usage) RETURNS SETOF _stage.machine_tool_usage
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, v1.tool_no, round(v1.target_count::numeric)::integer,
        round(v1.actual_count::numeric)::integer,
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.machine_pm_status) RETURNS SETOF _stage.machine_pm_status
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.logical_date, k.company_iot_id, k.machine_iot_id, k.shift_id, k.shift_name,
        v1.time, v1.status, v1.pm_corrected_count, v1.pm_pending_count,
        coalesce(v1.created_at, v1.time)
    FROM _stage.keys_of(v1.company_id, v1.machine_id, v1.shift_id, v1.time) AS k
$function$;

CREATE FUNCTION _stage.to_v2(v1 silver.customer_feedback) RETURNS SETOF _stage.customer_feedback
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT m.company_iot_id, m.iot_id, v1.time, coalesce(v1.user_id, ''), v1.batch_no,
        coalesce(v1.question_id, ''), v1.question_category, v1.rating_value, v1.comments,
        coalesce(v1.created_at, v1.time)
    FROM _archive.machine_keys AS k
    INNER JOIN _stage.machine_info AS m ON m.iot_id = k.machine_iot_id
    WHERE k.company_id = v1.company_id AND k.machine_id = v1.machine_id
$function$;

CREATE FUNCTION _stage.to_v2(v1 alerting.history) RETURNS SETOF _stage.history
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v1.alert_id, v1.time, m.company_iot_id, v1.rule_id, m.iot_id, v1.message,
        v1.value_at_alert, v1.status, v1.resolved_at
    FROM _archive.machine_keys AS k
    INNER JOIN _stage.machine_info AS m ON m.iot_id = k.machine_iot_id
    WHERE k.company_id = v1.company_id AND k.machine_id = v1.machine_id
$function$;
