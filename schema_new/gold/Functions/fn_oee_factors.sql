-- New: the factors of OEE, defined once for the reports by day and by shift and for the days that
-- are rolled up. It is inlined into them. A factor is null where its inputs were not reported, and
-- where it would divide by zero.
-- @section function
CREATE FUNCTION gold.fn_oee_factors(
    p_planned_sec numeric,
    p_downtime_sec numeric,
    p_cycles bigint,
    p_cycles_without_std bigint,
    p_std_sec bigint,
    p_parts bigint,
    p_rejects bigint,
    p_unpaired_readings bigint
)
RETURNS TABLE (availability numeric, performance numeric, quality numeric, oee numeric)
LANGUAGE sql IMMUTABLE SECURITY INVOKER
ROWS 1
-- The body is bound when it is created, so it needs no search_path.
BEGIN ATOMIC
    SELECT f.availability, f.performance, f.quality, f.availability * f.performance * f.quality
    FROM (
        SELECT
            (p_planned_sec - p_downtime_sec) / nullif(p_planned_sec, 0) AS availability,
            CASE WHEN p_cycles > 0 AND p_cycles_without_std = 0 THEN p_std_sec END
                / nullif(p_planned_sec - p_downtime_sec, 0) AS performance,
            -- A FOCAS row with one of the two and not the other leaves the share unknown.
            CASE
                WHEN p_unpaired_readings = 0
                    THEN (p_parts::numeric - p_rejects) / nullif(p_parts, 0)
            END AS quality
    ) AS f;
END;

REVOKE ALL ON FUNCTION gold.fn_oee_factors(
    numeric, numeric, bigint, bigint, bigint, bigint, bigint, bigint
) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_oee_factors(
    numeric, numeric, bigint, bigint, bigint, bigint, bigint, bigint
) IS
    'Availability, performance, quality and their product, of one machine in a day or a shift';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_oee_factors(
    numeric, numeric, bigint, bigint, bigint, bigint, bigint, bigint
) TO setu_etl, setu_reader;
