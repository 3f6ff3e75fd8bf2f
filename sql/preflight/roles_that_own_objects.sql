-- title: Roles of setu own objects of your own
-- hint: ALTER (the object) OWNER TO another role
-- undoes: 0302
SELECT
    'owns it' AS problem,
    pg_describe_object(d.classid, d.objid, d.objsubid) AS key,
    r.rolname::text AS detail
FROM pg_shdepend AS d
INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
    AND d.deptype = 'o' AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
    -- Jobs are setu_etl's, and go in 0404.
    AND coalesce(c.relnamespace::regnamespace::text, '') <> '_timescaledb_config'
ORDER BY 2;
