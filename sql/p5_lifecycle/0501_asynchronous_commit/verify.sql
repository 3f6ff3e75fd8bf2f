-- what: both roles have synchronous_commit = off
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(r.name, ', ')
    INTO v_wrong
    FROM unnest(ARRAY['setu_ingest', 'setu_etl']) AS r (name)
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_db_role_setting AS s
        INNER JOIN pg_roles AS p ON p.oid = s.setrole
        WHERE p.rolname = r.name AND 'synchronous_commit=off' = ANY (s.setconfig)
            AND s.setdatabase IN (
                0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            )
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'roles do not commit asynchronously' USING DETAIL = v_wrong;
    END IF;
END
$verify$;
