-- what: v2's aggregates, and the tables, functions and triggers of the roll-up of shifts, in _stage
-- why: gold is built beside v1's and changes with it in the swap, so that dashboards never miss it
-- transaction: yes
-- lock: none that other sessions need
-- down: aggregates, rolled-up shifts and the shift calendar are archived with their data
-- @with gold => _stage, silver => _stage
-- @include schema_new/gold/Continuous Aggregates/*.sql#aggregate

SELECT _archive.restore_aggregates('_stage', ARRAY[
    'hourly_production_stats', 'hourly_downtime_stats', 'hourly_energy_stats',
    'machine_cycle_stats_hourly', 'machine_downtime_hourly', 'machine_energy_hourly',
    'daily_production_stats', 'daily_downtime_stats'
]);

-- @with gold => _stage, master => _stage
-- @include schema_new/master/Tables/shift_calendar.sql#table
-- @include schema_new/master/Tables/shift_calendar_extents.sql#table
-- @include schema_new/master/Tables/shift_breaks.sql#table
-- @include schema_new/master/Tables/plant_days_off.sql#table
-- @include schema_new/master/Tables/former_plants.sql#table
-- @include schema_new/gold/Tables/*.sql#table

SELECT _archive.restore_in_place(
    '_stage', 'shift_calendar', 'shift_calendar_extents', 'shift_breaks', 'plant_days_off',
    'former_plants', 'machine_shifts', 'machine_days'
);

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
-- @include sql/p1_normalization/shared/roll_up.sql

-- From here on nobody writes to v2's silver until this commits, so that no change is missed. After
-- a way back to v1, dates before all changes hold (_archive.kept_roll_up); so do those that silver
-- no longer has. The others are rolled up again: what begins anew, newest date first; what goes on,
-- oldest first.
DELETE FROM _archive.kept_roll_up AS k
WHERE k.first_date > k.last_date OR k.last_date < (now() AT TIME ZONE 'UTC')::date - 400;
DELETE FROM _stage.machine_shifts AS r
WHERE r.logical_date > (
    SELECT coalesce((max(f.range_start) AT TIME ZONE 'UTC')::date + 2, 'infinity')
    FROM (
        SELECT min(c.range_start) AS range_start
        FROM timescaledb_information.chunks AS c
        WHERE c.hypertable_schema = '_stage'
            AND c.hypertable_name IN ('machine_cycles', 'machine_downtime', 'machine_focas')
        GROUP BY c.hypertable_name
    ) AS f
)
AND NOT EXISTS (
    SELECT 1 FROM _archive.kept_roll_up AS k
    WHERE k.plant_iot_id = coalesce(r.plant_iot_id, 0)
        AND r.logical_date BETWEEN k.first_date AND k.last_date
);
INSERT INTO _stage.rolled_up_dates (plant_iot_id, first_date, last_date)
SELECT k.plant_iot_id, k.first_date, k.last_date FROM _archive.kept_roll_up AS k;
DELETE FROM _archive.kept_roll_up;

INSERT INTO _stage.long_stops (machine_iot_id, down_start, down_end, is_open)
SELECT
    d.machine_iot_id,
    d.down_start,
    nullif(d.down_end, 'infinity'),
    coalesce(d.down_end, 'infinity') = 'infinity'
FROM _stage.machine_downtime AS d
WHERE d.down_end IS NULL OR d.down_end > d.down_start + INTERVAL '24 hours';

SELECT _stage.fn_count_running_shifts();
