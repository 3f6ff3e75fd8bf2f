-- what: what up.sql makes is there, for setu_admin and its owner alone
-- @expect up.sql
DO $verify$
DECLARE
    v_open text;
BEGIN
    SELECT string_agg(p.oid::regprocedure::text, ', ') INTO v_open
    FROM pg_proc AS p
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE p.pronamespace = 'master'::regnamespace
        AND (p.proname ~ '^fn_(register|move)_' OR p.proname = 'fn_retire')
        AND a.grantee NOT IN (p.proowner, 'setu_admin'::regrole);
    IF v_open IS NOT NULL THEN
        RAISE EXCEPTION 'others than setu_admin may change master data' USING DETAIL = v_open;
    END IF;
END
$verify$;
