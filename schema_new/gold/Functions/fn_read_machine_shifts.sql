-- New: what machines of a plant did in each shift, for dates that are rolled up, and days that
-- changed after that. All machines at once: a query for each would be planned anew, which takes 5
-- to 9 ms. gold.v_recent_machine_shifts does the same for the last days; the property tests hold
-- both against one model. The dates stand as constants in the statement, so that the planner leaves
-- other chunks alone.
-- @section function
CREATE FUNCTION gold.fn_read_machine_shifts(
    p_machines integer[],
    p_plant_iot_id integer,
    p_from date,
    p_to date
)
RETURNS TABLE (
    machine_iot_id integer,
    logical_date date,
    shift_id smallint,
    shift_name text,
    planned_sec numeric,
    downtime_sec numeric,
    stops bigint,
    cycles bigint,
    cycles_without_std bigint,
    std_sec bigint,
    run_time_sec numeric,
    parts bigint,
    rejects bigint,
    unpaired_readings bigint,
    is_reported boolean
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
ROWS 4  -- nearly always none, and a plan that expects many is compiled at length
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $function$
DECLARE
    v_from date := p_from;
    v_until date;
BEGIN
    WHILE v_from <= p_to LOOP
        v_until := least(v_from + 31, p_to);
        RETURN QUERY EXECUTE format(
        $query$
        WITH
        -- When each machine stood. A stop without an end, or with an endless one, lasts until the
        -- machine shows otherwise, or until now.
        stood AS (
            SELECT a.machine_iot_id, range_agg(a.lasts) AS lasted
            FROM (
                SELECT
                    d.machine_iot_id,
                    tstzrange(d.down_start, greatest(d.down_start, d.down_end)) AS lasts
                FROM silver.machine_downtime AS d
                WHERE d.down_start >= (DATE %1$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_start < (DATE %2$L::timestamp + INTERVAL '60 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_end < 'infinity'
                UNION ALL
                SELECT
                    d.machine_iot_id,
                    tstzrange(
                        d.down_start,
                        greatest(
                            d.down_start,
                            least(
                                now(),
                                coalesce(
                                    o.down_end, gold.fn_next_sign(d.machine_iot_id, d.down_start)
                                )
                            )
                        )
                    )
                FROM silver.machine_downtime AS d
                LEFT JOIN gold.long_stops AS o
                    ON o.machine_iot_id = d.machine_iot_id AND o.down_start = d.down_start
                        AND o.is_open
                WHERE d.down_start >= (DATE %1$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND d.down_start < (DATE %2$L::timestamp + INTERVAL '60 hours')
                        AT TIME ZONE 'UTC'
                    AND (d.down_end IS NULL OR d.down_end = 'infinity')
                UNION ALL
                SELECT
                    l.machine_iot_id,
                    tstzrange(
                        l.down_start,
                        coalesce(
                            l.down_end,
                            gold.fn_next_sign(l.machine_iot_id, l.down_start),
                            greatest(l.down_start, now())
                        )
                    )
                FROM gold.long_stops AS l
                WHERE l.down_start < (DATE %1$L::timestamp - INTERVAL '38 hours')
                        AT TIME ZONE 'UTC'
                    AND coalesce(l.down_end, 'infinity')
                        > (DATE %1$L::timestamp - INTERVAL '14 hours') AT TIME ZONE 'UTC'
            ) AS a
            WHERE a.machine_iot_id = ANY ($1)
            GROUP BY a.machine_iot_id
        ),
        -- Planned time, up to now.
        planned AS MATERIALIZED (
            SELECT e.logical_date, e.shift_id, e.shift_name, e.working, e.planned_sec
            FROM master.fn_planned_shifts($2, DATE %1$L, DATE %2$L) AS e
        ),
        parts AS (
            SELECT
                m.machine_iot_id,
                p.logical_date,
                p.shift_id,
                p.shift_name,
                p.planned_sec,
                coalesce(gold.fn_seconds(p.working * s.lasted), 0) AS downtime_sec,
                NULL::bigint AS stops,
                NULL::bigint AS cycles,
                NULL::bigint AS cycles_without_std,
                NULL::bigint AS std_sec,
                NULL::numeric AS run_time_sec,
                NULL::bigint AS parts,
                NULL::bigint AS rejects,
                NULL::bigint AS unpaired_readings
            FROM unnest($1) AS m (machine_iot_id)
            CROSS JOIN planned AS p
            LEFT JOIN stood AS s ON s.machine_iot_id = m.machine_iot_id
            UNION ALL
            SELECT
                d.machine_iot_id, d.logical_date, d.shift_id, max(d.shift_name), NULL, NULL,
                count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL
            FROM silver.machine_downtime AS d
            WHERE d.logical_date BETWEEN DATE %1$L AND DATE %2$L
                AND d.down_start >= (DATE %1$L::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
                AND d.down_start < (DATE %2$L::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
                AND d.machine_iot_id = ANY ($1)
            GROUP BY d.machine_iot_id, d.logical_date, d.shift_id
            UNION ALL
            SELECT
                c.machine_iot_id, c.logical_date, c.shift_id, max(c.shift_name), NULL, NULL, NULL,
                count(*),
                count(*) FILTER (WHERE c.std_cycle_time IS NULL),
                sum(c.std_cycle_time),
                -- Intervals add up faster than numbers do.
                extract(EPOCH FROM sum(c.cycle_end - c.cycle_start) FILTER (
                    WHERE c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
                )),
                NULL, NULL, NULL
            FROM silver.machine_cycles AS c
            WHERE c.logical_date BETWEEN DATE %1$L AND DATE %2$L
                AND c.cycle_start >= (DATE %1$L::timestamp - INTERVAL '38 hours')
                    AT TIME ZONE 'UTC'
                AND c.cycle_start < (DATE %2$L::timestamp + INTERVAL '84 hours')
                    AT TIME ZONE 'UTC'
                AND c.machine_iot_id = ANY ($1)
            GROUP BY c.machine_iot_id, c.logical_date, c.shift_id
            UNION ALL
            SELECT
                f.machine_iot_id, f.logical_date, f.shift_id, max(f.shift_name), NULL, NULL, NULL,
                NULL, NULL, NULL, NULL,
                sum(f.part_count),
                sum(f.rej_count),
                count(*) FILTER (WHERE (f.part_count IS NULL) <> (f.rej_count IS NULL))
            FROM silver.machine_focas AS f
            WHERE f.logical_date BETWEEN DATE %1$L AND DATE %2$L
                AND f.event_time >= (DATE %1$L::timestamp - INTERVAL '38 hours')
                    AT TIME ZONE 'UTC'
                AND f.event_time < (DATE %2$L::timestamp + INTERVAL '84 hours')
                    AT TIME ZONE 'UTC'
                AND f.machine_iot_id = ANY ($1)
            GROUP BY f.machine_iot_id, f.logical_date, f.shift_id
        )
        SELECT
            r.machine_iot_id,
            r.logical_date,
            r.shift_id,
            max(r.shift_name),
            sum(r.planned_sec),
            coalesce(sum(r.downtime_sec), 0),
            coalesce(sum(r.stops), 0)::bigint,
            coalesce(sum(r.cycles), 0)::bigint,
            coalesce(sum(r.cycles_without_std), 0)::bigint,
            coalesce(sum(r.std_sec), 0)::bigint,
            coalesce(sum(r.run_time_sec), 0),
            sum(r.parts)::bigint,
            sum(r.rejects)::bigint,
            coalesce(sum(r.unpaired_readings), 0)::bigint,
            bool_or(r.planned_sec IS NULL OR r.downtime_sec > 0)
        FROM parts AS r
        GROUP BY r.machine_iot_id, r.logical_date, r.shift_id
        $query$,
        v_from, v_until
        ) USING p_machines, p_plant_iot_id;
        v_from := v_until + 1;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION gold.fn_read_machine_shifts(integer[], integer, date, date) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_read_machine_shifts(integer[], integer, date, date) IS
    'What machines of a plant did in each shift of the business dates from the first to the last, '
    'computed from silver, a month at a time';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_read_machine_shifts(integer[], integer, date, date)
TO setu_etl, setu_reader;
