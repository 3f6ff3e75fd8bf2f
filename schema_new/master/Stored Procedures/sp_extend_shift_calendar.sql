-- New: the shift calendar must not end. It commits, so it has no SET clause.
-- @section procedure
CREATE PROCEDURE master.sp_extend_shift_calendar(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_days integer := coalesce((config ->> 'days_ahead')::integer, 60);
    v_plant record;
    v_failed text;
BEGIN
    FOR v_plant IN
        SELECT p.iot_id, p.plant_id FROM master.plants AS p ORDER BY p.iot_id
    LOOP
        v_failed := NULL;
        BEGIN
            PERFORM master.fn_settle_shifts(v_plant.iot_id, h.first_date, x.first_date - 1)
            FROM (SELECT master.fn_plant_history_from(v_plant.iot_id) AS first_date) AS h
            INNER JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = v_plant.iot_id
            WHERE h.first_date < x.first_date;
            PERFORM master.fn_plan_shifts(v_plant.iot_id, v_days);
        EXCEPTION WHEN OTHERS THEN
            -- An error of one plant must not stop the others; the warning below names it.
            v_failed := SQLERRM;
        END;
        COMMIT;
        IF v_failed IS NOT NULL THEN
            RAISE WARNING 'the shift calendar of plant % (%) was not extended: %',
                v_plant.iot_id, v_plant.plant_id, v_failed
                USING HINT = 'Look at master.shift_definitions and master.shift_calendar of that '
                             'plant';
        END IF;
    END LOOP;
END
$procedure$;

REVOKE ALL ON PROCEDURE master.sp_extend_shift_calendar(integer, jsonb) FROM PUBLIC;

COMMENT ON PROCEDURE master.sp_extend_shift_calendar(integer, jsonb) IS
    'Writes the shift calendar of every plant days_ahead (60) days ahead, and back to where '
    'silver begins';

-- @section grants
GRANT EXECUTE ON PROCEDURE master.sp_extend_shift_calendar(integer, jsonb) TO setu_etl;
