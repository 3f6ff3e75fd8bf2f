-- New: reads sequences and bronze, which differ from pipeline to pipeline, for the view on top.
CREATE FUNCTION _etl.fn_pipeline_lag()
RETURNS TABLE (
    pipeline text,
    enabled boolean,
    last_processed_id bigint,
    newest_id bigint,
    rows_behind bigint,
    seconds_behind numeric,
    last_run_at timestamptz,
    fence_id bigint,
    fence_age_seconds numeric,
    held_up_by text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_mark _etl.watermarks;
    v_oldest timestamptz;
BEGIN
    FOR v_mark IN SELECT w.* FROM _etl.watermarks AS w ORDER BY w.pipeline LOOP
        pipeline := v_mark.pipeline;
        enabled := v_mark.enabled;
        last_processed_id := v_mark.last_processed_id;
        EXECUTE format(
            'SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END FROM %s AS s',
            pg_get_serial_sequence(v_mark.source_table, 'id')
        ) INTO newest_id;
        -- Negative when the sequence went back: no run begins then.
        rows_behind := newest_id - v_mark.last_processed_id;
        EXECUTE format(
            'SELECT b.time FROM %s AS b WHERE b.id > $1 ORDER BY b.id LIMIT 1',
            v_mark.source_table::regclass
        ) INTO v_oldest USING v_mark.last_processed_id;
        seconds_behind := coalesce(
            round(extract(epoch FROM greatest(clock_timestamp() - v_oldest, INTERVAL '0')), 1), 0
        );
        SELECT max(r.started_at) INTO last_run_at
        FROM _etl.job_runs AS r WHERE r.pipeline = v_mark.pipeline;
        SELECT f.fence_id, round(extract(epoch FROM clock_timestamp() - f.read_at), 1)
        INTO fence_id, fence_age_seconds
        FROM _etl.fence_readings AS f
        WHERE f.pipeline = v_mark.pipeline AND f.holders = '{}'
        ORDER BY f.fence_id DESC
        LIMIT 1;
        SELECT string_agg(h.who, '; ' ORDER BY h.since)
        INTO held_up_by
        FROM (
            SELECT
                CASE
                    WHEN l.pid IS NULL THEN
                        format('prepared transaction %s of %s since %s', p.gid, p.owner, p.prepared)
                    ELSE
                        format(
                            'pid %s (%s, %s) open since %s',
                            l.pid, a.usename,
                            coalesce(nullif(a.application_name, ''), 'no application name'),
                            a.xact_start
                        )
                END AS who,
                coalesce(a.xact_start, p.prepared) AS since
            FROM pg_locks AS l
            LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
            -- Until the server restarts, a prepared transaction has its session's number.
            LEFT JOIN pg_locks AS x
                ON l.pid IS NULL
                AND x.pid IS NULL
                AND x.locktype = 'transactionid'
                AND x.virtualtransaction = l.virtualtransaction
            LEFT JOIN pg_prepared_xacts AS p ON p.transaction = x.transactionid
            WHERE l.virtualtransaction = ANY (_etl.fn_sequence_holders(
                pg_get_serial_sequence(v_mark.source_table, 'id')::regclass
            ))
                AND l.locktype = 'relation'
                AND l.relation = pg_get_serial_sequence(v_mark.source_table, 'id')::regclass
                -- A prepared transaction gets another name when the server restarts.
                AND (l.pid IS NULL OR EXISTS (
                    SELECT 1 FROM _etl.fence_readings AS f
                    WHERE f.pipeline = v_mark.pipeline AND l.virtualtransaction = ANY (f.holders)
                ))
        ) AS h;
        RETURN NEXT;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_pipeline_lag() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_pipeline_lag() TO setu_etl, setu_reader;

COMMENT ON FUNCTION _etl.fn_pipeline_lag() IS 'What _etl.v_pipeline_lag shows';
