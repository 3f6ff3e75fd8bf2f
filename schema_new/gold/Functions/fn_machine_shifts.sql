-- New: what one machine did in each shift, for days that are rolled up again and days that are not
-- rolled up. gold.fn_roll_up_dates and gold.v_recent_machine_shifts do the same for all machines
-- at once; the property tests hold the three against one model. Each read of silver is bounded in
-- time, so that it reads few chunks.
-- @section function
CREATE FUNCTION gold.fn_machine_shifts(
    p_machine_iot_id integer,
    p_plant_iot_id integer,
    p_from date,
    p_to date
)
RETURNS TABLE (
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
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL UNSAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    SELECT
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
    FROM (
        -- Planned time, up to now, and how long the machine stood in it.
        SELECT
            e.logical_date,
            e.shift_id,
            e.shift_name,
            e.planned_sec,
            gold.fn_seconds(e.working * s.lasted) AS downtime_sec,
            NULL::bigint AS stops,
            NULL::bigint AS cycles,
            NULL::bigint AS cycles_without_std,
            NULL::bigint AS std_sec,
            NULL::numeric AS run_time_sec,
            NULL::bigint AS parts,
            NULL::bigint AS rejects,
            NULL::bigint AS unpaired_readings
        FROM master.fn_planned_shifts(p_plant_iot_id, p_from, p_to) AS e
        CROSS JOIN LATERAL (
            SELECT
                coalesce(range_agg(a.lasts), '{}'::tstzmultirange) AS lasted
            FROM (
                SELECT
                    tstzrange(d.down_start, greatest(d.down_start, d.down_end)) AS lasts
                FROM silver.machine_downtime AS d
                WHERE d.machine_iot_id = p_machine_iot_id
                    AND d.down_start >= (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
                    AND d.down_start < (p_to::timestamp + INTERVAL '60 hours') AT TIME ZONE 'UTC'
                    AND d.down_end < 'infinity'
                UNION ALL
                -- Without an end, or with an endless one, it lasts until the machine shows
                -- otherwise, or until now.
                SELECT
                    tstzrange(
                        d.down_start,
                        greatest(
                            d.down_start,
                            least(
                                (
                                    SELECT min(n.down_start) FROM silver.machine_downtime AS n
                                    WHERE n.machine_iot_id = p_machine_iot_id
                                        AND n.down_start > d.down_start
                                        AND n.down_start >=
                                            (p_from::timestamp - INTERVAL '38 hours')
                                            AT TIME ZONE 'UTC'
                                        AND n.down_start < (p_to::timestamp + INTERVAL '60 hours')
                                            AT TIME ZONE 'UTC'
                                ),
                                (
                                    SELECT min(c.cycle_start) FROM silver.machine_cycles AS c
                                    WHERE c.machine_iot_id = p_machine_iot_id
                                        AND c.cycle_start > d.down_start
                                        AND c.cycle_start >=
                                            (p_from::timestamp - INTERVAL '38 hours')
                                            AT TIME ZONE 'UTC'
                                        AND c.cycle_start < (p_to::timestamp + INTERVAL '60 hours')
                                            AT TIME ZONE 'UTC'
                                ),
                                now()
                            )
                        )
                    )
                FROM silver.machine_downtime AS d
                WHERE d.machine_iot_id = p_machine_iot_id
                    AND d.down_start >= (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
                    AND d.down_start < (p_to::timestamp + INTERVAL '60 hours') AT TIME ZONE 'UTC'
                    AND (d.down_end IS NULL OR d.down_end = 'infinity')
                UNION ALL
                -- Stops that began before that.
                SELECT
                    tstzrange(
                        l.down_start,
                        coalesce(
                            l.down_end,
                            gold.fn_next_sign(p_machine_iot_id, l.down_start),
                            greatest(l.down_start, now())
                        )
                    )
                FROM gold.long_stops AS l
                WHERE l.machine_iot_id = p_machine_iot_id
                    AND l.down_start < (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
                    AND coalesce(l.down_end, 'infinity')
                        > (p_from::timestamp - INTERVAL '14 hours') AT TIME ZONE 'UTC'
            ) AS a
        ) AS s
        UNION ALL
        SELECT
            d.logical_date, d.shift_id, d.shift_name, NULL, NULL, count(*), NULL, NULL, NULL, NULL,
            NULL, NULL, NULL
        FROM silver.machine_downtime AS d
        WHERE d.machine_iot_id = p_machine_iot_id
            AND d.logical_date BETWEEN p_from AND p_to
            AND d.down_start >= (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
            AND d.down_start < (p_to::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
        GROUP BY d.logical_date, d.shift_id, d.shift_name
        UNION ALL
        SELECT
            c.logical_date,
            c.shift_id,
            c.shift_name,
            NULL,
            NULL,
            NULL,
            count(*),
            count(*) FILTER (WHERE c.std_cycle_time IS NULL),
            sum(c.std_cycle_time),
            sum(
                CASE
                    WHEN c.cycle_end BETWEEN '1900-01-01 00:00:00+00' AND '2300-01-01 00:00:00+00'
                        THEN extract(EPOCH FROM c.cycle_end - c.cycle_start)
                END
            ),
            NULL,
            NULL,
            NULL
        FROM silver.machine_cycles AS c
        WHERE c.machine_iot_id = p_machine_iot_id
            AND c.logical_date BETWEEN p_from AND p_to
            AND c.cycle_start >= (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
            AND c.cycle_start < (p_to::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
        GROUP BY c.logical_date, c.shift_id, c.shift_name
        UNION ALL
        SELECT
            f.logical_date,
            f.shift_id,
            f.shift_name,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            sum(f.part_count),
            sum(f.rej_count),
            count(*) FILTER (WHERE (f.part_count IS NULL) <> (f.rej_count IS NULL))
        FROM silver.machine_focas AS f
        WHERE f.machine_iot_id = p_machine_iot_id
            AND f.logical_date BETWEEN p_from AND p_to
            AND f.event_time >= (p_from::timestamp - INTERVAL '38 hours') AT TIME ZONE 'UTC'
            AND f.event_time < (p_to::timestamp + INTERVAL '84 hours') AT TIME ZONE 'UTC'
        GROUP BY f.logical_date, f.shift_id, f.shift_name
    ) AS r
    GROUP BY r.logical_date, r.shift_id;
END;

REVOKE ALL ON FUNCTION gold.fn_machine_shifts(integer, integer, date, date)
    FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_machine_shifts(integer, integer, date, date) IS
    'What a machine did in each shift of the business dates from the first to the last, worked '
    'out from silver';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_machine_shifts(integer, integer, date, date)
TO setu_etl, setu_reader;
