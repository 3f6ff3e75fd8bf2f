-- New: the pipeline's row; one that slept through a downgrade keeps its place.
INSERT INTO _etl.watermarks (pipeline, source_table, target_table, batch_size)
VALUES (
    'machine_pm_status', 'bronze.raw_machine_pm_status', 'silver.machine_pm_status',
    current_setting('setu.batch_size')::integer
)
ON CONFLICT (pipeline) DO NOTHING;
