-- New: which rows of gateway files are stored already, around the positions that a batch has.
-- Arrays run in parallel, one entry a partition; a null partition stands for rows without one.
-- SECURITY DEFINER: a role that may insert into bronze need not see rows that others fed.
CREATE FUNCTION _etl.fn_fed_rows(
    p_source_table text,
    p_partitions integer[],
    p_first_positions bigint[],
    p_last_positions bigint[]
)
RETURNS TABLE (kafka_partition integer, row_digests bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
    WITH wanted AS (
        SELECT u.kafka_partition, u.first_position, u.last_position
        FROM unnest(p_partitions, p_first_positions, p_last_positions)
            AS u (kafka_partition, first_position, last_position)
    )
    SELECT r.kafka_partition, r.row_digests
    FROM wanted AS w
    INNER JOIN _etl.feed_records AS r ON r.kafka_partition = w.kafka_partition
    WHERE r.source_table = p_source_table
        AND r.last_position >= w.first_position AND r.first_position <= w.last_position
    UNION ALL
    SELECT NULL, r.row_digests
    FROM wanted AS w
    INNER JOIN _etl.feed_records AS r ON r.kafka_partition IS NULL
    WHERE w.kafka_partition IS NULL AND r.source_table = p_source_table
        AND r.last_position >= w.first_position AND r.first_position <= w.last_position
$function$;

REVOKE ALL ON FUNCTION _etl.fn_fed_rows(text, integer[], bigint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_fed_rows(text, integer[], bigint[], bigint[]) TO setu_ingest;

COMMENT ON FUNCTION _etl.fn_fed_rows(text, integer[], bigint[], bigint[]) IS
    'Digests of the gateway rows of a bronze table that are stored, by partition and position';
