-- New: the pipeline's row; one that slept through a downgrade keeps its place.
INSERT INTO _etl.watermarks (pipeline, source_table, target_table, batch_size)
VALUES (
    'machine_focas', 'bronze.raw_machine_focas', 'silver.machine_focas',
    current_setting('setu.batch_size')::integer
)
ON CONFLICT (pipeline) DO NOTHING;
