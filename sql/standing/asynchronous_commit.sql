-- what: the two roles that write commit asynchronously
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(n.name, ', ')
    INTO v_wrong
    FROM unnest(ARRAY['setu_ingest', 'setu_etl']) AS n (name)
    -- What a role is set to in the database counts before what it is set to at large.
    WHERE 'synchronous_commit=off' IS DISTINCT FROM (
        SELECT c.entry
        FROM pg_db_role_setting AS s
        INNER JOIN pg_roles AS r ON r.oid = s.setrole
        LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
        CROSS JOIN unnest(s.setconfig) AS c (entry)
        WHERE r.rolname = n.name AND c.entry LIKE 'synchronous_commit=%'
            AND (s.setdatabase = 0 OR d.datname = current_database())
        ORDER BY s.setdatabase DESC
        LIMIT 1
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'roles do not commit asynchronously'
            USING DETAIL = v_wrong, HINT = 'Run ALTER ROLE ... SET synchronous_commit = off';
    END IF;
END
$check$;
