-- New: reports on dates that are not rolled up read some rows a machine and shift instead of every
-- cycle and reading of those dates.
-- @section table
CREATE TABLE gold.running_shifts (
    machine_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    stops bigint NOT NULL DEFAULT 0,
    cycles bigint NOT NULL DEFAULT 0,
    cycles_without_std bigint NOT NULL DEFAULT 0,
    std_sec bigint NOT NULL DEFAULT 0,
    run_time_sec numeric NOT NULL DEFAULT 0,
    readings bigint NOT NULL DEFAULT 0,
    parts bigint NOT NULL DEFAULT 0,
    readings_with_parts bigint NOT NULL DEFAULT 0,
    rejects bigint NOT NULL DEFAULT 0,
    readings_with_rejects bigint NOT NULL DEFAULT 0,
    unpaired_readings bigint NOT NULL DEFAULT 0
);

-- No key: a load adds what it brings, or takes away, in a row of its own, and waits for nobody.
CREATE INDEX running_shifts_machine_iot_id_logical_date_idx
    ON gold.running_shifts (machine_iot_id, logical_date);

COMMENT ON TABLE gold.running_shifts IS
    'What changes of silver''s cycles, stops and FOCAS readings add up to, by machine and shift, '
    'since business dates four days ago: the rows of a shift are summed; kept by triggers on '
    'silver, merged by gold.sp_roll_up';
COMMENT ON COLUMN gold.running_shifts.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.running_shifts.logical_date IS
    'Business date: the date, in the plant''s zone, to which the shift belongs';
COMMENT ON COLUMN gold.running_shifts.shift_id IS '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.running_shifts.shift_name IS 'Name of the shift in these rows of silver';
COMMENT ON COLUMN gold.running_shifts.stops IS 'Stops that came, less those that went';
COMMENT ON COLUMN gold.running_shifts.cycles IS 'Cycles that came, less those that went';
COMMENT ON COLUMN gold.running_shifts.cycles_without_std IS 'Of these, without a standard time';
COMMENT ON COLUMN gold.running_shifts.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.running_shifts.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.running_shifts.readings IS 'FOCAS rows that came, less those that went';
COMMENT ON COLUMN gold.running_shifts.parts IS 'Parts that they say were made';
COMMENT ON COLUMN gold.running_shifts.readings_with_parts IS
    'Of the FOCAS rows, those with parts';
COMMENT ON COLUMN gold.running_shifts.rejects IS 'Rejected parts that they say';
COMMENT ON COLUMN gold.running_shifts.readings_with_rejects IS
    'Of the FOCAS rows, those with rejects';
COMMENT ON COLUMN gold.running_shifts.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.running_shifts TO setu_etl;
GRANT SELECT ON gold.running_shifts TO setu_reader;
