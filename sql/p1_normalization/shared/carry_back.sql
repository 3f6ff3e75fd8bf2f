-- What arrived or changed under v2, into v1's sleeping tables, before they wake.
CREATE OR REPLACE FUNCTION _archive.carry_master_back() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_refused text;
BEGIN
    -- v1 cannot hold a machine without a plant or a gateway. Inventing one would be worse.
    SELECT string_agg(format('%s (iot_id %s)', m.machine_id, m.iot_id), ', ' ORDER BY m.iot_id)
    INTO v_refused
    FROM master.machine_info AS m
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    WHERE pm.plant_iot_id IS NULL OR m.device_iot_id IS NULL;
    IF v_refused IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because it has no machines without a plant or a device'
            USING ERRCODE = 'not_null_violation', DETAIL = format('Machines: %s.', v_refused),
                HINT = 'Give each a row in master.plant_machine_mapping and a device_iot_id, then downgrade again.';
    END IF;

    INSERT INTO _archive.company_keys (company_iot_id, company_id)
    SELECT c.iot_id, c.company_id
    FROM master.companies AS c
    WHERE NOT EXISTS (SELECT 1 FROM _archive.company_keys AS k WHERE k.company_iot_id = c.iot_id);

    INSERT INTO _archive.companies AS v1 (company_id, company_name, effective_from_date, created_at)
    SELECT k.company_id, c.company_name, c.effective_from_date, c.created_at
    FROM master.companies AS c
    INNER JOIN _archive.company_keys AS k ON k.company_iot_id = c.iot_id
    ON CONFLICT (company_id) DO UPDATE
    SET company_name = excluded.company_name,
        effective_from_date = excluded.effective_from_date,
        created_at = excluded.created_at
    WHERE (v1.company_name, v1.effective_from_date, v1.created_at)
        IS DISTINCT FROM (excluded.company_name, excluded.effective_from_date, excluded.created_at);

    INSERT INTO _archive.plant_keys (plant_iot_id, company_id, plant_id)
    SELECT p.iot_id, ck.company_id, p.plant_id
    FROM master.plants AS p
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = p.company_iot_id
    WHERE NOT EXISTS (SELECT 1 FROM _archive.plant_keys AS k WHERE k.plant_iot_id = p.iot_id);

    INSERT INTO _archive.plants AS v1 (plant_id, company_id, plant_name, plant_city, created_at)
    SELECT k.plant_id, k.company_id, p.plant_name, p.plant_city, p.created_at
    FROM master.plants AS p
    INNER JOIN _archive.plant_keys AS k ON k.plant_iot_id = p.iot_id
    ON CONFLICT (plant_id, company_id) DO UPDATE
    SET plant_name = excluded.plant_name,
        plant_city = excluded.plant_city,
        created_at = excluded.created_at
    WHERE (v1.plant_name, v1.plant_city, v1.created_at)
        IS DISTINCT FROM (excluded.plant_name, excluded.plant_city, excluded.created_at);

    INSERT INTO _archive.machine_keys (machine_iot_id, company_id, machine_id)
    SELECT m.iot_id, ck.company_id, m.machine_id
    FROM master.machine_info AS m
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
    WHERE NOT EXISTS (SELECT 1 FROM _archive.machine_keys AS k WHERE k.machine_iot_id = m.iot_id);

    INSERT INTO _archive.machine_info AS v1 (
        machine_id, company_id, plant_id, device_id, iot_id, created_at
    )
    SELECT k.machine_id, k.company_id, pk.plant_id, d.device_id, m.source_iot_id, m.created_at
    FROM master.machine_info AS m
    INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = m.iot_id
    INNER JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    INNER JOIN _archive.plant_keys AS pk ON pk.plant_iot_id = pm.plant_iot_id
    INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
    ON CONFLICT (machine_id, company_id) DO UPDATE
    SET plant_id = excluded.plant_id,
        device_id = excluded.device_id,
        iot_id = excluded.iot_id,
        created_at = excluded.created_at
    WHERE (v1.plant_id, v1.device_id, v1.iot_id, v1.created_at) IS DISTINCT FROM
        (excluded.plant_id, excluded.device_id, excluded.iot_id, excluded.created_at);

    -- A shift that v2 added is called by its number in v1, or SHIFT-n where that name is taken.
    INSERT INTO _archive.shift_keys (plant_iot_id, shift_id, v1_shift_id)
    SELECT s.plant_iot_id, s.shift_id,
        CASE WHEN EXISTS (
            SELECT 1 FROM _archive.shift_keys AS k
            WHERE k.plant_iot_id = s.plant_iot_id AND k.v1_shift_id = s.shift_id::text
        ) THEN format('SHIFT-%s', s.shift_id) ELSE s.shift_id::text END
    FROM master.shift_definitions AS s
    WHERE s.is_running AND NOT EXISTS (
        SELECT 1 FROM _archive.shift_keys AS k
        WHERE k.plant_iot_id = s.plant_iot_id AND k.shift_id = s.shift_id
    );

    INSERT INTO _archive.shifts AS v1 (
        shift_id, company_id, plant_id, shift_name, start_time, duration_hrs, created_at
    )
    SELECT k.v1_shift_id, pk.company_id, pk.plant_id, s.shift_name, s.start_time,
        extract(epoch FROM (s.end_time - s.start_time)
            + (s.to_day - s.from_day) * INTERVAL '24 hours') / 3600,
        s.created_at
    FROM master.shift_definitions AS s
    INNER JOIN _archive.shift_keys AS k
        ON k.plant_iot_id = s.plant_iot_id AND k.shift_id = s.shift_id
    INNER JOIN _archive.plant_keys AS pk ON pk.plant_iot_id = s.plant_iot_id
    ON CONFLICT (shift_id, company_id, plant_id) DO UPDATE
    SET shift_name = excluded.shift_name,
        start_time = excluded.start_time,
        duration_hrs = excluded.duration_hrs,
        created_at = excluded.created_at
    WHERE (v1.shift_name, v1.start_time, v1.created_at)
            IS DISTINCT FROM (excluded.shift_name, excluded.start_time, excluded.created_at)
        OR abs(coalesce(v1.duration_hrs, 8) - excluded.duration_hrs) > 0.0000001;
