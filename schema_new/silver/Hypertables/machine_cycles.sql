SELECT create_hypertable(
    relation => 'silver.machine_cycles',
    dimension => by_range('cycle_start', INTERVAL '7 days'),
    create_default_indexes => false
);
