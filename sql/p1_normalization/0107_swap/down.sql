-- what: v1's tables, aggregates, code and views take their names back; v2's tables wait in _stage
-- why: v1's tables were kept as they were, so going back is a rename and not a conversion
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v2's gold and tables, given up after lock_timeout; last rows, renames
-- down: undone by upgrading again, which finds the same rows under the same keys
-- @include sql/p1_normalization/shared/require_archive.sql
-- @include sql/p1_normalization/shared/to_v1.sql
-- @include sql/p1_normalization/shared/migrate_master_back.sql
-- @include sql/p1_normalization/shared/migrate_back.sql

-- No session waits for this; under the locks only rows remain that arrive after it.
SELECT _archive.complete_notes();
SELECT _archive.migrate_master_back();
-- @include sql/p1_normalization/shared/stop_refreshes.sql
SELECT _archive.migrate_rest_back(p_passes => 3);

SELECT _archive.lock_schema('_archive', 'change_notes', 'to_compare', 'swapped');

DO $locks$
DECLARE
    -- Who waits, waits for the locks and then for what is done under them: together, not a second.
    v_deadline timestamptz := _archive.lock_deadline(INTERVAL '0.5 seconds');
    v_limit text := current_setting('lock_timeout');
    v_view text;
    v_left bigint;
BEGIN
    -- Dashboards enter through gold, other sessions through the tables.
    FOREACH v_view IN ARRAY ARRAY[
        'v_daily_downtime', 'v_daily_production', 'v_oee_by_shift', 'v_oee_dashboard',
        'v_machine_days', 'v_machine_shifts', 'v_machine_shifts_from_silver',
        'v_machine_shifts_to_read', 'v_recent_machine_days', 'v_recent_machine_shifts',
        'v_recent_stops', 'v_live_machine_status', 'v_downtime_dashboard',
        'v_production_dashboard'
    ] LOOP
        PERFORM set_config('lock_timeout', greatest(
            1, ceil(extract(epoch FROM v_deadline - clock_timestamp()) * 1000)
        )::text, true);
        -- The Apache edition lacks some of them.
        EXECUTE format('DROP VIEW IF EXISTS gold.%I', v_view);
    END LOOP;
    PERFORM set_config('lock_timeout', v_limit, true);

    CREATE SCHEMA _stage;
    REVOKE ALL ON SCHEMA _stage FROM PUBLIC;
    COMMENT ON SCHEMA _stage IS
        'v2 tables that are being filled; the swap moves them to their place';
    PERFORM _archive.move_aggregates('gold', '_stage', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ], v_deadline);
    -- In the order in which a load and an alert lock them; companies, which every foreign key reads
    -- last, come last.
    PERFORM _archive.lock_within('ACCESS EXCLUSIVE', ARRAY[
        'silver.machine_cycles', 'silver.machine_downtime', 'silver.machine_status',
        'silver.machine_alarms', 'silver.machine_energy', 'silver.machine_focas',
        'silver.machine_focas_program_production', 'silver.machine_tool_usage',
        'silver.machine_pm_status', 'silver.machine_am_status', 'silver.customer_feedback',
        'gold.running_shifts', 'gold.stale_machine_days', 'gold.rolled_up_chunks',
        'gold.rolled_up_dates', 'gold.machine_shifts', 'gold.machine_days', 'gold.long_stops',
        'alerting.history', 'alerting.active_alerts', 'config.alert_subscriptions',
        'config.alert_rules', 'master.former_plants', 'master.plant_days_off',
        'master.shift_breaks', 'master.shift_calendar_extents', 'master.shift_calendar',
        'master.machine_assets', 'master.production_targets', 'master.users',
        'master.downtime_codes', 'master.shift_definitions', 'master.plant_machine_mapping',
        'master.machine_info', 'master.device_info', 'master.plants', 'master.companies',
        '_archive.change_notes', '_archive.to_compare', '_archive.swapped'
    ]::regclass[], v_deadline);

    SELECT coalesce(sum(n.rows), 0) INTO v_left
    FROM _archive.change_notes AS n
    WHERE n.migrated_at IS NULL;
    IF v_left > 5000 THEN
        RAISE EXCEPTION 'cannot swap back at once because % rows have just changed under v2', v_left
            USING ERRCODE = 'serialization_failure',
                HINT = 'Downgrade again when v2 changes fewer rows in a second';
    END IF;
END
$locks$;

-- From here on this transaction waits for no lock.
SELECT _archive.migrate_rest_back();
SELECT _archive.note_dependent_views();

DROP TRIGGER shift_definitions_overlap ON master.shift_definitions;
DROP FUNCTION master.fn_refuse_shift_overlap();

-- Ranges that did not change under v2 need not be compared again.
DELETE FROM _archive.settled_ranges;
DELETE FROM _archive.settled_machines;
INSERT INTO _archive.settled_ranges (
    table_name, range_start, range_end, v1_rows, migrated, merged, left_out, in_future, rounded
)
SELECT
    t.table_name, r.range_start, r.range_end, r.v1_rows, r.migrated, r.merged, r.left_out,
    r.in_future, r.rounded
