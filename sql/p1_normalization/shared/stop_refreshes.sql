-- A refresh that runs while aggregates are dropped makes that fail with "tuple concurrently
-- deleted": aggregates over one hypertable share their notes on what to compute again. So drop the
-- policies first, which cancels their runs, then wait for sessions that write such notes.
-- @community
SELECT remove_continuous_aggregate_policy(
    continuous_aggregate => format('%I.%I', a.view_schema, a.view_name)::regclass,
    if_exists => true
)
FROM timescaledb_information.continuous_aggregates AS a
WHERE a.view_schema = 'gold'
ORDER BY a.view_name;
-- @community
DO $quiet$
DECLARE
    v_until timestamptz := clock_timestamp() + INTERVAL '2 seconds';
BEGIN
    WHILE EXISTS (
        SELECT 1
        FROM pg_locks AS l
        INNER JOIN pg_class AS c ON c.oid = l.relation
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND l.locktype = 'relation'
            AND l.mode = 'RowExclusiveLock'
            AND n.nspname = '_timescaledb_catalog'
            AND c.relname LIKE 'continuous\_agg%'
            AND l.pid IS DISTINCT FROM nullif(pg_backend_pid(), 0)
    ) LOOP
        IF clock_timestamp() > v_until THEN
            RAISE EXCEPTION 'cannot drop the aggregates because a refresh is still at work'
                USING ERRCODE = 'serialization_failure',
                    HINT = 'Look for it in pg_stat_activity: application_name LIKE ''Refresh%''';
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
END
$quiet$;
