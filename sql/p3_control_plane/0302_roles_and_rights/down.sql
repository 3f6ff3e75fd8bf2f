-- what: the three roles lose their rights here, and go unless another database uses them
-- why: mirrors the step up; passwords that they were given by hand are gone with them
-- transaction: yes
-- lock: none that a reader or writer would notice
-- down: undone by upgrading again
DO $owned$
DECLARE
    v_owned text;
BEGIN
    SELECT string_agg(format('%s owned by %s', pg_describe_object(d.classid, d.objid, d.objsubid), r.rolname), ', ')
    INTO v_owned
    FROM pg_shdepend AS d
    INNER JOIN pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
    WHERE d.dbid = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
        AND d.deptype = 'o' AND r.rolname IN ('setu_ingest', 'setu_etl', 'setu_reader');
    IF v_owned IS NOT NULL THEN
        RAISE EXCEPTION 'cannot drop the roles of setu because they own objects here'
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = v_owned,
                HINT = 'Give the objects to another role with ALTER ... OWNER TO, then downgrade again.';
    END IF;
END
$owned$;

-- They own nothing, so this takes away rights and no object.
DROP OWNED BY setu_ingest, setu_etl, setu_reader;

DO $drop$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['setu_ingest', 'setu_etl', 'setu_reader'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE %I', v_role);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'role % stays: another database uses it', v_role;
        END;
    END LOOP;
END
$drop$;
