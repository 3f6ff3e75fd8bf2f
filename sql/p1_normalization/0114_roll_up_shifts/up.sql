-- what: triggers on silver that note late rows, and functions that fill gold.machine_shifts
-- why: a month of a plant reads some rows a machine and day, not every cycle and stop of them
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on three tables of silver and their chunks, to create triggers
-- down: functions and triggers go; what is rolled up stays until the swap archives it

-- @include schema_new/gold/Functions/fn_note_stale.sql
-- @include schema_new/gold/Functions/fn_stop_until.sql
-- @include schema_new/gold/Functions/fn_note_signs.sql
-- @include schema_new/gold/Functions/fn_note_cycles.sql
-- @include schema_new/gold/Functions/fn_note_stops.sql
-- @include schema_new/gold/Functions/fn_note_readings.sql
-- @include schema_new/gold/Functions/fn_note_truncated.sql
-- @include schema_new/gold/Functions/fn_note_chunks.sql#function
-- @include schema_new/gold/Functions/fn_resolve_open_stops.sql#function
-- @include schema_new/gold/Functions/fn_next_dates_to_roll_up.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_dates.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_anew.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_stale.sql#function

-- From here on nobody writes until this commits, so that no change is missed. Without triggers none
-- was noted. After a way back to v1, dates before all changes hold (_archive.kept_roll_up); so do
-- those that silver no longer has. The others are rolled up again.
UPDATE _archive.kept_roll_up AS k
SET last_date = least(k.last_date, (
    SELECT (min(greatest(n.hour, '1900-01-01 00:00:00+00')) AT TIME ZONE 'UTC')::date - 3
    FROM _archive.change_notes AS n
    WHERE n.table_name IN ('machine_cycles', 'machine_downtime', 'machine_focas')
));
-- What begins anew goes newest date first; what goes on, oldest first.
DELETE FROM _archive.kept_roll_up AS k
WHERE k.first_date > k.last_date OR k.last_date < (now() AT TIME ZONE 'UTC')::date - 400;
DELETE FROM gold.rolled_up_dates;
DELETE FROM gold.stale_machine_days;
DELETE FROM gold.rolled_up_chunks;
DELETE FROM gold.long_stops;
DELETE FROM gold.machine_shifts AS r
WHERE r.logical_date > (
    SELECT coalesce((max(f.range_start) AT TIME ZONE 'UTC')::date + 2, 'infinity')
    FROM (
        SELECT min(c.range_start) AS range_start
        FROM timescaledb_information.chunks AS c
        WHERE c.hypertable_schema = 'silver'
            AND c.hypertable_name IN ('machine_cycles', 'machine_downtime', 'machine_focas')
        GROUP BY c.hypertable_name
    ) AS f
)
AND NOT EXISTS (
    SELECT 1 FROM _archive.kept_roll_up AS k
    WHERE k.plant_iot_id = coalesce(r.plant_iot_id, 0)
        AND r.logical_date BETWEEN k.first_date AND k.last_date
);
INSERT INTO gold.rolled_up_dates (plant_iot_id, first_date, last_date)
SELECT k.plant_iot_id, k.first_date, k.last_date FROM _archive.kept_roll_up AS k;
DELETE FROM _archive.kept_roll_up;

INSERT INTO gold.long_stops (machine_iot_id, down_start, down_end, is_open)
SELECT
    d.machine_iot_id,
    d.down_start,
    nullif(d.down_end, 'infinity'),
    coalesce(d.down_end, 'infinity') = 'infinity'
FROM silver.machine_downtime AS d
WHERE d.down_end IS NULL OR d.down_end > d.down_start + INTERVAL '24 hours';
