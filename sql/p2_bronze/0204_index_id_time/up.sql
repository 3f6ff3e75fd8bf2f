-- what: index (id, time DESC) on each flat table; rows of an earlier v2 period return; bronze opens
-- why: the sweep asks for the next ids, with a bound on time that rules chunks out
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, which are empty and refuse rows
-- down: the hypertables are archived whole, and empty ones that refuse rows take their place
-- @include schema_new/bronze/Tables/raw_*.sql#indexes

-- Archived tables come with their rows, index and compressed chunks, in place of the empty ones.
SELECT _archive.restore_in_place('bronze', f.table_name) FROM _archive.flat_tables AS f;

DO $open$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT t.tgrelid::regclass FROM pg_trigger AS t
        WHERE t.tgfoid = 'bronze.fn_refuse_rows()'::regprocedure
    LOOP
        EXECUTE format('DROP TRIGGER setu_refuse_rows ON %s', v_table);
    END LOOP;
END
$open$;
DROP FUNCTION bronze.fn_refuse_rows();
