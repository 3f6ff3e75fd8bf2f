-- what: v2's tables and aggregates take their names; v1's are archived
-- why: one short transaction, so that readers see v1 or v2, silver and gold, and never half of each
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's tables and gold, given up after lock_timeout; renames only
-- down: v1's tables and code come back as they were, with the rows that arrived under v2
-- before: CALL _stage.catch_up()
DO $ready$
DECLARE
    v_left text;
BEGIN
    SELECT string_agg(
        format('%s from %s', p.table_name, p.range_start), ', ' ORDER BY p.range_start
    )
    INTO v_left
    FROM _stage.backfill_progress AS p
    WHERE p.finished_at IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because chunks of v1 are not migrated yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = v_left,
                HINT = 'Downgrade to 0102 and upgrade again: 0103 migrates what is left';
    END IF;
END
$ready$;

-- @include sql/p1_normalization/shared/v1_code.sql

-- No session waits for this pass; under the locks only rows remain that arrive after it. Where v1
-- changes more than it takes, the step gives up below.
SELECT _stage.follow_chunks();
SELECT _stage.migrate_noted(50000);

SELECT _archive.await_quiet(ARRAY['gold', 'silver', 'master', 'config', 'alerting']);
SELECT _archive.lock_schema('_stage', 'noted_rows', 'noted_chunks', 'noted_masters');

DO $locks$
DECLARE
    -- Who waits, waits for the locks and then for what is done under them: together, not a second.
    v_deadline timestamptz := _archive.lock_deadline(INTERVAL '0.5 seconds');
    v_notes bigint;
BEGIN
    -- Dashboards enter through gold, other sessions through the tables.
    PERFORM _archive.archive_code(v_deadline);
    PERFORM _archive.move_aggregates('gold', '_archive', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ], v_deadline);
    PERFORM _archive.lock_within('ACCESS EXCLUSIVE', (_archive.v1_tables() || ARRAY[
        '_stage.noted_rows', '_stage.noted_chunks', '_stage.noted_masters'
    ])::regclass[], v_deadline);

    IF _stage.rows_to_search(50000) >= 50000 THEN
        RAISE EXCEPTION 'cannot swap at once because v1 has just changed rows among many others'
            USING ERRCODE = 'serialization_failure',
                HINT = 'Upgrade again when no statement changes many rows of v1';
    END IF;
    PERFORM _stage.follow_chunks();
    v_notes := _stage.count_notes();
    IF v_notes > 5000 THEN
        RAISE EXCEPTION 'cannot swap at once because % notes on changes of v1 are left', v_notes
            USING ERRCODE = 'serialization_failure',
                HINT = 'Upgrade again when v1 changes fewer rows in a second';
    END IF;
END
$locks$;

-- From here on this transaction waits for no lock.
-- @include sql/p1_normalization/shared/dependent_views.sql
SELECT _archive.note_dependent_views();
SELECT _stage.migrate_noted();
SELECT _stage.refuse_failures();

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
        OR NOT (
            round(coalesce(s.duration_hrs, 8) * 3600, 6) > 0 AND coalesce(s.duration_hrs, 8) <= 24
        );
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 cannot hold some shifts of v1'
            USING ERRCODE = 'check_violation', DETAIL = format(
                'Shifts (company/plant/shift): %s.', v_left
            ),
                HINT = 'Give each a start_time and a duration_hrs above 0 and up to 24, then '
                       'upgrade again';
    END IF;

    SELECT string_agg(format('%s of %s', a.license_type, a.asset_id), ', ')
    INTO v_left
    FROM master.machine_assets AS a
    WHERE a.license_type NOT IN ('Standard', 'Premium', 'Enterprise');
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 does not know some licence types of v1'
            USING ERRCODE = 'check_violation', DETAIL = format('Licences: %s.', v_left),
                HINT = 'Set license_type to Standard, Premium or Enterprise, then upgrade again';
    END IF;
END
$whole$;

DO $numbers$
BEGIN
    -- Alert ids continue above those of both versions.
    PERFORM setval('_stage.history_alert_id_seq', q.last_value)
    FROM alerting.history_alert_id_seq AS q
    WHERE q.is_called AND q.last_value > (
        SELECT CASE WHEN t.is_called THEN t.last_value ELSE 0 END
        FROM _stage.history_alert_id_seq AS t
    );
END
$numbers$;

DELETE FROM _archive.settled_ranges;
DELETE FROM _archive.settled_machines;
DROP PROCEDURE _stage.reconcile_rows();
DROP FUNCTION _stage.keep_differing();
DROP FUNCTION _stage.reconcile(text, timestamptz, timestamptz);
DROP PROCEDURE _stage.sp_roll_up(integer, jsonb);
DROP PROCEDURE _stage.fill_gold();
DROP TABLE _stage.gold_pieces;
SELECT _stage.unwatch(w.name) FROM _stage.watched_tables() AS w (name);
-- @include sql/p1_normalization/shared/drop_backfill.sql
-- @include sql/p1_normalization/shared/drop_watch.sql
-- @include sql/p1_normalization/shared/drop_follow_chunks.sql
-- @include sql/p1_normalization/shared/drop_note_rows.sql
-- @include sql/p1_normalization/shared/drop_migrate.sql
-- @include sql/p1_normalization/shared/drop_note_masters.sql
-- @include sql/p1_normalization/shared/drop_sync.sql
-- @include sql/p1_normalization/shared/drop_roll_up.sql

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
        'shift_definitions', 'downtime_codes', 'machine_assets', 'production_targets', 'users',
        'shift_calendar', 'shift_calendar_extents', 'shift_breaks', 'plant_days_off',
        'former_plants'
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

