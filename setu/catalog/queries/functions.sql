SELECT
    CASE p.prokind
        WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function'
    END AS kind,
    p.label AS name,
    jsonb_build_object(
        'owner', o.name,
        'arguments', pg_get_function_arguments(p.oid),
        'result', pg_get_function_result(p.oid),
        'language', l.lanname,
        'window', CASE WHEN p.prokind = 'w' THEN true END,
        'volatility', CASE
            WHEN p.prokind = 'p' THEN NULL
            WHEN p.provolatile = 'i' THEN 'immutable'
            WHEN p.provolatile = 's' THEN 'stable'
            ELSE 'volatile'
        END,
        'security', CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
        'leakproof', CASE WHEN p.proleakproof THEN true END,
        'strict', CASE WHEN p.proisstrict THEN true END,
        'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END,
        'cost', p.procost,
        'rows', CASE WHEN p.proretset THEN p.prorows END,
        'support', nullif(p.prosupport::oid, 0)::regproc::text,
        'settings', to_jsonb(p.proconfig),
        'library', p.probin,
        'body', CASE
            WHEN p.prokind = 'a' THEN NULL
            ELSE coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
        END,
        'transition', (
            SELECT a.aggtransfn::regprocedure::text || ' on ' || format_type(a.aggtranstype, NULL)
            FROM pg_aggregate AS a
            WHERE a.aggfnoid = p.oid
        ),
        'comment', obj_description(p.oid, 'pg_proc')
    ) AS fields
FROM covered_function AS p
INNER JOIN shown_owner AS o ON o.oid = p.proowner
INNER JOIN pg_language AS l ON l.oid = p.prolang
