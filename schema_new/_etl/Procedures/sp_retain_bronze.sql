-- New: TimescaleDB's own retention policy looks at the clock alone, and would drop rows that a
-- stopped pipeline has not loaded. This takes the older of the two bounds.
CREATE PROCEDURE _etl.sp_retain_bronze(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_drop_after interval := coalesce((config ->> 'drop_after')::interval, INTERVAL '30 days');
    v_chunk record;
    v_outcome text;
BEGIN
    FOR v_chunk IN
        SELECT w.pipeline, c.range_start, c.range_end,
            format('%I.%I', c.chunk_schema, c.chunk_name) AS chunk
        FROM _etl.watermarks AS w
        INNER JOIN timescaledb_information.chunks AS c
            ON format('%I.%I', c.hypertable_schema, c.hypertable_name) = w.source_table
        WHERE c.range_end <= clock_timestamp() - v_drop_after
        ORDER BY c.range_start, w.pipeline
    LOOP
        v_outcome := _etl.fn_drop_bronze_chunk(
            v_chunk.pipeline, v_chunk.chunk::regclass, v_chunk.range_start, v_chunk.range_end
        );
        COMMIT;
        IF v_outcome <> 'dropped' THEN
            RAISE WARNING 'bronze chunk % of pipeline %, up to %, is kept: %',
                v_chunk.chunk, v_chunk.pipeline, v_chunk.range_end, v_outcome
                USING HINT = 'Look at _etl.v_pipeline_lag: rows that are not loaded are never dropped.';
        END IF;
    END LOOP;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_retain_bronze(integer, jsonb) FROM PUBLIC;

COMMENT ON PROCEDURE _etl.sp_retain_bronze(integer, jsonb) IS
    'Drops bronze chunks older than drop_after (30 days) whose rows are all loaded';
