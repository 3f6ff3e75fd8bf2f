-- New: how far each pipeline has come; one row per fact table.
-- @section table
CREATE TABLE _etl.watermarks (
    pipeline text NOT NULL,
    source_table text NOT NULL,
    target_table text NOT NULL,
    last_processed_id bigint NOT NULL DEFAULT 0,
    last_processed_ts timestamptz NOT NULL DEFAULT '-infinity',
    batch_size integer NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT watermarks_pkey PRIMARY KEY (pipeline),
    CONSTRAINT watermarks_batch_size_check CHECK (batch_size BETWEEN 1 AND 10000000)
) WITH (fillfactor = 50);

COMMENT ON TABLE _etl.watermarks IS 'How far each pipeline has come, and whether it may run';
COMMENT ON COLUMN _etl.watermarks.pipeline IS 'The name of the fact table';
COMMENT ON COLUMN _etl.watermarks.last_processed_id IS
    'Every bronze row up to this id is loaded, merged or rejected';
COMMENT ON COLUMN _etl.watermarks.last_processed_ts IS
    'The latest arrival among those rows, and no later than their load';
COMMENT ON COLUMN _etl.watermarks.source_table IS 'Table of bronze that is read';
COMMENT ON COLUMN _etl.watermarks.target_table IS 'Table of silver that is written';
COMMENT ON COLUMN _etl.watermarks.batch_size IS 'Bronze rows in one transaction of the load';
COMMENT ON COLUMN _etl.watermarks.enabled IS 'False: it is passed over';
COMMENT ON COLUMN _etl.watermarks.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT, UPDATE ON _etl.watermarks TO setu_etl;

-- @section seed
-- One row for each pipeline. A row that was archived by a downgrade keeps its place.
INSERT INTO _etl.watermarks (pipeline, source_table, target_table, batch_size)
SELECT
    f.fact,
    'bronze.raw_' || f.fact,
    'silver.' || f.fact,
    current_setting('setu.batch_size')::integer
FROM unnest(ARRAY[
    'machine_cycles',
    'machine_downtime',
    'machine_status',
    'machine_alarms',
    'machine_energy',
    'machine_focas',
    'machine_focas_program_production',
    'machine_tool_usage',
    'machine_pm_status',
    'machine_am_status'
]) AS f (fact)
ON CONFLICT (pipeline) DO NOTHING;
