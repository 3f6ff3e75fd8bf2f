-- New: business dates that are over keep the plant of a machine that moves. The running date goes
-- with the machine, unless the plant that it enters has been rolled up for that date, as one far to
-- the east may be.
CREATE FUNCTION master.fn_note_former_plant() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_entered integer := CASE
        WHEN TG_OP = 'UPDATE' AND NEW.machine_iot_id = OLD.machine_iot_id THEN NEW.plant_iot_id
        ELSE 0
    END;
BEGIN
    INSERT INTO master.former_plants (machine_iot_id, plant_iot_id, first_date, last_date)
    SELECT OLD.machine_iot_id, OLD.plant_iot_id, b.first_date, o.last_date
    FROM (
        SELECT coalesce(max(f.last_date) + 1, '-infinity') AS first_date
        FROM master.former_plants AS f
        WHERE f.machine_iot_id = OLD.machine_iot_id
    ) AS b
    CROSS JOIN (
        SELECT greatest(
            (
                SELECT max(d.day)
                FROM (
                    -- Every date before these is over, whatever the zone.
                    SELECT (now() AT TIME ZONE 'UTC')::date - v.days AS day
                    FROM (VALUES (0), (1), (2), (3)) AS v (days)
                ) AS d
                WHERE master.fn_date_ends(OLD.plant_iot_id, d.day) <= now()
            ),
            (
                SELECT r.last_date FROM gold.rolled_up_dates AS r
                WHERE r.plant_iot_id = v_entered
            )
        ) AS last_date
    ) AS o
    WHERE b.first_date <= o.last_date
        -- Deleted in the same statement.
        AND EXISTS (SELECT 1 FROM master.machine_info AS m WHERE m.iot_id = OLD.machine_iot_id)
        AND EXISTS (SELECT 1 FROM master.plants AS p WHERE p.iot_id = OLD.plant_iot_id);
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_note_former_plant() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_note_former_plant() IS
    'Notes the plant that a machine leaves, for the business dates that are over there';

CREATE TRIGGER plant_machine_mapping_moved
    AFTER UPDATE OF plant_iot_id, machine_iot_id ON master.plant_machine_mapping
    FOR EACH ROW
    WHEN (OLD.plant_iot_id <> NEW.plant_iot_id OR OLD.machine_iot_id <> NEW.machine_iot_id)
    EXECUTE FUNCTION master.fn_note_former_plant();

CREATE TRIGGER plant_machine_mapping_deleted
    AFTER DELETE ON master.plant_machine_mapping
    FOR EACH ROW EXECUTE FUNCTION master.fn_note_former_plant();
