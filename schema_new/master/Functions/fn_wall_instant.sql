-- New: AT TIME ZONE alone would turn the order of two times around where daylight saving skips
-- them.
-- @section function
CREATE FUNCTION master.fn_wall_instant(p_wall timestamp, p_timezone text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_at timestamptz := p_wall AT TIME ZONE p_timezone;
    v_shown timestamp := v_at AT TIME ZONE p_timezone;
BEGIN
    IF v_shown = p_wall THEN
        RETURN v_at;
    END IF;
    -- No clock of the zone ever shows this time: the instant at which it jumps over it.
    RETURN (
        SELECT min(s.at)
        FROM generate_series(
            date_trunc('second', v_at - (v_shown - p_wall)), v_at, INTERVAL '1 second'
        ) AS s (at)
        WHERE s.at AT TIME ZONE p_timezone > p_wall
    );
END
$function$;

REVOKE ALL ON FUNCTION master.fn_wall_instant(timestamp, text) FROM PUBLIC;

COMMENT ON FUNCTION master.fn_wall_instant(timestamp, text) IS
    'When a zone''s clock shows a time: the later of two such instants, or the jump that skips it';

-- @section grants
GRANT EXECUTE ON FUNCTION master.fn_wall_instant(timestamp, text) TO setu_etl, setu_reader;
