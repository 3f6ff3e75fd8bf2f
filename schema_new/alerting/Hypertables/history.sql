SELECT create_hypertable(
    relation => 'alerting.history',
    dimension => by_range('time', INTERVAL '7 days'),
    create_default_indexes => false
);
