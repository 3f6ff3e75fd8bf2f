-- New: TimescaleDB's own retention policy looks at the clock alone, and would drop rows that a
-- stopped pipeline has not loaded. This takes the older of the two bounds.
CREATE PROCEDURE _etl.sp_retain_bronze(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    c_warnings CONSTANT integer := 20;
    v_drop_after interval;
    v_keep_rejects interval;
    v_max_rejects bigint;
    v_max_runs bigint;
    v_started timestamptz;
    v_chunk record;
    v_outcome text;
    v_kept integer := 0;
    v_dropped integer := 0;
    v_run_id bigint;
BEGIN
    -- The job runs as the owner of bronze, whose own settings may be anything.
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL search_path = pg_catalog, pg_temp;
    v_drop_after := coalesce((config ->> 'drop_after')::interval, INTERVAL '30 days');
    v_keep_rejects := coalesce((config ->> 'keep_rejects')::interval, INTERVAL '1 year');
    v_max_rejects := coalesce((config ->> 'max_rejects')::bigint, 1000000);
    v_max_runs := coalesce((config ->> 'max_runs')::bigint, 100000);
    v_started := clock_timestamp();
    INSERT INTO _etl.retention_runs (started_at) VALUES (v_started) RETURNING run_id INTO v_run_id;
    FOR v_chunk IN
        SELECT w.pipeline, c.range_start, c.range_end,
            c.chunk_schema || '.' || c.chunk_name AS chunk
        FROM _etl.watermarks AS w
        INNER JOIN timescaledb_information.chunks AS c
            ON c.hypertable_schema || '.' || c.hypertable_name = w.source_table
        WHERE c.range_end <= clock_timestamp() - v_drop_after
        ORDER BY c.range_start, w.pipeline
    LOOP
        -- Each chunk in a transaction of its own, which sees what is committed while it waits.
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        SET LOCAL search_path = pg_catalog, pg_temp;
        v_outcome := _etl.fn_drop_bronze_chunk(
            v_chunk.pipeline, v_chunk.chunk, v_chunk.range_start, v_chunk.range_end
        );
        IF v_outcome = 'dropped' THEN
            v_dropped := v_dropped + 1;
            DELETE FROM _etl.kept_chunks AS k
            WHERE k.pipeline = v_chunk.pipeline AND k.chunk = v_chunk.chunk;
        ELSE
            INSERT INTO _etl.kept_chunks AS k (pipeline, chunk, range_end, reason)
            VALUES (v_chunk.pipeline, v_chunk.chunk, v_chunk.range_end, v_outcome)
            ON CONFLICT (pipeline, chunk) DO UPDATE
            SET reason = excluded.reason, last_kept_at = excluded.last_kept_at;
        END IF;
        COMMIT;
        IF v_outcome = 'locked' THEN
            -- Who waited behind it comes first: a reader needs all chunks, one after the other.
            PERFORM pg_sleep(0.2);
        END IF;
        IF v_outcome <> 'dropped' THEN
            v_kept := v_kept + 1;
            IF v_kept <= c_warnings THEN
                RAISE WARNING 'bronze chunk % of pipeline %, up to %, is kept: %',
                    v_chunk.chunk, v_chunk.pipeline, v_chunk.range_end, v_outcome
                    USING HINT = 'Look at _etl.v_kept_chunks';
            END IF;
        END IF;
    END LOOP;
    SET LOCAL search_path = pg_catalog, pg_temp;
    IF v_kept > c_warnings THEN
        RAISE WARNING '% bronze chunks in all are kept', v_kept
            USING HINT = 'Look at _etl.v_kept_chunks';
    END IF;
    -- Chunks that another session dropped.
    DELETE FROM _etl.kept_chunks AS k WHERE k.last_kept_at < v_started;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    PERFORM _etl.fn_trim_logs(v_drop_after, v_keep_rejects, v_max_rejects, v_max_runs);
    UPDATE _etl.retention_runs AS r
    SET finished_at = clock_timestamp(), chunks_dropped = v_dropped, chunks_kept = v_kept
    WHERE r.run_id = v_run_id;
    COMMIT;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_retain_bronze(integer, jsonb) FROM PUBLIC;

COMMENT ON PROCEDURE _etl.sp_retain_bronze(integer, jsonb) IS
    'Drops bronze chunks older than drop_after (30 days) with all rows loaded, and trims the logs';
