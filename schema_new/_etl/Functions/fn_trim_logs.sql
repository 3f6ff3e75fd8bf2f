-- New: bounds tables that only grow: the run log, rejected rows, and the record of fed files. A
-- lasting fault must not fill the disk.
-- lint: allow-file qualified: FOR UPDATE OF names an alias
CREATE FUNCTION _etl.fn_trim_logs(
    p_drop_after interval,
    p_keep_rejects interval DEFAULT INTERVAL '1 year',
    p_max_rejects bigint DEFAULT 1000000,
    p_max_runs bigint DEFAULT 100000
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- Bronze has dropped these rows, or is about to: sent again they would merge.
    DELETE FROM _etl.feed_records AS f WHERE f.stored_at < clock_timestamp() - p_drop_after;

    -- A load deletes its pipeline's old runs, too, and waits for nobody who does the same.
    DELETE FROM _etl.job_runs AS r
    USING (
        SELECT l.run_id
        FROM _etl.job_runs AS l
        INNER JOIN (
            SELECT k.run_id,
                row_number() OVER (PARTITION BY k.pipeline ORDER BY k.run_id DESC) AS place
            FROM _etl.job_runs AS k
        ) AS o ON o.run_id = l.run_id
        WHERE o.place > p_max_runs OR l.started_at < clock_timestamp() - INTERVAL '30 days'
        FOR UPDATE OF l SKIP LOCKED
    ) AS f
    WHERE f.run_id = r.run_id;

    DELETE FROM _etl.retention_runs AS r
    WHERE r.started_at < clock_timestamp() - INTERVAL '30 days';

    -- Sent again: the new bronze row stands for it, once it is through the load.
    DELETE FROM _etl.rejected_rows AS r
    WHERE r.resent_at < clock_timestamp() - INTERVAL '30 days' AND NOT r.is_open;

    WITH waiting AS (
        SELECT r.reject_id, r.rejected_at,
            row_number() OVER (
                PARTITION BY r.pipeline ORDER BY r.bronze_id DESC NULLS LAST, r.reject_id DESC
            ) AS place
        FROM _etl.rejected_rows AS r
        WHERE r.resent_at IS NULL
    ),
    -- One that somebody sends again or discards at this moment is not left to be trimmed.
    free AS (
        SELECT r.reject_id, w.place
        FROM _etl.rejected_rows AS r
        INNER JOIN waiting AS w ON w.reject_id = r.reject_id
        WHERE r.resent_at IS NULL
            AND (w.place > p_max_rejects OR w.rejected_at < clock_timestamp() - p_keep_rejects)
        FOR UPDATE OF r SKIP LOCKED
    ),
    discarded AS (
        DELETE FROM _etl.rejected_rows AS r
        USING free AS f
        WHERE f.reject_id = r.reject_id
        RETURNING r.pipeline, r.reason_code,
            CASE WHEN f.place > p_max_rejects THEN 'number' ELSE 'age' END AS cause
    )
    INSERT INTO _etl.discarded_rejects AS d (pipeline, reason_code, cause, rows_discarded)
    SELECT g.pipeline, g.reason_code, g.cause, count(*)
    FROM discarded AS g
    GROUP BY g.pipeline, g.reason_code, g.cause
    ON CONFLICT (pipeline, reason_code, cause) DO UPDATE
    SET rows_discarded = d.rows_discarded + excluded.rows_discarded,
        last_discarded_at = excluded.last_discarded_at,
        last_discarded_by = excluded.last_discarded_by;

    -- Only a row that may still be sent again needs the values that came after it.
    DELETE FROM _etl.later_values AS l
    WHERE NOT EXISTS (
        SELECT 1 FROM _etl.rejected_rows AS r
        WHERE r.pipeline = l.pipeline AND r.is_open AND r.machine_iot_id = l.machine_iot_id
            AND r.event_time = l.event_time AND r.key_part = l.key_part
    );

    DELETE FROM _etl.unknown_codes AS u
    USING (
        SELECT k.company_iot_id, k.source_down_id, k.down_code, k.loaded_down_id
        FROM _etl.unknown_codes AS k
        INNER JOIN (
            SELECT c.company_iot_id, c.source_down_id, c.down_code, c.loaded_down_id,
                row_number() OVER (ORDER BY c.last_seen_at DESC) AS place
            FROM _etl.unknown_codes AS c
        ) AS o
            ON o.company_iot_id = k.company_iot_id
            AND o.source_down_id IS NOT DISTINCT FROM k.source_down_id
            AND o.down_code IS NOT DISTINCT FROM k.down_code
            AND o.loaded_down_id IS NOT DISTINCT FROM k.loaded_down_id
        WHERE o.place > 10000 OR k.last_seen_at < clock_timestamp() - INTERVAL '30 days'
        -- One that a load counts at this moment is not old.
        FOR UPDATE OF k SKIP LOCKED
    ) AS f
    WHERE u.company_iot_id = f.company_iot_id
        AND u.source_down_id IS NOT DISTINCT FROM f.source_down_id
        AND u.down_code IS NOT DISTINCT FROM f.down_code
        AND u.loaded_down_id IS NOT DISTINCT FROM f.loaded_down_id;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_trim_logs(interval, interval, bigint, bigint) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_trim_logs(interval, interval, bigint, bigint) IS
    'Trims run log, rejects and feed records; rejects that go are counted in discarded_rejects';
