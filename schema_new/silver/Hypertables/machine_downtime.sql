SELECT create_hypertable(
    relation => 'silver.machine_downtime',
    dimension => by_range('down_start', INTERVAL '7 days'),
    create_default_indexes => false
);
