-- what: v2's tables take their names; v1's tables and aggregates are archived
-- why: one short transaction, so that readers see v1 or v2 and never half of each
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's tables, for renames only: milliseconds, whatever their size
-- down: v1's tables and code come back as they were, with the rows that arrived under v2
DO $ready$
DECLARE
    v_left text;
BEGIN
    SELECT string_agg(format('%s from %s', p.table_name, p.range_start), ', ' ORDER BY p.range_start)
    INTO v_left
    FROM _stage.backfill_progress AS p
    WHERE p.finished_at IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because chunks of v1 are not migrated yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = v_left,
                HINT = 'Downgrade to 0102 and upgrade again: 0103 migrates what is left.';
    END IF;

    PERFORM _stage.migrate_quarantined();

    -- A machine that v1 registered after a chunk was migrated: its rows there were orphans' then.
    PERFORM _stage.migrate_late_machines((
        SELECT min(p.finished_at) FROM _stage.backfill_progress AS p
    ));
    PERFORM set_config('setu.late_machines_until', clock_timestamp()::text, true);
END
$ready$;

SELECT _archive.lock_tables(
    'master.companies', 'master.plants', 'master.machine_info', 'master.shifts',
    'master.downtime_codes', 'master.machine_assets', 'master.machine_health_settings',
    'master.production_targets', 'master.users', 'config.alert_rules',
    'config.alert_subscriptions', 'alerting.active_alerts', 'alerting.history',
    'silver.machine_cycles', 'silver.machine_downtime', 'silver.machine_status',
    'silver.machine_alarms', 'silver.machine_energy', 'silver.machine_focas',
    'silver.machine_tool_usage', 'silver.machine_pm_status', 'silver.customer_feedback'
);

SELECT _stage.sync_master();
-- And what was quarantined, or a machine registered, while the locks were waited for.
SELECT _stage.migrate_quarantined();
SELECT _stage.migrate_late_machines(
    current_setting('setu.late_machines_until')::timestamptz - INTERVAL '1 second'
);

DO $whole$
DECLARE
    v_left text;
BEGIN
    SELECT string_agg(format('%s/%s/%s', s.company_id, s.plant_id, s.shift_id), ', ')
    INTO v_left
    FROM master.shifts AS s
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = s.company_id AND pk.plant_id = s.plant_id
    WHERE s.start_time IS NULL
        OR NOT (coalesce(s.duration_hrs, 8) > 0 AND coalesce(s.duration_hrs, 8) <= 24);
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 cannot hold some shifts of v1'
            USING ERRCODE = 'check_violation', DETAIL = format('Shifts (company/plant/shift): %s.', v_left),
                HINT = 'Give each a start_time and a duration_hrs above 0 and up to 24, then upgrade again.';
    END IF;

    SELECT string_agg(format('%s of %s', a.license_type, a.asset_id), ', ')
    INTO v_left
    FROM master.machine_assets AS a
    WHERE a.license_type NOT IN ('Standard', 'Premium', 'Enterprise');
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 does not know some licence types of v1'
            USING ERRCODE = 'check_violation', DETAIL = format('Licences: %s.', v_left),
                HINT = 'Set license_type to Standard, Premium or Enterprise, then upgrade again.';
    END IF;

    -- The numbers of alerts go on above both versions'.
    PERFORM setval('_stage.history_alert_id_seq', q.last_value)
    FROM alerting.history_alert_id_seq AS q
    WHERE q.is_called AND q.last_value > (
        SELECT CASE WHEN t.is_called THEN t.last_value ELSE 0 END FROM _stage.history_alert_id_seq AS t
    );
END
$whole$;

DROP PROCEDURE _stage.backfill();
DROP FUNCTION _stage.migrate_late_machines(timestamptz);
-- @include sql/p1_normalization/shared/drop_migrate.sql
-- @include sql/p1_normalization/shared/drop_sync.sql

-- @include sql/p1_normalization/shared/v1_code.sql
SELECT _archive.archive_code();

SELECT _archive.move_aggregates(
    'gold', '_archive', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ]
);
SELECT _archive.archive_tables(
    'silver', '_archive', ARRAY[
        'customer_feedback', 'machine_pm_status', 'machine_tool_usage', 'machine_focas',
        'machine_energy', 'machine_alarms', 'machine_status', 'machine_downtime', 'machine_cycles'
    ]
);
SELECT _archive.archive_tables(
    'alerting', '_archive', ARRAY[
        'history', 'active_alerts'
    ]
);
SELECT _archive.archive_tables(
    'config', '_archive', ARRAY[
        'alert_subscriptions', 'alert_rules'
    ]
);
SELECT _archive.archive_tables(
    'master', '_archive', ARRAY[
        'users', 'production_targets', 'machine_health_settings', 'machine_assets',
        'downtime_codes', 'shifts', 'machine_info', 'plants', 'companies'
    ]
);
SELECT _archive.move_tables(
    '_stage', 'master', ARRAY[
        'companies', 'plants', 'device_info', 'machine_info', 'plant_machine_mapping',
        'shift_definitions', 'downtime_codes', 'machine_assets', 'production_targets', 'users'
    ]
);
SELECT _archive.move_tables(
    '_stage', 'config', ARRAY[
        'alert_rules', 'alert_subscriptions'
    ]
);
SELECT _archive.move_tables(
    '_stage', 'alerting', ARRAY[
        'active_alerts', 'history'
    ]
);
SELECT _archive.move_tables(
    '_stage', 'silver', ARRAY[
        'machine_cycles', 'machine_downtime', 'machine_status', 'machine_alarms',
        'machine_energy', 'machine_focas', 'machine_focas_program_production',
        'machine_tool_usage', 'machine_pm_status', 'machine_am_status', 'customer_feedback'
    ]
);

DROP SCHEMA _stage;

-- @include schema_new/master/Functions/fn_refuse_shift_overlap.sql

-- The rule holds for the shifts that v1 had, too: this changes nothing, or names the overlap.
UPDATE master.shift_definitions SET is_running = is_running WHERE is_running;

-- @include sql/p1_normalization/shared/to_v1.sql
-- @include sql/p1_normalization/shared/migrate_master_back.sql
-- @include sql/p1_normalization/shared/migrate_back.sql
