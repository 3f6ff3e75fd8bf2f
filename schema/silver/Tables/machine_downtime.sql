-- change: drop constraint fk_md_company
-- change: add column logical_date date NOT NULL
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: drop column down_code
-- change: add column program_no text
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_downtime_machine_iot_id_down_start_key
--     UNIQUE (machine_iot_id, down_start)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     down_start, down_end, program_no, down_id, down_threshold, created_at

CREATE TABLE silver.machine_downtime (
    down_start timestamptz NOT NULL,
    down_end timestamptz,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    down_code text,
    down_id integer,
    down_threshold integer,
    created_at timestamptz DEFAULT now(),
    shift_id text,
    CONSTRAINT fk_md_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.machine_downtime',
    time_column_name => 'down_start',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_downtime_down_start_idx ON silver.machine_downtime
USING btree (down_start DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_downtime',
    drop_after => INTERVAL '1 year'
);
