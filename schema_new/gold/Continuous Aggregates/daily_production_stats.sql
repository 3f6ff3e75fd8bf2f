-- @section aggregate
-- @community
CREATE MATERIALIZED VIEW gold.daily_production_stats
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    time_bucket(INTERVAL '1 day', c.cycle_start) AS day,
    c.company_iot_id,
    c.machine_iot_id,
    count(*) AS total_cycles,
    avg(c.std_cycle_time) AS avg_std_cycle_time,
    sum(extract(EPOCH FROM c.cycle_end - c.cycle_start)) AS total_production_time_sec
FROM silver.machine_cycles AS c
GROUP BY 1, 2, 3
WITH NO DATA;

-- @community
COMMENT ON VIEW gold.daily_production_stats IS
    'Cycles a day (UTC) of each machine';

-- @section refresh
-- From the first bucket on: a gateway that was offline for weeks changes buckets that old, and only
-- those that changed are worked out again.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.daily_production_stats',
    start_offset => NULL,
    end_offset => INTERVAL '1 day',
    schedule_interval => INTERVAL '1 hour'
);

-- @section grants
-- @community
GRANT SELECT ON gold.daily_production_stats TO setu_reader;
