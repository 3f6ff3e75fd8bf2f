SELECT create_hypertable(
    relation => 'silver.machine_status',
    dimension => by_range('event_time', INTERVAL '7 days'),
    create_default_indexes => false
);
