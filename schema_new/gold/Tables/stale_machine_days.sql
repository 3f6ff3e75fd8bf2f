-- New: a row that comes late is noted in its own transaction, so that no report misses it.
-- @section table
CREATE TABLE gold.stale_machine_days (
    machine_iot_id integer NOT NULL,
    logical_date date NOT NULL
);

-- No key: a note of one transaction may not stand for that of another, which has not ended yet. And
-- a load writes its notes in half the time.
CREATE INDEX stale_machine_days_machine_iot_id_logical_date_idx
    ON gold.stale_machine_days (machine_iot_id, logical_date);

COMMENT ON TABLE gold.stale_machine_days IS
    'Machines and business dates whose silver changed after they were rolled up; read from silver '
    'until gold.sp_roll_up has processed them';
COMMENT ON COLUMN gold.stale_machine_days.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.stale_machine_days.logical_date IS
    'Business date: the date, in the plant''s zone, to which a shift belongs';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.stale_machine_days TO setu_etl;
GRANT SELECT ON gold.stale_machine_days TO setu_reader;
