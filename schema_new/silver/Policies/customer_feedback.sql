-- @community
ALTER TABLE silver.customer_feedback SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.customer_feedback',
    after => current_setting('setu.silver_columnstore_after')::interval
);
