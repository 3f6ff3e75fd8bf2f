-- New: remembers the chunks of silver that the roll-up reads.
-- @section function
CREATE FUNCTION gold.fn_note_chunks() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    INSERT INTO gold.rolled_up_chunks (chunk, range_start, range_end)
    SELECT format('%I.%I', c.chunk_schema, c.chunk_name), c.range_start, c.range_end
    FROM timescaledb_information.chunks AS c
    WHERE format('%I.%I', c.hypertable_schema, c.hypertable_name) IN (
        'silver.machine_cycles', 'silver.machine_downtime', 'silver.machine_focas'
    )
    ON CONFLICT (chunk) DO NOTHING
$function$;

REVOKE ALL ON FUNCTION gold.fn_note_chunks() FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_note_chunks() IS 'Notes the chunks of silver that there are now';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_note_chunks() TO setu_etl;
