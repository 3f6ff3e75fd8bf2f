-- One v1 cycle as v2 sees it. No row for an orphan: a machine that master does not know.
-- A single query, so that the planner can take it apart: the trigger calls it for a row, the
-- backfill for a chunk.
CREATE FUNCTION _stage.as_v2(p_row silver.machine_cycles) RETURNS SETOF _stage.machine_cycles
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT
        coalesce(own.logical_date, covering.logical_date, w.wall::date),
        m.company_iot_id,
        m.iot_id,
        coalesce(d.shift_id, CASE WHEN p_row.shift_id IS NULL THEN covering.shift_id END, 0::smallint),
        CASE
            WHEN d.shift_id IS NOT NULL THEN d.shift_name
            WHEN p_row.shift_id IS NULL AND covering.shift_id IS NOT NULL THEN covering.shift_name
            ELSE 'UNKNOWN'
        END,
        p_row.cycle_start,
        p_row.cycle_end,
        p_row.program_no,
        p_row.std_load_unload,
        p_row.std_cycle_time,
        p_row.actual_load_unload,
        p_row.actual_cycle_time,
        p_row.down_threshold,
        coalesce(p_row.created_at, p_row.cycle_start)
    FROM _archive.machine_keys AS k
    INNER JOIN _stage.machine_info AS m ON m.iot_id = k.machine_iot_id
    LEFT JOIN _stage.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN _stage.plants AS p ON p.iot_id = pm.plant_iot_id
    CROSS JOIN LATERAL (
        SELECT p_row.cycle_start AT TIME ZONE coalesce(p.timezone, 'Asia/Kolkata') AS wall
    ) AS w
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = p.iot_id AND sk.v1_shift_id = p_row.shift_id
    LEFT JOIN _stage.shift_definitions AS d
        ON d.plant_iot_id = sk.plant_iot_id AND d.shift_id = sk.shift_id
    -- v1 judged a whole payload by one instant, so a cycle can lie outside the shift it was given:
    -- the nearest time that this shift ran is meant.
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
    WHERE k.company_id = p_row.company_id AND k.machine_id = p_row.machine_id
$function$;
COMMENT ON FUNCTION _stage.as_v2(silver.machine_cycles) IS 'A v1 cycle on v2''s keys; none for an orphan';
REVOKE ALL ON FUNCTION _stage.as_v2(silver.machine_cycles) FROM PUBLIC;

-- Carries the v1 rows of a time range. Of duplicates the first created wins, also over one that
-- the trigger carried before this ran.
CREATE FUNCTION _stage.carry_machine_cycles(p_from timestamptz, p_to timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    v_rows bigint;
BEGIN
    INSERT INTO _stage.machine_cycles AS t
    SELECT DISTINCT ON (v2.machine_iot_id, v2.cycle_start) v2.*
    FROM silver.machine_cycles AS v1
    CROSS JOIN LATERAL _stage.as_v2(v1) AS v2
    WHERE v1.cycle_start >= p_from AND v1.cycle_start < p_to
    ORDER BY v2.machine_iot_id, v2.cycle_start, v2.created_at, v2.cycle_end, v2.program_no,
        v2.actual_load_unload, v2.actual_cycle_time, v2.shift_id
    ON CONFLICT (machine_iot_id, cycle_start) DO UPDATE
    SET logical_date = excluded.logical_date,
        shift_id = excluded.shift_id,
        shift_name = excluded.shift_name,
        cycle_end = excluded.cycle_end,
        program_no = excluded.program_no,
        std_load_unload = excluded.std_load_unload,
        std_cycle_time = excluded.std_cycle_time,
        actual_load_unload = excluded.actual_load_unload,
        actual_cycle_time = excluded.actual_cycle_time,
        down_threshold = excluded.down_threshold,
        created_at = excluded.created_at
    WHERE excluded.created_at < t.created_at;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _stage.carry_machine_cycles(timestamptz, timestamptz) IS
    'Carries the v1 cycles of a time range to v2; any number of times with the same result';
REVOKE ALL ON FUNCTION _stage.carry_machine_cycles(timestamptz, timestamptz) FROM PUBLIC;

-- Each new v1 cycle, as it comes. v1 must go on whatever happens here: a row that fails is set
-- aside with its error, and the swap refuses to go on while there is one. Here, too, the first
-- created wins: the backfill has been through its chunk and will not look again.
CREATE FUNCTION _stage.fn_carry_machine_cycles() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_message text;
BEGIN
    BEGIN
        INSERT INTO _stage.machine_cycles AS t
        SELECT v2.* FROM _stage.as_v2(NEW) AS v2
        ON CONFLICT (machine_iot_id, cycle_start) DO UPDATE
        SET logical_date = excluded.logical_date,
            shift_id = excluded.shift_id,
            shift_name = excluded.shift_name,
            cycle_end = excluded.cycle_end,
            program_no = excluded.program_no,
            std_load_unload = excluded.std_load_unload,
            std_cycle_time = excluded.std_cycle_time,
            actual_load_unload = excluded.actual_load_unload,
            actual_cycle_time = excluded.actual_cycle_time,
            down_threshold = excluded.down_threshold,
            created_at = excluded.created_at
        WHERE excluded.created_at < t.created_at;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
        INSERT INTO _stage.carry_failures (table_name, event_time, sqlstate, message)
        VALUES ('machine_cycles', NEW.cycle_start, SQLSTATE, v_message);
        RAISE WARNING 'setu could not carry a cycle of % to v2: %', NEW.machine_id, v_message;
    END;
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION _stage.fn_carry_machine_cycles() FROM PUBLIC;

CREATE TRIGGER setu_carry AFTER INSERT ON silver.machine_cycles
    FOR EACH ROW EXECUTE FUNCTION _stage.fn_carry_machine_cycles();
