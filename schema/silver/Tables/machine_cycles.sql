-- change: drop constraint fk_mc_company
-- change: add column logical_date date NOT NULL
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_cycles_machine_iot_id_cycle_start_key
--     UNIQUE (machine_iot_id, cycle_start)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
--     actual_cycle_time, down_threshold, created_at

CREATE TABLE silver.machine_cycles (
    cycle_start timestamptz NOT NULL,
    cycle_end timestamptz,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    program_no text,
    std_load_unload integer,
    std_cycle_time integer,
    actual_load_unload integer,
    actual_cycle_time integer,
    created_at timestamptz DEFAULT now(),
    shift_id text,
    down_threshold integer,
    CONSTRAINT fk_mc_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.machine_cycles',
    time_column_name => 'cycle_start',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_cycles_cycle_start_idx ON silver.machine_cycles USING btree (cycle_start DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_cycles',
    drop_after => INTERVAL '1 year'
);
