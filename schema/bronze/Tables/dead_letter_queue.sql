-- change: drop

CREATE TABLE bronze.dead_letter_queue (
    time timestamptz NOT NULL DEFAULT now(),
    payload jsonb,
    error_reason text,
    company_id text,
    CONSTRAINT dead_letter_queue_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'bronze.dead_letter_queue',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX dead_letter_queue_time_idx ON bronze.dead_letter_queue USING btree ("time" DESC);
