-- what: what registers, moves and retires is there, for setu_admin and its owner alone
DO $verify$
DECLARE
    v_missing text;
    v_open text;
BEGIN
    SELECT string_agg(n.name, ', ')
    INTO v_missing
    FROM unnest(ARRAY[
        'fn_register_company', 'fn_register_plant', 'fn_register_device', 'fn_register_machine',
        'fn_register_shift', 'fn_register_code', 'fn_move_machine', 'fn_move_code', 'fn_retire'
    ]) AS n (name)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_proc AS p
        WHERE p.pronamespace = 'master'::regnamespace AND p.proname = n.name AND p.prosecdef
    );
    IF v_missing IS NOT NULL OR to_regclass('master.v_registered') IS NULL THEN
        RAISE EXCEPTION 'a part of the registration is missing' USING DETAIL = v_missing;
    END IF;
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
