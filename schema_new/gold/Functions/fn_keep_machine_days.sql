-- New: keeps gold.machine_days equal to what gold.machine_shifts adds up to, however that changes.
CREATE FUNCTION gold.fn_keep_machine_days() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM gold.machine_days;
        RETURN NULL;
    END IF;
    DELETE FROM gold.machine_days AS d
    USING (SELECT DISTINCT c.machine_iot_id, c.logical_date FROM changed_rows AS c) AS k
    WHERE d.machine_iot_id = k.machine_iot_id AND d.logical_date = k.logical_date;
    INSERT INTO gold.machine_days (
        machine_iot_id, logical_date, company_iot_id, plant_iot_id, planned_sec, downtime_sec,
        stops, cycles, cycles_without_std, std_sec, run_time_sec, scheduled_cycles,
        scheduled_cycles_without_std, scheduled_std_sec, parts, rejects, unpaired_readings,
        availability, performance, quality, oee
    )
    SELECT
        d.machine_iot_id,
        d.logical_date,
        d.company_iot_id,
        d.plant_iot_id,
        d.planned_sec,
        d.downtime_sec,
        d.stops,
        d.cycles,
        d.cycles_without_std,
        d.std_sec,
        d.run_time_sec,
        d.scheduled_cycles,
        d.scheduled_cycles_without_std,
        d.scheduled_std_sec,
        d.parts,
        d.rejects,
        d.unpaired_readings,
        f.availability,
        f.performance,
        f.quality,
        f.oee
    FROM (
        SELECT
            s.machine_iot_id,
            s.logical_date,
            min(s.company_iot_id) AS company_iot_id,
            min(s.plant_iot_id) AS plant_iot_id,
            sum(s.planned_sec) AS planned_sec,
            sum(s.downtime_sec) AS downtime_sec,
            sum(s.stops) AS stops,
            sum(s.cycles)::bigint AS cycles,
            sum(s.cycles_without_std) AS cycles_without_std,
            sum(s.std_sec) AS std_sec,
            sum(s.run_time_sec) AS run_time_sec,
            sum(CASE WHEN s.shift_id <> 0 THEN s.cycles ELSE 0 END)::bigint AS scheduled_cycles,
            sum(CASE WHEN s.shift_id <> 0 THEN s.cycles_without_std ELSE 0 END)::bigint
                AS scheduled_cycles_without_std,
            sum(CASE WHEN s.shift_id <> 0 THEN s.std_sec ELSE 0 END)::bigint AS scheduled_std_sec,
            sum(s.parts)::bigint AS parts,
            sum(s.rejects)::bigint AS rejects,
            sum(s.unpaired_readings)::bigint AS unpaired_readings
        FROM gold.machine_shifts AS s
        INNER JOIN (SELECT DISTINCT c.machine_iot_id, c.logical_date FROM changed_rows AS c) AS k
            ON k.machine_iot_id = s.machine_iot_id AND k.logical_date = s.logical_date
        GROUP BY s.machine_iot_id, s.logical_date
    ) AS d
    CROSS JOIN LATERAL gold.fn_oee_factors(
        d.planned_sec, d.downtime_sec, d.scheduled_cycles, d.scheduled_cycles_without_std,
        d.scheduled_std_sec, d.parts, d.rejects, d.unpaired_readings
    ) AS f;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_keep_machine_days() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_keep_machine_days() IS
    'Adds up the shifts of the machine days that a statement changed';

CREATE TRIGGER machine_shifts_inserted
    AFTER INSERT ON gold.machine_shifts
    REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_keep_machine_days();

-- A key may change, too: the day that loses a shift, and the one that gets it.
CREATE TRIGGER machine_shifts_updated_from
    AFTER UPDATE ON gold.machine_shifts
    REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_keep_machine_days();

CREATE TRIGGER machine_shifts_updated_to
    AFTER UPDATE ON gold.machine_shifts
    REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_keep_machine_days();

CREATE TRIGGER machine_shifts_deleted
    AFTER DELETE ON gold.machine_shifts
    REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_keep_machine_days();

CREATE TRIGGER machine_shifts_truncated
    AFTER TRUNCATE ON gold.machine_shifts
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_keep_machine_days();
