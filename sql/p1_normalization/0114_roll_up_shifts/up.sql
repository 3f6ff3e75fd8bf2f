-- what: the action that fills gold.machine_shifts, and triggers on silver that note late rows
-- why: a month of a plant reads some rows a machine and day, not every cycle and stop of them
-- transaction: yes
-- lock: SHARE ROW EXCLUSIVE on three tables of silver and their chunks, to create triggers
-- down: the action and the triggers go; what is rolled up stays until the swap archives it

-- Changes since then were not noted: days that silver still has are rolled up again, the others
-- stay.
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
);

INSERT INTO gold.long_stops (machine_iot_id, down_start, down_end, is_open)
SELECT
    d.machine_iot_id,
    d.down_start,
    nullif(d.down_end, 'infinity'),
    coalesce(d.down_end, 'infinity') = 'infinity'
FROM silver.machine_downtime AS d
WHERE d.down_end IS NULL OR d.down_end > d.down_start + INTERVAL '24 hours';

-- @include schema_new/gold/Functions/fn_note_stale.sql
-- @include schema_new/gold/Functions/fn_stop_until.sql
-- @include schema_new/gold/Functions/fn_note_signs.sql
-- @include schema_new/gold/Functions/fn_note_cycles.sql
-- @include schema_new/gold/Functions/fn_note_stops.sql
-- @include schema_new/gold/Functions/fn_note_readings.sql
-- @include schema_new/gold/Functions/fn_note_truncated.sql
-- @include schema_new/gold/Functions/fn_note_chunks.sql#function
-- @include schema_new/gold/Functions/fn_resolve_open_stops.sql#function
-- @include schema_new/gold/Functions/fn_next_date_to_roll_up.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_date.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_anew.sql#function
-- @include schema_new/gold/Functions/fn_roll_up_stale.sql#function
-- @include schema_new/gold/Stored Procedures/sp_roll_up.sql#procedure
