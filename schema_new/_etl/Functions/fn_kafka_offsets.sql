-- New: bronze tables differ from pipeline to pipeline, so the view on top needs dynamic SQL.
CREATE FUNCTION _etl.fn_kafka_offsets()
RETURNS TABLE (source_table text, kafka_partition integer, kafka_offset bigint, stored_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source text;
BEGIN
    -- A crash loses less than a second. The hour before the last row is enough, and its chunk is
    -- in memory; a partition that was silent then has nothing to send again.
    FOR v_source IN SELECT w.source_table FROM _etl.watermarks AS w ORDER BY w.source_table LOOP
        RETURN QUERY EXECUTE format($query$
            SELECT %1$L::text, b.kafka_partition, max(b.kafka_offset), max(b.time)
            FROM %1$s AS b
            WHERE b.kafka_partition IS NOT NULL
                AND b.time >= (SELECT l.time FROM %1$s AS l ORDER BY l.id DESC LIMIT 1) - INTERVAL '1 hour'
            GROUP BY b.kafka_partition
        $query$, v_source::regclass);
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_kafka_offsets() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_kafka_offsets() TO setu_etl, setu_reader;

COMMENT ON FUNCTION _etl.fn_kafka_offsets() IS 'What _etl.v_kafka_offsets shows';
