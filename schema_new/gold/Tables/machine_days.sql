-- New: reports by day read one row a machine and day instead of adding up those of its shifts and
-- dividing anew.
-- @section table
CREATE TABLE gold.machine_days (
    machine_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    plant_iot_id integer,
    planned_sec numeric,
    downtime_sec numeric NOT NULL,
    stops bigint NOT NULL,
    cycles bigint NOT NULL,
    cycles_without_std bigint NOT NULL,
    std_sec bigint NOT NULL,
    run_time_sec numeric NOT NULL,
    scheduled_cycles bigint NOT NULL,
    scheduled_cycles_without_std bigint NOT NULL,
    scheduled_std_sec bigint NOT NULL,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint NOT NULL,
    availability numeric,
    performance numeric,
    quality numeric,
    oee numeric,
    CONSTRAINT machine_days_pkey PRIMARY KEY (machine_iot_id, logical_date)
);

CREATE INDEX machine_days_logical_date_idx ON gold.machine_days (logical_date);

COMMENT ON TABLE gold.machine_days IS
    'What gold.machine_shifts has, added up by machine and business date; kept by its '
    'triggers, read through gold.v_machine_days';
COMMENT ON COLUMN gold.machine_days.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.machine_days.logical_date IS
    'Business date in the zone of the plant: the date to which its shifts belong';
COMMENT ON COLUMN gold.machine_days.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN gold.machine_days.plant_iot_id IS 'Key of the plant; null: none';
COMMENT ON COLUMN gold.machine_days.planned_sec IS
    'Seconds of the shifts without breaks; null: the plant has no shift on that date';
COMMENT ON COLUMN gold.machine_days.downtime_sec IS
    'Planned seconds in which a stop lasted; two stops at once count once';
COMMENT ON COLUMN gold.machine_days.stops IS 'Stops that began on the date';
COMMENT ON COLUMN gold.machine_days.cycles IS 'Cycles that began on the date';
COMMENT ON COLUMN gold.machine_days.cycles_without_std IS 'Of these, without a standard time';
COMMENT ON COLUMN gold.machine_days.std_sec IS
    'Seconds: the standard times of the cycles, summed';
COMMENT ON COLUMN gold.machine_days.run_time_sec IS
    'Seconds from start to end of the cycles that have ended, summed';
COMMENT ON COLUMN gold.machine_days.scheduled_cycles IS 'Cycles that began in a shift';
COMMENT ON COLUMN gold.machine_days.scheduled_cycles_without_std IS
    'Of these, without a standard time';
COMMENT ON COLUMN gold.machine_days.scheduled_std_sec IS
    'Seconds: the standard times of the cycles that began in a shift, summed';
COMMENT ON COLUMN gold.machine_days.parts IS 'Parts made on the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.machine_days.rejects IS
    'Rejected parts of the date; null: no FOCAS row says';
COMMENT ON COLUMN gold.machine_days.unpaired_readings IS
    'FOCAS rows with parts and no rejects, or the reverse';
COMMENT ON COLUMN gold.machine_days.availability IS
    '(planned - downtime) / planned; null: no time was planned';
COMMENT ON COLUMN gold.machine_days.performance IS
    'Standard seconds of the scheduled cycles / run time; null: no cycles, one without a standard, '
    'or no run time';
COMMENT ON COLUMN gold.machine_days.quality IS
    '(parts - rejects) / parts; null: they are not known, or there are no parts';
COMMENT ON COLUMN gold.machine_days.oee IS
    'Product of availability, performance and quality; null: one of them is';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.machine_days TO setu_etl;
GRANT SELECT ON gold.machine_days TO setu_reader;
