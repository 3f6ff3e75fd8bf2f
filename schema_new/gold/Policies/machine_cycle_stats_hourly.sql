-- From the first bucket on: a gateway that was offline for weeks changes buckets that old, and only
-- those that changed are worked out again.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.machine_cycle_stats_hourly',
    start_offset => NULL,
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
