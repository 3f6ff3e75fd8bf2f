-- New: the length of a time in pieces. As a subquery the planner would take it for dear, and
-- compile the plan of a report for longer than it runs.
-- @section function
CREATE FUNCTION gold.fn_seconds(p_time tstzmultirange) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
COST 1
-- The body is bound when it is created, so it needs no search_path.
BEGIN ATOMIC
    SELECT coalesce(sum(extract(EPOCH FROM upper(u.piece) - lower(u.piece))), 0)
    FROM unnest(p_time) AS u (piece);
END;

REVOKE ALL ON FUNCTION gold.fn_seconds(tstzmultirange) FROM PUBLIC;

COMMENT ON FUNCTION gold.fn_seconds(tstzmultirange) IS
    'How many seconds the pieces of a time last';

-- @section grants
GRANT EXECUTE ON FUNCTION gold.fn_seconds(tstzmultirange) TO setu_etl, setu_reader;
