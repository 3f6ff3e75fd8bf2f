-- change: add column logical_date date NOT NULL
-- change: drop index machine_pm_status_time_idx
-- change: rename column time TO event_time
-- change: add index machine_pm_status_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_pm_status_machine_iot_id_event_time_key
--     UNIQUE (machine_iot_id, event_time)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     event_time, status, pm_corrected_count, pm_pending_count, created_at
-- change: set chunk interval 1 month

CREATE TABLE silver.machine_pm_status (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    status text,
    pm_corrected_count integer,
    pm_pending_count integer,
    created_at timestamptz DEFAULT now(),
    shift_id text
);

SELECT public.create_hypertable(
    relation => 'silver.machine_pm_status',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_pm_status_time_idx ON silver.machine_pm_status USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_pm_status',
    drop_after => INTERVAL '2 years'
);