SELECT _archive.move_tables(
    '_stage', 'gold', ARRAY[
        'long_stops', 'machine_shifts', 'machine_days', 'rolled_up_chunks', 'rolled_up_dates',
        'running_shifts', 'stale_machine_days'
    ]
);
SELECT _archive.move_aggregates(
    '_stage', 'gold', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ]
);

DROP SCHEMA _stage;

SELECT _archive.move_dependent_views();

-- @include schema_new/master/Functions/fn_refuse_shift_overlap.sql

-- The rule holds for the shifts that v1 had, too: this touches no row, or names the overlap.
UPDATE master.shift_definitions AS d
SET is_running = d.is_running
WHERE d.is_running AND EXISTS (
    SELECT 1
    FROM master.shift_definitions AS s
    CROSS JOIN generate_series(-2, 2) AS k (days)
    WHERE s.plant_iot_id = d.plant_iot_id
        AND s.id <> d.id
        AND s.is_running
        AND d.start_time - time '00:00' + d.from_day * INTERVAL '24 hours'
            < s.end_time - time '00:00' + (s.to_day + k.days) * INTERVAL '24 hours'
        AND s.start_time - time '00:00' + (s.from_day + k.days) * INTERVAL '24 hours'
            < d.end_time - time '00:00' + d.to_day * INTERVAL '24 hours'
);

-- @include schema_new/gold/Continuous Aggregates/*.sql#refresh
-- @include schema_new/gold/Functions/get_*.sql#function
-- @include schema_new/gold/Views/v_production_dashboard.sql#view
-- @include schema_new/gold/Views/v_downtime_dashboard.sql#view
-- @include schema_new/gold/Views/v_live_machine_status.sql#view

-- Reports by shift, and the roll-up that they read.
-- @include schema_new/master/Functions/fn_wall_instant.sql#function
-- @include schema_new/master/Functions/fn_knows_zone.sql#function
-- @include schema_new/master/Functions/fn_defined_shifts.sql#function
-- @include schema_new/master/Functions/fn_shift_entries.sql#function
-- @include schema_new/master/Functions/fn_date_ends.sql#function
-- @include schema_new/gold/Functions/fn_next_sign.sql#function
-- @include schema_new/gold/Functions/fn_seconds.sql#function
-- @include schema_new/gold/Functions/fn_oee_factors.sql#function
-- @include schema_new/master/Functions/fn_planned_shifts.sql#function
-- @include schema_new/gold/Functions/fn_read_machine_shifts.sql#function
-- @include schema_new/gold/Functions/fn_dates_in_silver.sql#function
-- @include schema_new/gold/Functions/fn_unread_dates.sql#function
-- @include schema_new/gold/Functions/fn_rolled_up_everywhere.sql#function
-- @include schema_new/gold/Functions/fn_is_rolled_up.sql#function
-- @include schema_new/gold/Functions/fn_running_dates.sql#function
-- @include schema_new/gold/Views/v_recent_stops.sql#view
-- @include schema_new/gold/Views/v_recent_machine_shifts.sql#view
-- @include schema_new/gold/Views/v_recent_machine_days.sql#view
-- @include schema_new/gold/Functions/fn_days_to_redo.sql#function
-- @include schema_new/gold/Functions/fn_days_to_read.sql#function
-- @include schema_new/gold/Functions/fn_unread_plants.sql#function
-- @include schema_new/gold/Functions/fn_read_plant_date.sql#function
-- @include schema_new/gold/Views/v_machine_shifts_to_read.sql#view
-- @include schema_new/gold/Functions/fn_read_machine_days.sql#function
-- @include schema_new/gold/Views/v_machine_shifts_from_silver.sql#view
-- @include schema_new/gold/Views/v_machine_shifts.sql#view
-- @include schema_new/gold/Views/v_machine_days.sql#view
-- @include schema_new/gold/Views/v_oee_dashboard.sql#view
-- @include schema_new/gold/Views/v_oee_by_shift.sql#view
-- @include schema_new/gold/Views/v_daily_production.sql#view
-- @include schema_new/gold/Views/v_daily_downtime.sql#view
-- @include schema_new/gold/Functions/fn_keep_machine_days.sql
-- @include schema_new/gold/Functions/fn_note_stale.sql
-- @include schema_new/gold/Functions/fn_stop_until.sql
-- @include schema_new/gold/Functions/fn_note_signs.sql
-- @include schema_new/gold/Functions/fn_note_cycles.sql
-- @include schema_new/gold/Functions/fn_note_stops.sql
-- @include schema_new/gold/Functions/fn_note_readings.sql
-- @include schema_new/gold/Functions/fn_note_truncated.sql
-- @include schema_new/gold/Functions/fn_merge_running_shifts.sql#function
-- @include schema_new/gold/Functions/fn_count_cycles.sql
-- @include schema_new/gold/Functions/fn_count_stops.sql
-- @include schema_new/gold/Functions/fn_count_readings.sql
-- @include schema_new/gold/Functions/fn_count_running_shifts.sql#function
-- @include schema_new/gold/Functions/fn_note_chunks.sql#function
-- @include schema_new/gold/Functions/fn_resolve_open_stops.sql#function
-- @include schema_new/gold/Functions/fn_next_dates_to_roll_up.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_dates.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_anew.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_stale.sql#function

-- @include sql/p1_normalization/shared/change_notes.sql
