-- what: the two roles that write commit asynchronously
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(n.name, ', ')
    INTO v_wrong
    FROM unnest(ARRAY['setu_ingest', 'setu_etl']) AS n (name)
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_roles AS r
        WHERE r.rolname = n.name AND 'synchronous_commit=off' = ANY (r.rolconfig)
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'roles do not commit asynchronously'
            USING DETAIL = v_wrong, HINT = 'Run ALTER ROLE ... SET synchronous_commit = off';
    END IF;
END
$check$;
