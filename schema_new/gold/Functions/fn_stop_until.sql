-- New: how long a stop lasts, for notes: one without an end until the machine shows otherwise, or
-- until now.
CREATE FUNCTION gold.fn_stop_until(
    p_machine_iot_id integer, p_start timestamptz, p_end timestamptz
)
RETURNS timestamptz
LANGUAGE sql STABLE SECURITY INVOKER PARALLEL UNSAFE
-- The body is bound when it is created, so it needs no search_path, and without one it is inlined.
BEGIN ATOMIC
    SELECT
        CASE
            WHEN p_end < 'infinity' THEN greatest(p_start, p_end)
            ELSE greatest(p_start, coalesce(gold.fn_next_sign(p_machine_iot_id, p_start), now()))
        END;
END;

REVOKE ALL ON FUNCTION gold.fn_stop_until(integer, timestamptz, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_stop_until(integer, timestamptz, timestamptz) IS
    'When a stop is over: its end, the next cycle or stop of the machine, or now';
