-- change: drop

CREATE TABLE bronze.raw_telemetry (
    ingest_time timestamptz NOT NULL DEFAULT now(),
    device_id text,
    iot_id text,
    payload jsonb,
    processed boolean DEFAULT false,
    company_id text,
    batch_id uuid,
    processing_status text DEFAULT 'pending',
    CONSTRAINT raw_telemetry_company_id_fkey FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'bronze.raw_telemetry',
    time_column_name => 'ingest_time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX raw_telemetry_ingest_time_idx ON bronze.raw_telemetry USING btree (ingest_time DESC);

CREATE INDEX idx_raw_telemetry_batch ON bronze.raw_telemetry USING btree (batch_id)
WHERE batch_id IS NOT NULL;

CREATE INDEX idx_raw_telemetry_pending ON bronze.raw_telemetry USING btree (ingest_time)
WHERE processing_status = 'pending';
