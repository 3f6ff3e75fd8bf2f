-- change: replace BY master.shift_definitions

CREATE TABLE master.shifts (
    shift_id text NOT NULL,
    company_id text NOT NULL,
    plant_id text NOT NULL,
    shift_name text,
    start_time time,
    duration_hrs numeric,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT shifts_pkey PRIMARY KEY (shift_id, company_id, plant_id),
    CONSTRAINT shifts_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);
