-- change: drop constraint fk_mf_company
-- change: add column logical_date date NOT NULL
-- change: drop index machine_focas_time_idx
-- change: rename column time TO event_time
-- change: add index machine_focas_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column part_count integer
-- change: retype column rej_count integer
-- change: retype column pot integer
-- change: retype column ot integer
-- change: retype column ct integer
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_focas_machine_iot_id_event_time_key
--     UNIQUE (machine_iot_id, event_time)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     event_time, part_count, rej_count, pot, ot, ct, created_at
-- change: set chunk interval 1 month

CREATE TABLE silver.machine_focas (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    shift_id text,
    part_count double precision,
    rej_count double precision,
    pot double precision,
    ot double precision,
    ct double precision,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT fk_mf_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.machine_focas',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_focas_time_idx ON silver.machine_focas USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_focas',
    drop_after => INTERVAL '1 year'
);
