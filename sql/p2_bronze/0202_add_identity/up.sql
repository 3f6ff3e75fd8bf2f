-- what: the id of each flat table becomes an identity column
-- why: the sweep goes by id, and never takes one again: ids go on where an earlier v2 period stopped
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, which are new and empty
-- down: the identity goes; ids that rows have stay
-- @include schema_new/bronze/Tables/raw_*.sql#identity

DO $continue$
DECLARE
    v_table text;
    v_last bigint;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f LOOP
        v_last := NULL;
        IF to_regclass(format('_archive.%I', v_table || '_id_seq')) IS NOT NULL THEN
            EXECUTE format('SELECT s.last_value FROM _archive.%I AS s', v_table || '_id_seq') INTO v_last;
        ELSIF to_regclass(format('_archive.%I', 'v2_' || v_table)) IS NOT NULL THEN
            EXECUTE format('SELECT max(b.id) FROM _archive.%I AS b', 'v2_' || v_table) INTO v_last;
        END IF;
        IF v_last IS NOT NULL THEN
            PERFORM setval(format('bronze.%I', v_table || '_id_seq')::regclass, v_last);
        END IF;
    END LOOP;
END
$continue$;