END
$function$;
COMMENT ON FUNCTION _archive.carry_master_back() IS
    'Brings v1''s sleeping master tables up to date with v2''s; what v2 left alone is not touched';

CREATE OR REPLACE FUNCTION _archive.carry_back_machine_cycles(p_from timestamptz, p_to timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    v_rows bigint;
BEGIN
    -- A cycle that v1 knows with the same end is v1's own. One that was open in v1 and was
    -- completed under v2 goes back beside it, as v1 itself would have written it.
    INSERT INTO _archive.machine_cycles (
        cycle_start, cycle_end, company_id, machine_id, program_no, std_load_unload,
        std_cycle_time, actual_load_unload, actual_cycle_time, created_at, shift_id, down_threshold
    )
    SELECT c.cycle_start, c.cycle_end, k.company_id, k.machine_id, c.program_no, c.std_load_unload,
        c.std_cycle_time, c.actual_load_unload, c.actual_cycle_time, c.created_at,
        CASE WHEN c.shift_id = 0 THEN 'UNKNOWN' ELSE coalesce(sk.v1_shift_id, c.shift_id::text) END,
        c.down_threshold
    FROM silver.machine_cycles AS c
    INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = c.machine_iot_id
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = c.machine_iot_id
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pm.plant_iot_id AND sk.shift_id = c.shift_id
    WHERE c.cycle_start >= p_from AND c.cycle_start < p_to
        AND NOT EXISTS (
            SELECT 1
            FROM _archive.machine_cycles AS v1
            WHERE v1.cycle_start >= p_from AND v1.cycle_start < p_to
                AND v1.cycle_start = c.cycle_start
                AND v1.company_id = k.company_id
                AND v1.machine_id = k.machine_id
                AND v1.cycle_end IS NOT DISTINCT FROM c.cycle_end
        );
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.carry_back_machine_cycles(timestamptz, timestamptz) IS
    'Translates the cycles of a time range that v1 does not know into v1''s sleeping table';
