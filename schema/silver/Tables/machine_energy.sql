-- change: drop constraint fk_me_company
-- change: add column logical_date date NOT NULL
-- change: drop index machine_energy_time_idx
-- change: rename column time TO event_time
-- change: add index machine_energy_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column shift_id smallint NOT NULL
-- change: add column shift_name text
-- change: retype column category text NOT NULL DEFAULT ''
-- change: retype column servo_energy numeric(12,3)
-- change: retype column spindle_energy numeric(12,3)
-- change: retype column total_energy numeric(12,3)
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint machine_energy_machine_iot_id_event_time_category_key
--     UNIQUE (machine_iot_id, event_time, category)
-- change: order columns logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
--     event_time, category, servo_energy, spindle_energy, total_energy, created_at
-- change: set chunk interval 1 month

CREATE TABLE silver.machine_energy (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    category text,
    servo_energy double precision,
    spindle_energy double precision,
    total_energy double precision,
    created_at timestamptz DEFAULT now(),
    shift_id text,
    CONSTRAINT fk_me_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.machine_energy',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX machine_energy_time_idx ON silver.machine_energy USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.machine_energy',
    drop_after => INTERVAL '1 year'
);
