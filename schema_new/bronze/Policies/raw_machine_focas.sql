-- Ordered by id, each batch of the column store knows its lowest and highest id.
-- @community
ALTER TABLE bronze.raw_machine_focas SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'id'
);
-- @community
CALL add_columnstore_policy(
    hypertable => 'bronze.raw_machine_focas',
    after => current_setting('setu.bronze_columnstore_after')::interval
);
