-- New: the pipeline's row; one that slept through a downgrade keeps its place.
INSERT INTO _etl.watermarks (pipeline, source_table, target_table, batch_size)
VALUES (
    'machine_downtime', 'bronze.raw_machine_downtime', 'silver.machine_downtime',
    current_setting('setu.batch_size')::integer
)
ON CONFLICT (pipeline) DO NOTHING;