FROM _archive.row_reconciliation AS r
INNER JOIN _archive.migrated_tables AS t ON r.table_name = t.schema_name || '.' || t.table_name
WHERE NOT EXISTS (
    SELECT 1 FROM _archive.change_notes AS n
    WHERE n.table_name = t.table_name AND (
        n.hour IS NULL
        OR (
            n.hour < r.range_end
            AND n.hour >= date_bin('1 hour', r.range_start, '2000-01-01 00:00:00+00')
        )
    )
);

-- @include sql/p1_normalization/shared/drop_change_notes.sql
-- @include sql/p1_normalization/shared/drop_migrate_back.sql

DROP FUNCTION gold.fn_roll_up_stale(integer);
DROP FUNCTION gold.fn_roll_up_anew(integer, date, date);
DROP FUNCTION gold.fn_roll_up_dates(integer, date, date);
DROP FUNCTION gold.fn_next_dates_to_roll_up(integer);
DROP FUNCTION gold.fn_resolve_open_stops();
DROP FUNCTION gold.fn_note_chunks();
DROP FUNCTION gold.fn_merge_running_shifts();
DROP TRIGGER machine_shifts_truncated ON gold.machine_shifts;
DROP TRIGGER machine_shifts_deleted ON gold.machine_shifts;
DROP TRIGGER machine_shifts_updated_to ON gold.machine_shifts;
DROP TRIGGER machine_shifts_updated_from ON gold.machine_shifts;
DROP TRIGGER machine_shifts_inserted ON gold.machine_shifts;
DROP TRIGGER machine_focas_count_truncated ON silver.machine_focas;
DROP TRIGGER machine_focas_count_updated ON silver.machine_focas;
DROP TRIGGER machine_focas_count_inserted ON silver.machine_focas;
DROP TRIGGER machine_downtime_count_truncated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_count_updated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_count_inserted ON silver.machine_downtime;
DROP TRIGGER machine_cycles_count_truncated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_count_updated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_count_inserted ON silver.machine_cycles;
DROP FUNCTION gold.fn_count_running_shifts();
DROP FUNCTION gold.fn_count_readings();
DROP FUNCTION gold.fn_count_stops();
DROP FUNCTION gold.fn_count_cycles();
DROP TRIGGER machine_focas_truncated ON silver.machine_focas;
DROP TRIGGER machine_focas_deleted ON silver.machine_focas;
DROP TRIGGER machine_focas_updated ON silver.machine_focas;
DROP TRIGGER machine_focas_inserted ON silver.machine_focas;
DROP TRIGGER machine_downtime_truncated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_deleted ON silver.machine_downtime;
DROP TRIGGER machine_downtime_updated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_inserted ON silver.machine_downtime;
DROP TRIGGER machine_cycles_truncated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_deleted ON silver.machine_cycles;
DROP TRIGGER machine_cycles_updated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_inserted ON silver.machine_cycles;
DROP FUNCTION gold.fn_note_truncated();
DROP FUNCTION gold.fn_note_readings();
DROP FUNCTION gold.fn_note_stops();
DROP FUNCTION gold.fn_note_cycles();
DROP FUNCTION gold.fn_note_signs(integer[], timestamptz[], timestamptz[]);
DROP FUNCTION gold.fn_stop_until(integer, timestamptz, timestamptz);
DROP FUNCTION gold.fn_note_stale(integer[], timestamptz[], timestamptz[]);
DROP FUNCTION gold.fn_keep_machine_days();
DROP FUNCTION gold.fn_read_machine_days();
DROP FUNCTION gold.fn_read_plant_date(integer[], integer, date, boolean);
DROP FUNCTION gold.fn_days_to_read();
DROP FUNCTION gold.fn_unread_plants();
DROP FUNCTION gold.fn_days_to_redo();
DROP FUNCTION gold.fn_running_dates(integer);
DROP FUNCTION gold.fn_is_rolled_up(integer, date);
DROP FUNCTION gold.fn_rolled_up_everywhere();
DROP FUNCTION gold.fn_unread_dates(date, date);
DROP FUNCTION gold.fn_dates_in_silver();
DROP FUNCTION gold.fn_read_machine_shifts(integer[], integer, date, date);
DROP FUNCTION master.fn_planned_shifts(integer, date, date);
DROP FUNCTION gold.fn_oee_factors(
    numeric, numeric, bigint, bigint, bigint, bigint, bigint, bigint
);
DROP FUNCTION gold.fn_seconds(tstzmultirange);
DROP FUNCTION gold.fn_next_sign(integer, timestamptz);
DROP FUNCTION master.fn_date_ends(integer, date);
DROP FUNCTION master.fn_shift_entries(integer, date, date);
DROP FUNCTION master.fn_defined_shifts(integer, date, date);
DROP FUNCTION master.fn_knows_zone(text);
DROP FUNCTION master.fn_wall_instant(timestamp, text);
-- v1 may change its shifts while it is live: the next upgrade writes those that had not begun by
-- then.
DELETE FROM master.shift_calendar AS c WHERE c.starts_at > now();
UPDATE master.shift_calendar_extents AS x
SET last_date = (now() AT TIME ZONE 'UTC')::date - 2
WHERE x.last_date > (now() AT TIME ZONE 'UTC')::date - 2
    AND x.first_date <= (now() AT TIME ZONE 'UTC')::date - 2;
