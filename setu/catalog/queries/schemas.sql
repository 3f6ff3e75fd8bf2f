SELECT
    'schema' AS kind,
    s.label AS name,
    jsonb_build_object('owner', o.name, 'comment', obj_description(s.oid, 'pg_namespace')) AS fields
FROM covered_schema AS s
INNER JOIN shown_owner AS o ON o.oid = s.owner
