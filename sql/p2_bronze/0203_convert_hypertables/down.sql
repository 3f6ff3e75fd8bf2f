-- what: plain tables in place of the hypertables, which are archived with their rows
-- why: there is no way back from a hypertable but a copy, and a month of bronze is too much to copy
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, while rows not yet loaded go back to v1
-- down: undone by upgrading again, which restores the hypertables
SELECT _archive.lock_tables(VARIADIC ARRAY(
    SELECT format('bronze.%I', f.table_name)::regclass FROM _archive.flat_tables AS f
));

SELECT _archive.return_rows(f.table_name) FROM _archive.flat_tables AS f;

SELECT _archive.archive_table(format('bronze.%I', f.table_name)::regclass, 'v2_' || f.table_name)
FROM _archive.flat_tables AS f;

-- @include schema_new/bronze/Tables/raw_*.sql#table
-- @include schema_new/bronze/Tables/raw_*.sql#identity

DO $continue$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f LOOP
        EXECUTE format('SELECT setval(%L, s.last_value, s.is_called) FROM _archive.%I AS s',
            format('bronze.%I', v_table || '_id_seq'), v_table || '_id_seq');
    END LOOP;
END
$continue$;