DELETE FROM master.shift_calendar_extents AS x
WHERE x.first_date > (now() AT TIME ZONE 'UTC')::date - 2;
DROP FUNCTION gold.get_home_screen_stats(integer);
-- @community
DROP FUNCTION gold.get_energy_summary(integer, integer, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_downtime_summary(integer, integer, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_cycle_summary(integer, integer, timestamptz, timestamptz);

SELECT _archive.move_tables(
    'gold', '_stage', ARRAY[
        'stale_machine_days', 'running_shifts', 'rolled_up_dates', 'rolled_up_chunks',
        'machine_days', 'machine_shifts', 'long_stops'
    ]
);
SELECT _archive.move_tables(
    'silver', '_stage', ARRAY[
        'customer_feedback', 'machine_am_status', 'machine_pm_status', 'machine_tool_usage',
        'machine_focas_program_production', 'machine_focas', 'machine_energy', 'machine_alarms',
        'machine_status', 'machine_downtime', 'machine_cycles'
    ]
);
SELECT _archive.move_tables(
    'alerting', '_stage', ARRAY[
        'history', 'active_alerts'
    ]
);
SELECT _archive.move_tables(
    'config', '_stage', ARRAY[
        'alert_subscriptions', 'alert_rules'
    ]
);
SELECT _archive.move_tables(
    'master', '_stage', ARRAY[
        'former_plants', 'plant_days_off', 'shift_breaks', 'shift_calendar_extents',
        'shift_calendar', 'users', 'production_targets', 'machine_assets', 'downtime_codes',
        'shift_definitions', 'plant_machine_mapping', 'machine_info', 'device_info', 'plants',
        'companies'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'master', ARRAY[
        'companies', 'plants', 'machine_info', 'shifts', 'downtime_codes', 'machine_assets',
        'machine_health_settings', 'production_targets', 'users'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'config', ARRAY[
        'alert_rules', 'alert_subscriptions'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'alerting', ARRAY[
        'active_alerts', 'history'
    ]
);
SELECT _archive.restore_tables(
    '_archive', 'silver', ARRAY[
        'machine_cycles', 'machine_downtime', 'machine_status', 'machine_alarms',
        'machine_energy', 'machine_focas', 'machine_tool_usage', 'machine_pm_status',
        'customer_feedback'
    ]
);
SELECT _archive.move_aggregates(
    '_archive', 'gold', ARRAY[
        'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
        'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
        'daily_production_stats', 'daily_downtime_stats'
    ]
);

SELECT _archive.restore_code();
SELECT _archive.move_dependent_views();

-- As after 0106: v1 notes what changes.
-- @include sql/p1_normalization/shared/sync_master.sql
-- @include sql/p1_normalization/shared/note_masters.sql
-- @include sql/p1_normalization/shared/to_v2.sql
-- @include sql/p1_normalization/shared/migrate.sql
-- @include sql/p1_normalization/shared/note_rows.sql
-- @include sql/p1_normalization/shared/follow_chunks.sql
-- @include sql/p1_normalization/shared/watch.sql
-- @include sql/p1_normalization/shared/backfill.sql
-- @include sql/p1_normalization/shared/fill_gold_tables.sql
-- @include sql/p1_normalization/shared/fill_gold.sql

-- @with gold => _stage, silver => _stage, master => _stage
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
-- @include schema_new/gold/Functions/fn_days_to_redo.sql#function
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
-- @include schema_new/master/Functions/fn_plant_history_from.sql#function
-- @include schema_new/master/Functions/fn_settle_shifts.sql#function
-- @include schema_new/gold/Stored Procedures/sp_roll_up.sql#procedure
-- @include sql/p1_normalization/shared/roll_up.sql
-- @include sql/p1_normalization/shared/reconcile.sql

SELECT _stage.watch(w.name) FROM _stage.watched_tables() AS w (name);
SELECT _stage.refresh_maps();
INSERT INTO _archive.settled_machines (machine_iot_id, company_id, machine_id)
SELECT m.machine_iot_id, m.company_id, m.machine_id FROM _stage.machine_map AS m;
-- A deletion in master under v2 does not delete in v1.
INSERT INTO _stage.noted_masters (table_name) VALUES ('machine_info');

INSERT INTO _stage.backfill_progress (
    table_name, range_start, range_end, rows_migrated, finished_at
)
SELECT t.table_name, c.range_start, c.range_end, 0, clock_timestamp()
FROM _archive.migrated_tables AS t
CROSS JOIN LATERAL _archive.chunk_ranges(t.schema_name, t.table_name) AS c;
