SELECT create_hypertable(
    relation => 'silver.customer_feedback',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);
