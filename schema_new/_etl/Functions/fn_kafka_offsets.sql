-- New: bronze tables differ from pipeline to pipeline, so the view on top needs dynamic SQL.
CREATE FUNCTION _etl.fn_kafka_offsets()
RETURNS TABLE (
    source_table text, kafka_partition integer, kafka_offset bigint, stored_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source text;
BEGIN
    -- The hour before the last row is in memory. A partition that stored nothing in it may have
    -- lost the one message that it sent just before a crash: it resumes by time, from where that
    -- hour began.
    FOR v_source IN SELECT w.source_table FROM _etl.watermarks AS w ORDER BY w.source_table LOOP
        RETURN QUERY EXECUTE format($query$
            WITH hour AS (
                SELECT l.time - INTERVAL '1 hour' AS began FROM %1$s AS l ORDER BY l.id DESC LIMIT 1
            ),
            -- The last that was stored, and not the highest: a topic that was made anew, or a sink
            -- that was set back, is at a lower offset than its partition once was.
            stored AS (
                SELECT DISTINCT ON (b.kafka_partition) b.kafka_partition, b.kafka_offset, b.time
                FROM %1$s AS b
                WHERE b.kafka_partition IS NOT NULL AND b.kafka_offset IS NOT NULL
                    AND b.time >= (SELECT h.began FROM hour AS h)
                ORDER BY b.kafka_partition, b.id DESC
            )
            SELECT %1$L::text, s.kafka_partition, s.kafka_offset, s.time FROM stored AS s
            UNION ALL
            SELECT %1$L::text, NULL, NULL, h.began FROM hour AS h
        $query$, v_source::regclass);
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_kafka_offsets() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_kafka_offsets() TO setu_etl, setu_reader;

COMMENT ON FUNCTION _etl.fn_kafka_offsets() IS 'What _etl.v_kafka_offsets shows';
