-- what: the live catalog has the objects of v1
-- why: holds at every later revision too, where v2's tables bear the same names
-- transaction: yes
-- lock: none
-- down: nothing

DO $verify$
DECLARE
    v_missing text[] := '{}';
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY ARRAY[
        'master.companies',
        'master.plants',
        'master.machine_info',
        'master.downtime_codes',
        'master.machine_assets',
        'master.production_targets',
        'master.users',
        'config.alert_rules',
        'config.alert_subscriptions',
        'alerting.active_alerts'
    ]
    LOOP
        IF to_regclass(v_name) IS NULL THEN
            v_missing := v_missing || format('table %s', v_name);
        END IF;
    END LOOP;

    FOREACH v_name IN ARRAY ARRAY[
        'silver.customer_feedback',
        'silver.machine_alarms',
        'silver.machine_cycles',
        'silver.machine_downtime',
        'silver.machine_energy',
        'silver.machine_focas',
        'silver.machine_pm_status',
        'silver.machine_status',
        'silver.machine_tool_usage',
        'alerting.history'
    ]
    LOOP
        IF NOT EXISTS (
            SELECT
            FROM timescaledb_information.hypertables AS h
            WHERE format('%s.%s', h.hypertable_schema, h.hypertable_name) = v_name
        ) THEN
            v_missing := v_missing || format('hypertable %s', v_name);
        END IF;
    END LOOP;

    -- From here on only while v1 is live: shift_definitions takes the place of shifts.
    IF to_regclass('master.shift_definitions') IS NULL THEN
        FOREACH v_name IN ARRAY ARRAY[
            'master.shifts',
            'master.machine_health_settings',
            'bronze.raw_telemetry',
            'bronze.dead_letter_queue',
            'bronze.migration_metadata',
            'gold.v_live_machine_status',
            'master.idx_machine_info_device_iot',
            'master.idx_prod_targets_machine',
            'silver.customer_feedback_time_idx',
            'silver.machine_alarms_time_idx',
            'silver.machine_cycles_cycle_start_idx',
            'silver.machine_downtime_down_start_idx',
            'silver.machine_energy_time_idx',
            'silver.machine_focas_time_idx',
            'silver.machine_pm_status_time_idx',
            'silver.machine_status_time_idx',
            'silver.machine_tool_usage_time_idx',
            'bronze.raw_telemetry_ingest_time_idx',
            'bronze.idx_raw_telemetry_batch',
            'bronze.idx_raw_telemetry_pending',
            'bronze.dead_letter_queue_time_idx',
            'bronze.idx_migration_metadata_latest',
            'bronze.idx_migration_metadata_run',
            'bronze.idx_migration_metadata_table',
            'alerting.history_time_idx'
        ]
        LOOP
            IF to_regclass(v_name) IS NULL THEN
                v_missing := v_missing || format('relation %s', v_name);
            END IF;
        END LOOP;

        FOREACH v_name IN ARRAY ARRAY[
            'master.get_shift_id(text, timestamptz)',
            'bronze.proc_ingest_payload(jsonb, boolean)',
            'bronze.proc_process_bronze_batch(integer)',
            'alerting.proc_check_device_heartbeat(integer)',
            'alerting.proc_check_machine_downtime()',
            'alerting.proc_run_engine()',
            'gold.get_home_screen_stats(text)'
        ]
        LOOP
            IF to_regprocedure(v_name) IS NULL THEN
                v_missing := v_missing || format('routine %s', v_name);
            END IF;
        END LOOP;
    END IF;

    IF cardinality(v_missing) > 0 THEN
        RAISE EXCEPTION 'revision 0001 does not hold because % objects of v1 are missing',
            cardinality(v_missing)
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'missing: ' || array_to_string(v_missing, ', '),
                  HINT = 'Compare the database with schema/ before you go on';
    END IF;
END;
$verify$;

-- @community
DO $verify$
DECLARE
    v_missing text[] := '{}';
    v_name text;
BEGIN
    IF to_regclass('master.shift_definitions') IS NOT NULL THEN
        RETURN;
    END IF;

    FOREACH v_name IN ARRAY ARRAY[
        'gold.hourly_production_stats',
        'gold.hourly_downtime_stats',
        'gold.hourly_energy_stats',
        'gold.machine_cycle_stats_hourly',
        'gold.machine_downtime_hourly',
        'gold.machine_energy_hourly',
        'gold.daily_production_stats',
        'gold.daily_downtime_stats'
    ]
    LOOP
        IF NOT EXISTS (
            SELECT
            FROM timescaledb_information.continuous_aggregates AS a
            WHERE format('%s.%s', a.view_schema, a.view_name) = v_name
        ) THEN
            v_missing := v_missing || format('continuous aggregate %s', v_name);
        END IF;
    END LOOP;

    FOREACH v_name IN ARRAY ARRAY[
        'gold.v_production_dashboard',
        'gold.v_downtime_dashboard',
        'gold.v_oee_dashboard'
    ]
    LOOP
        IF to_regclass(v_name) IS NULL THEN
            v_missing := v_missing || format('view %s', v_name);
        END IF;
    END LOOP;

    FOREACH v_name IN ARRAY ARRAY[
        'gold.get_cycle_summary(text, text, timestamptz, timestamptz)',
        'gold.get_downtime_summary(text, text, timestamptz, timestamptz)',
        'gold.get_energy_summary(text, text, timestamptz, timestamptz)'
    ]
    LOOP
        IF to_regprocedure(v_name) IS NULL THEN
            v_missing := v_missing || format('routine %s', v_name);
        END IF;
    END LOOP;

    IF cardinality(v_missing) > 0 THEN
        RAISE EXCEPTION 'revision 0001 does not hold because % objects of v1 are missing',
            cardinality(v_missing)
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'missing: ' || array_to_string(v_missing, ', '),
                  HINT = 'Compare the database with schema/ before you go on';
    END IF;
END;
$verify$;
