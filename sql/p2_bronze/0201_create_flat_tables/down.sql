-- what: drops the flat tables; rows that they hold are archived with the hypertable archived before them, or alone
-- why: a row may have come before its table was a hypertable
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, while the few rows are copied
-- down: undone by upgrading again, which restores the rows with their ids
SELECT _archive.lock_tables(VARIADIC ARRAY(
    SELECT format('bronze.%I', f.table_name)::regclass FROM _archive.flat_tables AS f
));

SELECT _archive.return_rows(f.table_name) FROM _archive.flat_tables AS f;

DO $archive$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f LOOP
        IF to_regclass(format('_archive.%I', 'v2_' || v_table)) IS NULL THEN
            PERFORM _archive.archive_table(format('bronze.%I', v_table)::regclass, 'v2_' || v_table);
        ELSE
            EXECUTE format('INSERT INTO _archive.%I OVERRIDING SYSTEM VALUE SELECT b.* FROM bronze.%I AS b',
                'v2_' || v_table, v_table);
            EXECUTE format('DROP TABLE bronze.%I', v_table);
        END IF;
    END LOOP;
END
$archive$;

DROP FUNCTION _archive.return_rows(text);
DROP FUNCTION _archive.last_loaded_id(text);
