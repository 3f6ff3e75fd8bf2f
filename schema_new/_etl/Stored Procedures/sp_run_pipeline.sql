-- New: the skeleton of every load. Fence, sweep, log, commit, batch after batch, until it has
-- caught up or its budget ends. It commits, so it has neither a SET clause nor SECURITY DEFINER nor
-- an exception block.
CREATE PROCEDURE _etl.sp_run_pipeline(p_pipeline text, p_job_id integer, p_config jsonb)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_config record;
    v_mark record;
    v_batch record;
    v_run_id bigint;
    v_fence bigint;
    v_limit integer;
    v_size integer;
    v_batches bigint := 0;
    v_reject record;
    v_tries integer := 0;
    v_row_is_bad boolean;
    v_fault text;
BEGIN
    -- While it is on, hypertables behave as plain tables: rows would be hidden afterwards.
    IF current_setting('timescaledb.restoring', true) = 'on' THEN
        RAISE EXCEPTION 'cannot run pipeline % because timescaledb.restoring is on', p_pipeline
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Call timescaledb_post_restore() when the restore has ended';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM _etl.watermarks AS w WHERE w.pipeline = p_pipeline) THEN
        RAISE EXCEPTION 'cannot run pipeline % because _etl.watermarks does not know it', p_pipeline
            USING ERRCODE = 'no_data_found',
                HINT = 'Take a name from SELECT pipeline FROM _etl.watermarks';
    END IF;
    v_config := _etl.fn_run_config(p_pipeline, p_config);

    LOOP
        -- The row lock stands for the pipeline: a second run of it returns at once. It ends with
        -- each batch's commit, so a killed session leaves nothing behind.
        SELECT w.last_processed_id, w.last_processed_ts, w.enabled,
            coalesce(v_config.batch_size, w.batch_size) AS batch_size
        INTO v_mark
        FROM _etl.watermarks AS w
        WHERE w.pipeline = p_pipeline
        FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RAISE NOTICE 'another session is running pipeline %', p_pipeline;
            EXIT;
        END IF;
        IF NOT v_mark.enabled THEN
            RAISE NOTICE 'pipeline % is disabled in _etl.watermarks', p_pipeline;
            EXIT;
        END IF;

        IF v_run_id IS NULL THEN
            UPDATE _etl.job_runs AS r
            SET status = 'interrupted', finished_at = clock_timestamp()
            WHERE r.pipeline = p_pipeline AND r.status = 'running'
                AND (r.backend_pid = pg_backend_pid() OR NOT EXISTS (
                    SELECT 1 FROM pg_stat_activity AS a WHERE a.pid = r.backend_pid
                ));
            -- Retention deletes them, too, in one transaction with all else that it trims.
            DELETE FROM _etl.job_runs AS r
            USING (
                SELECT o.run_id
                FROM _etl.job_runs AS o
                WHERE o.pipeline = p_pipeline
                    AND o.started_at < clock_timestamp() - INTERVAL '30 days'
                FOR UPDATE SKIP LOCKED
            ) AS f
            WHERE f.run_id = r.run_id;
            INSERT INTO _etl.job_runs (pipeline, job_id, from_id, to_id)
            VALUES (p_pipeline, p_job_id, v_mark.last_processed_id, v_mark.last_processed_id)
            RETURNING run_id INTO v_run_id;
            v_limit := v_mark.batch_size;
        END IF;
        v_size := v_mark.batch_size;

        -- A backlog has its fence already; only rows near the end of bronze need a new one.
        IF v_fence IS NULL OR v_fence < v_mark.last_processed_id + v_limit THEN
            v_fault := _etl.fn_sequence_fault(p_pipeline);
            IF v_fault IS NOT NULL THEN
                UPDATE _etl.job_runs AS r
                SET status = 'failed', finished_at = clock_timestamp(), error = v_fault
                WHERE r.run_id = v_run_id;
                COMMIT;
                RAISE EXCEPTION 'cannot load pipeline % because %', p_pipeline, v_fault
                    USING ERRCODE = 'object_not_in_prerequisite_state',
                        DETAIL = 'New rows get ids that count as loaded, and would be passed over.',
                        HINT = 'Stop the sinks, and see "A sequence that went back" in'
                            ' docs/operations.md';
            END IF;
            v_fence := _etl.fn_fence(p_pipeline, v_config.fence_wait);
        END IF;
        IF v_fence <= v_mark.last_processed_id THEN
            EXIT;
        END IF;

        v_batch := _etl.fn_run_batch(
            p_pipeline, v_mark.last_processed_id, v_fence,
            v_mark.last_processed_ts - v_config.late_window, v_limit
        );

        IF v_batch.error_code IS NOT NULL THEN
            -- Compression or retention held a chunk that the batch needs: the run can retry.
            IF v_tries < 3 AND (
                v_batch.error_code IN ('40P01', '55P03', '40001')
                OR v_batch.error_code = 'XX000' AND v_batch.error LIKE 'could not open relation%'
            ) THEN
                v_tries := v_tries + 1;
                COMMIT;
                PERFORM pg_sleep(0.1 * v_tries);
                CONTINUE;
            END IF;
            -- A value that no check foresaw, or that a foreign trigger refuses.
            v_row_is_bad := left(v_batch.error_code, 2) IN ('22', '23')
                OR v_batch.error_code IN ('54000', 'P0001');
            -- 53400: a limit of the server's, such as how much one transaction may decompress.
            IF (v_row_is_bad OR v_batch.error_code = '53400') AND v_limit > 1 THEN
                -- Halve the batch until the row stands alone.
                v_limit := v_limit / 2;
                COMMIT;
                CONTINUE;
            ELSIF v_row_is_bad THEN
                v_reject := _etl.fn_reject_next_row(
                    p_pipeline, v_mark.last_processed_id, v_fence, 'load_error',
                    v_batch.error_code || ': ' || v_batch.error
                );
                v_batch.error_code := NULL;
                v_batch.to_id := coalesce(v_reject.rejected_id, v_fence);
                v_batch.to_ts := v_reject.arrived_at;
                v_batch.rows_read := num_nonnulls(v_reject.rejected_id);
                v_batch.rows_rejected := v_batch.rows_read;
                v_batch.rows_loaded := 0;
                v_batch.rows_merged := 0;
                v_batch.rows_late := coalesce(
                    v_reject.arrived_at < v_mark.last_processed_ts - v_config.late_window, false
                )::integer;
            ELSE
                UPDATE _etl.job_runs AS r
                SET status = 'failed', finished_at = clock_timestamp(),
                    error = v_batch.error_code || ': ' || v_batch.error
                WHERE r.run_id = v_run_id;
                COMMIT;
                RAISE EXCEPTION 'pipeline % failed after id %: %',
                    p_pipeline, v_mark.last_processed_id, v_batch.error
                    USING ERRCODE = v_batch.error_code,
                        HINT = 'Run it again: nothing was written, and it starts at the same id';
            END IF;
        END IF;

        -- Rows that were sent again are through the load now: loaded, or rejected again.
        UPDATE _etl.rejected_rows AS r
        SET is_open = false
        WHERE r.pipeline = p_pipeline AND r.is_open
            AND r.resent_id > v_mark.last_processed_id AND r.resent_id <= v_batch.to_id;

        UPDATE _etl.watermarks AS w
        SET last_processed_id = v_batch.to_id,
            -- An arrival that a clock ahead of ours wrote would make all that follow late.
            last_processed_ts = least(
                greatest(w.last_processed_ts, v_batch.to_ts), clock_timestamp()
            ),
            updated_at = clock_timestamp()
        WHERE w.pipeline = p_pipeline;

        UPDATE _etl.job_runs AS r
        SET to_id = v_batch.to_id,
            rows_read = r.rows_read + v_batch.rows_read,
            rows_loaded = r.rows_loaded + v_batch.rows_loaded,
            rows_merged = r.rows_merged + v_batch.rows_merged,
            rows_rejected = r.rows_rejected + v_batch.rows_rejected,
            rows_late = r.rows_late + v_batch.rows_late,
            rows_sender_mismatch = r.rows_sender_mismatch
                + coalesce(v_batch.rows_sender_mismatch, 0),
            rows_unknown_code = r.rows_unknown_code + coalesce(v_batch.rows_unknown_code, 0),
            batches = r.batches + 1
        WHERE r.run_id = v_run_id;
        COMMIT;

        v_batches := v_batches + 1;
        v_tries := 0;
        v_limit := least(v_size, v_limit * 2);
        EXIT WHEN v_batches >= v_config.max_batches
            OR clock_timestamp() - v_started >= v_config.max_runtime;
    END LOOP;

    UPDATE _etl.job_runs AS r
    SET status = 'succeeded', finished_at = clock_timestamp()
    WHERE r.run_id = v_run_id;
    COMMIT;
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_run_pipeline(text, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_run_pipeline(text, integer, jsonb) TO setu_etl;

COMMENT ON PROCEDURE _etl.sp_run_pipeline(text, integer, jsonb) IS
    'Runs a pipeline until it has caught up or its budget ends; config: see _etl.fn_run_config';
