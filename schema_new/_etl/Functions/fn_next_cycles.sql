-- New: the bronze rows of a batch of cycles, by id. The bound on arrival time excludes old chunks;
-- the second half finds the rows that it excludes. The body is bound when it is created, so it
-- needs no search_path, and without one it is inlined.
CREATE FUNCTION _etl.fn_next_cycles(
    p_after_id bigint,
    p_fence_id bigint,
    p_since timestamptz,
    p_limit integer
)
RETURNS TABLE (
    id bigint,
    "time" timestamptz,
    device_id text,
    machine_iot_id bigint,
    cycle_start timestamptz,
    cycle_end timestamptz,
    program_no text,
    std_load_unload bigint,
    std_cycle_time bigint,
    down_threshold bigint
)
LANGUAGE sql STABLE SECURITY INVOKER
BEGIN ATOMIC
    SELECT
        b.id, b.time, b.device_id, b.machine_iot_id, b.cycle_start, b.cycle_end, b.program_no,
        b.std_load_unload, b.std_cycle_time, b.down_threshold
    FROM (
        (
            SELECT
                r.id, r.time, r.device_id, r.machine_iot_id, r.cycle_start, r.cycle_end,
                r.program_no, r.std_load_unload, r.std_cycle_time, r.down_threshold
            FROM bronze.raw_machine_cycles AS r
            WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time >= p_since
            ORDER BY r.id
            LIMIT p_limit
        )
        UNION ALL
        (
            SELECT
                r.id, r.time, r.device_id, r.machine_iot_id, r.cycle_start, r.cycle_end,
                r.program_no, r.std_load_unload, r.std_cycle_time, r.down_threshold
            FROM bronze.raw_machine_cycles AS r
            WHERE r.id > p_after_id AND r.id <= p_fence_id AND r.time < p_since
            ORDER BY r.id
            LIMIT p_limit
        )
    ) AS b
    ORDER BY b.id
    LIMIT p_limit;
END;

REVOKE ALL ON FUNCTION _etl.fn_next_cycles(bigint, bigint, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_next_cycles(bigint, bigint, timestamptz, integer) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_next_cycles(bigint, bigint, timestamptz, integer) IS
    'Bronze rows of machine_cycles after an id, up to the fence, as many as a batch takes';
