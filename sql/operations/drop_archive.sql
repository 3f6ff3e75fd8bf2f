-- Drops v1's archived tables and aggregates for good. Keys, row counts and rows that arrived under
-- v2 stay. In one transaction. It leaves a note of what was dropped: verify.sql and pre-flight read
-- it.
CREATE TABLE _archive.dropped_tables (
    table_name text PRIMARY KEY,
    bytes bigint NOT NULL,
    dropped_by text NOT NULL DEFAULT session_user,
    dropped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO _archive.dropped_tables (table_name, bytes)
SELECT t.name, coalesce(hypertable_size(c.oid::regclass), pg_total_relation_size(c.oid))
FROM (
    SELECT unnest(ARRAY[
        'active_alerts', 'alert_subscriptions', 'alert_rules', 'users', 'production_targets',
        'machine_health_settings', 'machine_assets', 'downtime_codes', 'shifts', 'machine_info',
        'plants', 'companies', 'raw_telemetry', 'dead_letter_queue', 'migration_metadata'
    ]) AS name
    UNION ALL
    SELECT k.table_name FROM _archive.migrated_tables AS k
) AS t
INNER JOIN pg_class AS c ON c.oid = to_regclass(format('_archive.%I', t.name));

-- Functions that take or give a row of these tables.
DROP FUNCTION _archive.payload_digest(_archive.raw_telemetry);

DO $drop$
DECLARE
    v_name text;
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc AS p
        WHERE p.pronamespace = '_archive'::regnamespace AND p.proname = 'to_v1'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
    -- None of them reads another.
    FOR v_name IN
        DELETE FROM _archive.archived_code AS c
        RETURNING format('%s _archive.%s', c.kind, c.object_name)
    LOOP
        EXECUTE format('DROP %s', v_name);
    END LOOP;
    FOR v_name IN
        SELECT c.view_name FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = '_archive'
    LOOP
        EXECUTE format('DROP MATERIALIZED VIEW _archive.%I', v_name);
        DELETE FROM _archive.paused_jobs AS s WHERE s.table_name = v_name;
    END LOOP;
    -- Referencing tables are dropped first.
    FOR v_name IN
        SELECT d.table_name FROM _archive.dropped_tables AS d
        ORDER BY array_position(ARRAY[
            'active_alerts', 'alert_subscriptions', 'alert_rules', 'users', 'production_targets',
            'machine_health_settings', 'machine_assets', 'downtime_codes', 'shifts', 'machine_info',
            'plants', 'companies'
        ], d.table_name) NULLS FIRST
    LOOP
        EXECUTE format('DROP TABLE _archive.%I', v_name);
    END LOOP;
END
$drop$;

-- Their jobs went with them.
DELETE FROM _archive.paused_jobs AS s
WHERE s.table_name IN (SELECT d.table_name FROM _archive.dropped_tables AS d);
