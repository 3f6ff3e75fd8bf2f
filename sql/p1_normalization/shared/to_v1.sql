-- A v2 row as v1 writes it, one function a table.
CREATE OR REPLACE FUNCTION _archive.v1_keys_of(p_machine_iot_id integer, p_shift_id smallint)
RETURNS TABLE (company_id text, machine_id text, shift_id text)
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT k.company_id, k.machine_id,
        CASE WHEN p_shift_id = 0 THEN 'UNKNOWN' ELSE coalesce(sk.v1_shift_id, p_shift_id::text) END
    FROM (
        SELECT c.machine_iot_id, c.company_id, c.machine_id FROM _archive.machine_keys AS c
        UNION ALL
        SELECT f.machine_iot_id, f.company_id, f.machine_id FROM _archive.former_machine_keys AS f
    ) AS k
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = k.machine_iot_id
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pm.plant_iot_id AND sk.shift_id = p_shift_id
    WHERE k.machine_iot_id = p_machine_iot_id
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_cycles)
RETURNS SETOF _archive.machine_cycles
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.cycle_start, v2.cycle_end, k.company_id, k.machine_id, v2.program_no,
        v2.std_load_unload, v2.std_cycle_time, v2.actual_load_unload, v2.actual_cycle_time,
        v2.created_at, k.shift_id, v2.down_threshold
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_downtime)
RETURNS SETOF _archive.machine_downtime
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.down_start, v2.down_end, k.company_id, k.machine_id,
        (SELECT d.down_code FROM master.downtime_codes AS d WHERE d.down_id = v2.down_id),
        coalesce(
            -- v1's own number: what a number means to gateways may have changed under v2.
            (
                SELECT min(c.down_id)
                FROM _archive.downtime_codes AS c
                INNER JOIN master.downtime_codes AS d ON d.down_code = c.down_code
                WHERE c.company_id = k.company_id AND d.down_id = v2.down_id
            ),
            (
                SELECT min(c.v1_down_id) FROM _archive.down_code_keys AS c
                WHERE c.company_id = k.company_id AND c.down_id = v2.down_id
            ),
            v2.down_id
        ),
        v2.down_threshold, v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_status)
RETURNS SETOF _archive.machine_status
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, v2.program_no, v2.status, v2.operator_id,
        v2.target, v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_alarms)
RETURNS SETOF _archive.machine_alarms
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, nullif(v2.alarm_no, ''), v2.alarm_desc,
        v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_energy)
RETURNS SETOF _archive.machine_energy
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, nullif(v2.category, ''),
        v2.servo_energy::double precision, v2.spindle_energy::double precision,
        v2.total_energy::double precision, v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_focas)
RETURNS SETOF _archive.machine_focas
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, k.shift_id,
        v2.part_count::double precision, v2.rej_count::double precision,
        v2.pot::double precision, v2.ot::double precision, v2.ct::double precision, v2.created_at
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_tool_usage)
RETURNS SETOF _archive.machine_tool_usage
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, v2.tool_no,
        v2.target_count::double precision, v2.actual_count::double precision,
        v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.machine_pm_status)
RETURNS SETOF _archive.machine_pm_status
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, v2.status, v2.pm_corrected_count,
        v2.pm_pending_count, v2.created_at, k.shift_id
    FROM _archive.v1_keys_of(v2.machine_iot_id, v2.shift_id) AS k
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 silver.customer_feedback)
RETURNS SETOF _archive.customer_feedback
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.event_time, k.company_id, k.machine_id, nullif(v2.user_id, ''), v2.batch_no,
        nullif(v2.question_id, ''), v2.question_category, v2.rating_value, v2.comments,
            v2.created_at
    FROM (
        SELECT c.machine_iot_id, c.company_id, c.machine_id FROM _archive.machine_keys AS c
        UNION ALL
        SELECT f.machine_iot_id, f.company_id, f.machine_id FROM _archive.former_machine_keys AS f
    ) AS k
    WHERE k.machine_iot_id = v2.machine_iot_id
$function$;

CREATE OR REPLACE FUNCTION _archive.to_v1(v2 alerting.history)
RETURNS SETOF _archive.history
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT v2.alert_id, v2.time, k.company_id, v2.rule_id, k.machine_id, v2.message,
        v2.value_at_alert, v2.status, v2.resolved_at
    FROM (
        SELECT c.machine_iot_id, c.company_id, c.machine_id FROM _archive.machine_keys AS c
        UNION ALL
        SELECT f.machine_iot_id, f.company_id, f.machine_id FROM _archive.former_machine_keys AS f
    ) AS k
    -- v1 holds no alert of a machine that it has deleted.
    INNER JOIN _archive.machine_info AS m
        ON m.company_id = k.company_id AND m.machine_id = k.machine_id
    WHERE k.machine_iot_id = v2.machine_iot_id
$function$;
