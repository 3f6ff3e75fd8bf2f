-- what: v1's archived tables are whole, quiet and reconciled, or noted as dropped
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(format('job %s of %s', j.job_id, j.hypertable_name), ', ')
    INTO v_wrong
    FROM timescaledb_information.jobs AS j
    WHERE j.hypertable_schema = '_archive' AND j.scheduled;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'jobs of archived tables still run'
            USING DETAIL = v_wrong, HINT = 'Pause them with alter_job(..., scheduled => false)';
    END IF;
    IF to_regclass('_archive.dropped_tables') IS NOT NULL THEN
        RETURN;  -- checked before v1's rows were dropped, or there never were any
    END IF;
    SELECT string_agg('_archive.' || n.name, ', ')
    INTO v_wrong
    FROM unnest(ARRAY[
        'companies', 'plants', 'machine_info', 'shifts', 'downtime_codes', 'machine_assets',
        'machine_health_settings', 'production_targets', 'users', 'alert_rules',
        'alert_subscriptions', 'active_alerts', 'history', 'machine_cycles', 'machine_downtime',
        'machine_status', 'machine_alarms', 'machine_energy', 'machine_focas',
        'machine_tool_usage', 'machine_pm_status', 'customer_feedback', 'raw_telemetry'
    ]) AS n (name)
    WHERE to_regclass('_archive.' || n.name) IS NULL;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'archived tables of v1 are missing'
            USING DETAIL = v_wrong,
                HINT = 'Restore them from a backup; a downgrade to v1 needs them';
    END IF;
    SELECT string_agg(format('%s from %s', t.table_name, c.range_start), ', ')
    INTO v_wrong
    FROM _archive.migrated_tables AS t
    CROSS JOIN LATERAL _archive.chunk_ranges('_archive', t.table_name) AS c
    LEFT JOIN _archive.row_reconciliation AS a
        ON a.table_name = t.schema_name || '.' || t.table_name AND a.range_start = c.range_start
    WHERE a.table_name IS NULL OR a.v1_rows <> a.migrated + a.merged + a.left_out;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'chunks of v1 are not reconciled'
            USING DETAIL = v_wrong,
                HINT = 'Run CALL _archive.reconcile_rows() as the deploying role';
    END IF;
    SELECT string_agg(w.what, ', ')
    INTO v_wrong
    FROM (
        SELECT format('company %s', c.company_id) AS what
        FROM _archive.companies AS c
        LEFT JOIN _archive.company_keys AS k ON k.company_id = c.company_id
        WHERE k.company_id IS NULL
        UNION ALL
        SELECT format('plant %s/%s', p.company_id, p.plant_id)
        FROM _archive.plants AS p
        LEFT JOIN _archive.plant_keys AS k
            ON k.company_id = p.company_id AND k.plant_id = p.plant_id
        WHERE k.company_id IS NULL
        UNION ALL
        SELECT format('machine %s/%s', m.company_id, m.machine_id)
        FROM _archive.machine_info AS m
        LEFT JOIN _archive.machine_keys AS k
            ON k.company_id = m.company_id AND k.machine_id = m.machine_id
        WHERE k.company_id IS NULL
        LIMIT 20
    ) AS w;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'rows of v1''s master have no key in v2' USING DETAIL = v_wrong;
    END IF;
END
$check$;
