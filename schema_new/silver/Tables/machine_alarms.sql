CREATE TABLE silver.machine_alarms (
    logical_date date NOT NULL,
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    shift_id smallint NOT NULL,
    shift_name text,
    event_time timestamptz NOT NULL,
    alarm_no text NOT NULL DEFAULT '',
    alarm_desc text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT machine_alarms_machine_iot_id_event_time_alarm_no_key
        UNIQUE (machine_iot_id, event_time, alarm_no)
);

COMMENT ON TABLE silver.machine_alarms IS 'One row per alarm that a machine''s control raised';
COMMENT ON COLUMN silver.machine_alarms.logical_date IS
    'Business date: the date on which the shift began';
COMMENT ON COLUMN silver.machine_alarms.shift_id IS '0: no shift of the plant covers event_time';
COMMENT ON COLUMN silver.machine_alarms.alarm_no IS
    'Empty where the control sent none: null would let a repeated row in again';
