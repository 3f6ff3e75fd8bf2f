-- New: a machine that gets its first plant takes the dates along that are not rolled up without
-- one. Where the plant has been rolled up for them, they are computed again.
CREATE FUNCTION master.fn_note_first_plant() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_first date;
    v_last date;
BEGIN
    SELECT greatest(r.first_date, coalesce(n.last_date + 1, '1900-01-01'), r.last_date - 800),
        r.last_date
    INTO v_first, v_last
    FROM gold.rolled_up_dates AS r
    LEFT JOIN gold.rolled_up_dates AS n ON n.plant_iot_id = 0
    WHERE r.plant_iot_id = NEW.plant_iot_id;
    -- No date, nearly always. A machine that is new has no rows.
    IF v_first IS NULL OR v_first > v_last THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT 1 FROM silver.machine_cycles AS c
        WHERE c.machine_iot_id = NEW.machine_iot_id
            AND c.logical_date BETWEEN v_first AND v_last
            AND c.cycle_start >= (v_first::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
    ) OR EXISTS (
        SELECT 1 FROM silver.machine_downtime AS d
        WHERE d.machine_iot_id = NEW.machine_iot_id
            AND d.logical_date BETWEEN v_first AND v_last
            AND d.down_start >= (v_first::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
    ) OR EXISTS (
        SELECT 1 FROM silver.machine_focas AS f
        WHERE f.machine_iot_id = NEW.machine_iot_id
            AND f.logical_date BETWEEN v_first AND v_last
            AND f.event_time >= (v_first::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
    ) THEN
        INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
        SELECT NEW.machine_iot_id, v_first + n.days
        FROM generate_series(0, v_last - v_first) AS n (days);
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_note_first_plant() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_note_first_plant() IS
    'Notes the business dates of a machine that the plant that it gets has been rolled up for';

CREATE TRIGGER plant_machine_mapping_inserted
    AFTER INSERT ON master.plant_machine_mapping
    FOR EACH ROW EXECUTE FUNCTION master.fn_note_first_plant();
