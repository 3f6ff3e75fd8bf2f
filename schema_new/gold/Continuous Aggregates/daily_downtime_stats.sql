-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.daily_downtime_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    time_bucket(INTERVAL '1 day', d.down_start) AS day,
    d.company_iot_id,
    d.machine_iot_id,
    count(*) AS total_stops,
    sum(extract(EPOCH FROM d.down_end - d.down_start)) AS total_downtime_sec
FROM silver.machine_downtime AS d
GROUP BY 1, 2, 3
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.daily_downtime_stats IS
    'Stops that began on a day (UTC), by machine';

-- @section refresh
-- From the first bucket on: a gateway that was offline for weeks changes buckets that old, and only
-- those that changed are worked out again.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_downtime_stats',
    start_offset => NULL,
    end_offset => INTERVAL '1 day',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.daily_downtime_stats TO setu_reader;
