-- @community
ALTER TABLE silver.machine_energy SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.machine_energy',
    after => current_setting('setu.silver_columnstore_after')::interval
);
