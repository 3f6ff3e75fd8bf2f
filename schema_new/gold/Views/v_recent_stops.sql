-- New: when machines stood, for the dates that are not rolled up. The bound in time is named in the
-- text, so that the planner leaves old chunks alone.
-- @section view
CREATE VIEW gold.v_recent_stops AS
WITH live AS (
    -- No stop of at most a day that reaches into these dates begins earlier, whatever its zone.
    SELECT
        greatest(
            now() - INTERVAL '8 days',
            (gold.fn_rolled_up_everywhere()::timestamp - INTERVAL '14 hours') AT TIME ZONE 'UTC'
        ) AS since
)
SELECT
    a.machine_iot_id,
    -- A stop without an end lasts until the machine shows otherwise, or until now.
    range_agg(
        tstzrange(
            a.down_start,
            greatest(
                a.down_start,
                CASE
                    WHEN a.is_over THEN a.down_end
                    ELSE least(
                        now(),
                        coalesce(a.down_end, gold.fn_next_sign(a.machine_iot_id, a.down_start))
                    )
                END
            )
        )
    ) AS lasted
FROM (
    SELECT
        d.machine_iot_id,
        d.down_start,
        coalesce(nullif(d.down_end, 'infinity'), o.down_end) AS down_end,
        coalesce(d.down_end < 'infinity', false) AS is_over
    FROM silver.machine_downtime AS d
    LEFT JOIN gold.long_stops AS o
        ON o.machine_iot_id = d.machine_iot_id AND o.down_start = d.down_start AND o.is_open
    WHERE d.down_start >= now() - INTERVAL '8 days'
        AND d.down_start >= (SELECT b.since FROM live AS b)
    UNION ALL
    -- What began before and lasts longer than a day.
    SELECT o.machine_iot_id, o.down_start, o.down_end, o.down_end IS NOT NULL
    FROM gold.long_stops AS o
    WHERE o.down_start < (SELECT b.since FROM live AS b)
        AND coalesce(o.down_end, 'infinity') > (SELECT b.since FROM live AS b)
) AS a
GROUP BY a.machine_iot_id;

COMMENT ON VIEW gold.v_recent_stops IS
    'When each machine stood, for business dates that are not rolled up yet; read through '
    'gold.v_machine_shifts and gold.v_machine_days';
COMMENT ON COLUMN gold.v_recent_stops.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.v_recent_stops.lasted IS
    'When it stood: a stop without an end lasts until now at most';

-- @section grants
GRANT SELECT ON gold.v_recent_stops TO setu_etl, setu_reader;
