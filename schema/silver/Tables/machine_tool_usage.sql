-- change: add column logical_date date NOT NULL
-- change: drop index machine_tool_usage_time_idx
-- change: rename column time TO event_time
-- change: add index machine_tool_usage_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column target_count integer
-- change: retype column actual_count integer
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_tool_usage_machine_iot_id_event_time_tool_no_key
--     UNIQUE (machine_iot_id, event_time, tool_no)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     event_time, tool_no, target_count, actual_count, created_at
-- change: set chunk interval 1 month

CREATE TABLE silver.machine_tool_usage (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    tool_no text NOT NULL,
    target_count double precision,
    actual_count double precision,
    created_at timestamptz DEFAULT now(),
    shift_id text
);

SELECT public.create_hypertable(
    relation => 'silver.machine_tool_usage',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_tool_usage_time_idx ON silver.machine_tool_usage USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_tool_usage',
    drop_after => INTERVAL '1 year'
);
