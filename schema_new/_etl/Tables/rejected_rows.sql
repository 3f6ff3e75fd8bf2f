-- New: a bronze row that cannot be loaded is kept with its reason, until the cause is mended.
-- @section table
CREATE TABLE _etl.rejected_rows (
    reject_id bigint GENERATED ALWAYS AS IDENTITY,
    pipeline text NOT NULL,
    bronze_id bigint,
    bronze_time timestamptz,
    reason_code text NOT NULL,
    detail text,
    row_data jsonb NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resent_at timestamptz,
    CONSTRAINT rejected_rows_pkey PRIMARY KEY (reject_id),
    CONSTRAINT rejected_rows_pipeline_bronze_id_key UNIQUE (pipeline, bronze_id)
);

CREATE INDEX rejected_rows_pipeline_rejected_at_idx ON _etl.rejected_rows (pipeline, rejected_at)
WHERE resent_at IS NULL;

COMMENT ON TABLE _etl.rejected_rows IS 'Bronze rows, and payloads of v1, that could not be loaded';
COMMENT ON COLUMN _etl.rejected_rows.resent_at IS
    'When it was sent through again, as a new bronze row; null while it waits';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON _etl.rejected_rows TO setu_etl;
