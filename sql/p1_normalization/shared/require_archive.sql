-- Going back means restoring what is archived; without it nothing may be touched.
DO $require$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(t.name, ', ') INTO v_missing
    FROM (
        SELECT unnest(ARRAY[
            'companies', 'plants', 'machine_info', 'shifts', 'downtime_codes', 'machine_assets',
            'machine_health_settings', 'production_targets', 'users', 'alert_rules',
            'alert_subscriptions', 'active_alerts'
        ]) AS name
        UNION ALL
        SELECT c.table_name FROM _archive.migrated_tables AS c
    ) AS t
    WHERE to_regclass(format('_archive.%I', t.name)) IS NULL;
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because its rows are no longer in _archive'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = format('v1''s tables that are gone: %s.', v_missing),
                HINT = 'Stay at v2, or restore a backup: setu archive drop was run, or they were '
                       'dropped by hand';
    END IF;
END
$require$;
