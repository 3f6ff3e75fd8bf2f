-- @community
ALTER TABLE silver.machine_cycles SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'cycle_start'
);
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_cycles',
    after => current_setting('setu.silver_columnstore_after')::interval
);
