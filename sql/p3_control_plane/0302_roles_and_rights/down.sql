-- what: the four roles lose their rights, but those on the tables of bronze
-- why: mirrors the step up: without USAGE on schema bronze, its tables are out of their reach
-- transaction: yes
-- lock: none that a reader or writer would notice
-- down: undone by upgrading again
DO $owned$
DECLARE
    v_owned text;
BEGIN
    SELECT string_agg(
        format(
            '%s owned by %s', pg_describe_object(d.classid, d.objid, d.objsubid), r.rolname
        ), ', '
    )
    INTO v_owned
    FROM pg_shdepend AS d
    INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
    WHERE d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
        AND d.deptype = 'o'
        AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin');
    IF v_owned IS NOT NULL THEN
        RAISE EXCEPTION 'cannot take the rights of the roles of setu because they own objects here'
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = v_owned,
                HINT = 'Give the objects to another role with ALTER ... OWNER TO, then downgrade '
                       'again';
    END IF;
END
$owned$;

DO $revoke$
DECLARE
    v_right record;
BEGIN
    FOR v_right IN
        SELECT DISTINCT r.rolname,
            CASE
                WHEN d.classid = 'pg_namespace'::regclass THEN 'SCHEMA'
                WHEN d.classid = 'pg_proc'::regclass THEN 'ROUTINE'
                WHEN c.relkind = 'S' THEN 'SEQUENCE'
                ELSE 'TABLE'
            END AS kind,
            CASE
                WHEN d.classid = 'pg_namespace'::regclass THEN quote_ident(n.nspname)
                WHEN d.classid = 'pg_proc'::regclass THEN d.objid::regprocedure::text
                ELSE format('%I.%I', cn.nspname, c.relname)
            END AS name
        FROM pg_shdepend AS d
        INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
        LEFT JOIN pg_namespace AS n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
        LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
        LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_namespace AS pn ON pn.oid = p.pronamespace
        WHERE d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
            AND d.deptype = 'a'
            AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader', 'setu_admin')
            -- Chunks and internal tables of aggregates follow the object that they belong to. Other
            -- grants stay.
            AND (
                n.nspname IN (
                    'master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl', '_setu'
                )
                OR coalesce(cn.nspname, pn.nspname) IN (
                    'master', 'silver', 'config', 'alerting', 'gold', '_etl', '_setu'
                )
                OR pn.nspname = 'bronze'
            )
        ORDER BY 1, 2, 3
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %I', v_right.kind, v_right.name, v_right.rolname);
    END LOOP;
END
$revoke$;

-- What PUBLIC and roles that were here before could do with the schemas.
DO $as_found$
DECLARE
    v_row record;
BEGIN
    FOR v_row IN
        SELECT b.schema_name, b.role_name, b.privilege, b.is_grantable
        FROM _archive.rights_before AS b
        -- Grants on the schema of the extension are as they were.
        WHERE b.schema_name IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold')
            AND (
                b.role_name = 'PUBLIC'
                OR EXISTS (SELECT 1 FROM pg_roles AS r WHERE r.rolname = b.role_name)
            )
    LOOP
        EXECUTE format('GRANT %s ON SCHEMA %I TO %s%s', v_row.privilege, v_row.schema_name,
            CASE WHEN v_row.role_name = 'PUBLIC'
                THEN 'PUBLIC' ELSE quote_ident(v_row.role_name) END,
            CASE WHEN v_row.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END
$as_found$;
