-- @community
ALTER TABLE silver.machine_downtime SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'down_start'
);
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_downtime',
    after => current_setting('setu.silver_columnstore_after')::interval
);
