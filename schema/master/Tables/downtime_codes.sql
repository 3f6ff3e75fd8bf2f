-- change: drop constraint downtime_codes_pkey
-- change: drop constraint downtime_codes_company_id_fkey
-- change: drop column company_id
-- change: retype column down_id integer NOT NULL GENERATED ALWAYS AS IDENTITY
-- change: add constraint downtime_codes_pkey PRIMARY KEY (down_id)
-- change: add constraint downtime_codes_down_code_key UNIQUE (down_code)

CREATE TABLE master.downtime_codes (
    down_id integer NOT NULL,
    down_code text NOT NULL,
    description text,
    category text,
    threshold_sec integer,
    created_at timestamptz DEFAULT now(),
    company_id text NOT NULL,
    CONSTRAINT downtime_codes_pkey PRIMARY KEY (down_id, company_id),
    CONSTRAINT downtime_codes_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);
