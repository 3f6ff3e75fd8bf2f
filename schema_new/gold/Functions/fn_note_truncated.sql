-- New: a table of silver that somebody empties is not one whose old chunks retention has dropped:
-- reports follow.
CREATE FUNCTION gold.fn_note_truncated() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_stops record;
BEGIN
    DELETE FROM gold.rolled_up_chunks AS r
    USING timescaledb_information.chunks AS c
    WHERE c.hypertable_schema = TG_TABLE_SCHEMA AND c.hypertable_name = TG_TABLE_NAME
        AND r.chunk = format('%I.%I', c.chunk_schema, c.chunk_name);
    INSERT INTO gold.stale_machine_days (machine_iot_id, logical_date)
    SELECT DISTINCT s.machine_iot_id, s.logical_date FROM gold.machine_shifts AS s;
    SELECT
        array_agg(l.machine_iot_id) AS machines,
        array_agg(l.down_start) AS starts,
        array_agg(coalesce(CASE WHEN NOT l.is_open THEN l.down_end END, now())) AS ends
    INTO v_stops
    FROM gold.long_stops AS l;
    PERFORM gold.fn_note_stale(v_stops.machines, v_stops.starts, v_stops.ends);
    IF TG_TABLE_NAME = 'machine_downtime' THEN
        DELETE FROM gold.long_stops;
    ELSIF TG_TABLE_NAME = 'machine_cycles' THEN
        UPDATE gold.long_stops AS l SET down_end = NULL WHERE l.is_open;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_truncated() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_truncated() IS
    'Notes that what was rolled up from a table of silver is to be computed again, since '
    'it is emptied';

CREATE TRIGGER machine_cycles_truncated
    BEFORE TRUNCATE ON silver.machine_cycles
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_truncated();

CREATE TRIGGER machine_downtime_truncated
    BEFORE TRUNCATE ON silver.machine_downtime
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_truncated();

CREATE TRIGGER machine_focas_truncated
    BEFORE TRUNCATE ON silver.machine_focas
    FOR EACH STATEMENT EXECUTE FUNCTION gold.fn_note_truncated();
