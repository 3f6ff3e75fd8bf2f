-- From the first bucket on: a gateway that was offline for weeks changes buckets that old, and only
-- those that changed are worked out again.
-- @community
SELECT add_continuous_aggregate_policy(
    continuous_aggregate => 'gold.hourly_downtime_stats',
    start_offset => NULL,
    end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour'
);
