-- New: a bronze row that cannot be loaded is kept with its reason, until the cause is corrected.
--
-- A row that is sent again keeps its place in the order of arrival: first_id is the bronze id under
-- which it first came, however often it is sent and rejected again. The key that it would have in
-- silver is kept beside it, so that the loads know the keys to which a row may still return.
-- @section table
CREATE TABLE _etl.rejected_rows (
    reject_id bigint GENERATED ALWAYS AS IDENTITY,
    pipeline text NOT NULL,
    bronze_id bigint,
    bronze_time timestamptz,
    first_id bigint,
    first_time timestamptz,
    machine_iot_id bigint,
    event_time timestamptz,
    key_part text,
    reason_code text NOT NULL,
    detail text,
    row_data jsonb NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resent_at timestamptz,
    resent_id bigint,
    is_open boolean NOT NULL DEFAULT true,
    CONSTRAINT rejected_rows_pkey PRIMARY KEY (reject_id),
    CONSTRAINT rejected_rows_pipeline_bronze_id_key UNIQUE (pipeline, bronze_id)
);

CREATE INDEX rejected_rows_pipeline_rejected_at_idx ON _etl.rejected_rows (pipeline, rejected_at)
WHERE resent_at IS NULL;

COMMENT ON TABLE _etl.rejected_rows IS 'Bronze rows, and payloads of v1, that could not be loaded';
COMMENT ON COLUMN _etl.rejected_rows.first_id IS
    'Bronze id under which the row first came: its place in the order of arrival';
COMMENT ON COLUMN _etl.rejected_rows.first_time IS 'When it first came';
COMMENT ON COLUMN _etl.rejected_rows.event_time IS
    'With machine_iot_id and key_part, the key that the row has in silver; null: it has none';
COMMENT ON COLUMN _etl.rejected_rows.key_part IS
    'Third column of that key; empty where there are two';
COMMENT ON COLUMN _etl.rejected_rows.resent_at IS
    'When it was sent through again, as a new bronze row; null while it waits';
COMMENT ON COLUMN _etl.rejected_rows.resent_id IS 'Id of that bronze row';
COMMENT ON COLUMN _etl.rejected_rows.is_open IS
    'It waits, or was sent again and that bronze row is not through the load yet';
COMMENT ON COLUMN _etl.rejected_rows.reject_id IS 'Drawn by the database';
COMMENT ON COLUMN _etl.rejected_rows.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.rejected_rows.bronze_id IS 'Id of the row in bronze; null: a payload of v1';
COMMENT ON COLUMN _etl.rejected_rows.bronze_time IS 'When the row arrived';
COMMENT ON COLUMN _etl.rejected_rows.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.rejected_rows.reason_code IS 'Why it was rejected';
COMMENT ON COLUMN _etl.rejected_rows.detail IS 'What is wrong, in words';
COMMENT ON COLUMN _etl.rejected_rows.row_data IS 'The whole row as it came';
COMMENT ON COLUMN _etl.rejected_rows.rejected_at IS 'When the load refused it';

-- @section indexes
CREATE INDEX rejected_rows_pipeline_machine_iot_id_event_time_idx
ON _etl.rejected_rows (pipeline, machine_iot_id, event_time)
WHERE is_open AND event_time IS NOT NULL;
CREATE INDEX rejected_rows_pipeline_resent_id_idx
ON _etl.rejected_rows (pipeline, resent_id)
WHERE is_open AND resent_id IS NOT NULL;

-- @section grants
GRANT SELECT, INSERT, UPDATE ON _etl.rejected_rows TO setu_etl;
