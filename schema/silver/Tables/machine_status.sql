-- change: drop constraint fk_ms_company
-- change: add column logical_date date NOT NULL
-- change: drop index machine_status_time_idx
-- change: rename column time TO event_time
-- change: add index machine_status_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_status_machine_iot_id_event_time_key
--     UNIQUE (machine_iot_id, event_time)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     event_time, program_no, status, operator_id, target, created_at

CREATE TABLE silver.machine_status (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    program_no text,
    status text,
    operator_id text,
    target integer,
    created_at timestamptz DEFAULT now(),
    shift_id text,
    CONSTRAINT fk_ms_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.machine_status',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_status_time_idx ON silver.machine_status USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_status',
    drop_after => INTERVAL '1 year'
);
