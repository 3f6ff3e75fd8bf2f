SELECT create_hypertable(
    relation => 'bronze.raw_machine_pm_status',
    dimension => by_range('time', current_setting('setu.bronze_chunk_interval')::interval),
    create_default_indexes => false,
    migrate_data => true
);
