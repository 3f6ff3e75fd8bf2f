-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- What the four roles and PUBLIC may do before 0203, for the way back: grants by others, and roles
-- that existed before, stay as they were.
CREATE TABLE IF NOT EXISTS _archive.rights_before (
    schema_name text,
    role_name text NOT NULL,
    privilege text NOT NULL,
    is_grantable boolean NOT NULL
);
COMMENT ON TABLE _archive.rights_before IS
    'Grants on schemas, or on the database where schema_name is null, before the roles of setu '
    'came';
CREATE TABLE IF NOT EXISTS _archive.roles_before (
    role_name text PRIMARY KEY,
    is_member boolean NOT NULL,
    settings text[] NOT NULL
);
COMMENT ON TABLE _archive.roles_before IS
    'Roles that setu did not make; is_member: the deploying role was a member';

TRUNCATE _archive.rights_before, _archive.roles_before;
INSERT INTO _archive.rights_before (schema_name, role_name, privilege, is_grantable)
SELECT o.schema_name, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE r.rolname END,
    a.privilege_type, a.is_grantable
FROM (
    SELECT n.nspname AS schema_name, n.nspacl AS acl
    FROM pg_namespace AS n
    WHERE n.nspname IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold')
        OR n.oid = (SELECT e.extnamespace FROM pg_extension AS e WHERE e.extname = 'timescaledb')
    UNION ALL
    SELECT NULL, d.datacl
    FROM pg_database AS d
    WHERE d.datname = current_database()
) AS o
CROSS JOIN LATERAL aclexplode(o.acl) AS a
LEFT JOIN pg_roles AS r ON r.oid = a.grantee
WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
    OR (
        a.grantee = 0
        AND o.schema_name IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold')
    );

INSERT INTO _archive.roles_before (role_name, is_member, settings)
SELECT r.rolname, pg_has_role(r.oid, 'MEMBER'), coalesce(s.setconfig, '{}')
FROM pg_roles AS r
LEFT JOIN pg_db_role_setting AS s
    ON s.setrole = r.oid
    AND s.setdatabase = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
WHERE r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
    AND coalesce(shobj_description(r.oid, 'pg_authid'), '') NOT IN (
        'Kafka sinks and gateways: insert into bronze, and nothing else',
        'Owner of the load jobs',
        'Reads gold, silver, master and the views of _etl; granted to people',
        'Registers master data and sends rejected rows again; granted to people'
    );
