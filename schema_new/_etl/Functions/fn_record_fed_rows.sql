-- New: records what a batch of `setu feed` stored, in the batch's own transaction. A short record
-- is extended rather than followed by another: a watched file grows by a few rows at a time.
CREATE FUNCTION _etl.fn_record_fed_rows(
    p_source_table text,
    p_partition integer,
    p_first_position bigint,
    p_last_position bigint,
    p_row_digests bytea
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    c_short CONSTANT integer := 2560;
    v_record_id bigint;
BEGIN
    SELECT r.record_id INTO v_record_id
    FROM _etl.feed_records AS r
    WHERE r.source_table = p_source_table
        AND r.kafka_partition IS NOT DISTINCT FROM p_partition
        AND octet_length(r.row_digests) + octet_length(p_row_digests) <= c_short
        -- Only the record just before: one that spans distant positions would be read for nothing.
        AND r.last_position BETWEEN p_first_position - 1000 AND p_last_position
        AND r.stored_at > clock_timestamp() - INTERVAL '1 day'
    ORDER BY r.last_position DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE _etl.feed_records AS r
        SET row_digests = r.row_digests || p_row_digests,
            first_position = least(r.first_position, p_first_position),
            last_position = greatest(r.last_position, p_last_position)
        WHERE r.record_id = v_record_id;
    ELSE
        INSERT INTO _etl.feed_records (
            source_table, kafka_partition, first_position, last_position, row_digests
        )
        VALUES (p_source_table, p_partition, p_first_position, p_last_position, p_row_digests);
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_record_fed_rows(text, integer, bigint, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_record_fed_rows(text, integer, bigint, bigint, bytea)
TO setu_ingest;

COMMENT ON FUNCTION _etl.fn_record_fed_rows(text, integer, bigint, bigint, bytea) IS
    'Records rows of gateway files as stored, so that they are not sent again';
