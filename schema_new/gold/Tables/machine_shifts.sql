-- New: reports over months read a few rows a machine and day instead of every cycle and stop.
-- @section table
CREATE TABLE gold.machine_shifts (
    machine_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    shift_id smallint NOT NULL,
    company_iot_id integer NOT NULL,
    plant_iot_id integer,
    shift_name text,
    planned_sec numeric,
    downtime_sec numeric NOT NULL,
    stops bigint NOT NULL,
    cycles bigint NOT NULL,
    cycles_without_std bigint NOT NULL,
    std_sec bigint NOT NULL,
    run_time_sec numeric NOT NULL,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint NOT NULL,
    rolled_up_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_shifts_pkey PRIMARY KEY (machine_iot_id, logical_date, shift_id)
);

CREATE INDEX machine_shifts_logical_date_idx ON gold.machine_shifts (logical_date);

COMMENT ON TABLE gold.machine_shifts IS
    'What each machine did in each shift of business dates that are over; kept by '
    'gold.sp_roll_up, read through gold.v_machine_shifts';
COMMENT ON COLUMN gold.machine_shifts.logical_date IS
    'Business date in the zone of the plant: the date to which the shift belongs';
COMMENT ON COLUMN gold.machine_shifts.shift_id IS '0: rows that no shift of the plant covers';
COMMENT ON COLUMN gold.machine_shifts.planned_sec IS
    'Seconds of the shift without breaks, 0 on a day off; null: the plant has no such shift on '
    'that date';
COMMENT ON COLUMN gold.machine_shifts.downtime_sec IS
    'Planned seconds in which a stop lasted; two stops at once count once';
COMMENT ON COLUMN gold.machine_shifts.stops IS 'Stops that began in the shift';
COMMENT ON COLUMN gold.machine_shifts.cycles IS 'Cycles that began in the shift';
COMMENT ON COLUMN gold.machine_shifts.cycles_without_std IS 'Of these, without a standard time';
COMMENT ON COLUMN gold.machine_shifts.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.machine_shifts.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.machine_shifts.parts IS 'Parts made in the shift; null: no FOCAS row says';
COMMENT ON COLUMN gold.machine_shifts.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';
COMMENT ON COLUMN gold.machine_shifts.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.machine_shifts.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.machine_shifts.plant_iot_id IS 'Key of the plant';
COMMENT ON COLUMN gold.machine_shifts.shift_name IS 'Name of the shift';
COMMENT ON COLUMN gold.machine_shifts.rejects IS 'Rejected parts of the shift';
COMMENT ON COLUMN gold.machine_shifts.rolled_up_at IS 'When the row was computed';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.machine_shifts TO setu_etl;
GRANT SELECT ON gold.machine_shifts TO setu_reader;
