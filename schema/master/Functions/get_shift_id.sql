-- change: replace BY master.fn_get_shift_id

-- The seconds since the shift began, around the clock, against its length: that is half-open, and a
-- shift that wraps past midnight needs no second case. v1 asks for the plant id alone, so two
-- companies that use one plant id see each other's shifts.
CREATE FUNCTION master.get_shift_id(p_plant_id text, p_time timestamptz)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog
AS $function$
    SELECT COALESCE(
        (
            SELECT s.shift_id
            FROM master.shifts AS s
            WHERE s.plant_id = p_plant_id
              AND mod(
                  extract(epoch FROM (p_time AT TIME ZONE 'Asia/Kolkata')::time - s.start_time)
                      + 86400,
                  86400
              ) < COALESCE(s.duration_hrs, 8) * 3600
            ORDER BY s.shift_id
            LIMIT 1
        ),
        'UNKNOWN'
    );
$function$;
