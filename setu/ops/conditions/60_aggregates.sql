-- needs community
-- must aggregates_show_what_is_new: No aggregate was refreshed into the future: it hides what comes
-- must aggregates_are_real_time: An aggregate by hour reads through to what it has not computed
WITH aggregate AS (
    SELECT c.view_schema, c.view_name, c.materialized_only,
        _timescaledb_functions.to_timestamp(
            _timescaledb_functions.cagg_watermark(a.mat_hypertable_id)
        ) AS watermark,
        _timescaledb_functions.cagg_watermark(a.mat_hypertable_id) AS raw
    FROM timescaledb_information.continuous_aggregates AS c
    INNER JOIN _timescaledb_catalog.continuous_agg AS a
        ON a.user_view_schema = c.view_schema AND a.user_view_name = c.view_name
    WHERE c.view_schema = 'gold'
)
SELECT 'aggregates_show_what_is_new', format('%s.%s', g.view_schema, g.view_name),
    format('was refreshed up to %s: rows that come before then are not shown', g.watermark),
    format('CALL refresh_continuous_aggregate(%L, %L, %L); until then, again and again',
        g.view_schema || '.' || g.view_name,
        date_trunc('hour', clock_timestamp()) - INTERVAL '2 days', g.watermark)
FROM aggregate AS g
WHERE g.watermark > clock_timestamp()
UNION ALL
SELECT 'aggregates_are_real_time', format('%s.%s', g.view_schema, g.view_name),
    'shows only what its last refresh has computed',
    format('ALTER MATERIALIZED VIEW %I.%I SET (timescaledb.materialized_only = false);',
        g.view_schema, g.view_name)
FROM aggregate AS g
-- Those by day have days that are over, as v1's had.
WHERE g.materialized_only
    AND g.view_name NOT IN ('daily_production_stats', 'daily_downtime_stats')
