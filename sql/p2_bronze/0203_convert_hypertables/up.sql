-- what: the flat tables become hypertables on arrival time
-- why: chunks make retention a file delete and keep the index being written in memory
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, which have few rows or none
-- down: the hypertables are archived with their rows; empty plain tables take their place
-- @include schema_new/bronze/Tables/raw_*.sql#hypertable

DO $restore$
DECLARE
    v_table text;
    v_last bigint;
BEGIN
    FOR v_table IN
        SELECT f.table_name FROM _archive.flat_tables AS f
        WHERE to_regclass(format('_archive.%I', 'v2_' || f.table_name)) IS NOT NULL
    LOOP
        IF EXISTS (
            SELECT 1 FROM timescaledb_information.hypertables AS h
            WHERE h.hypertable_schema = '_archive' AND h.hypertable_name = 'v2_' || v_table
        ) THEN
            EXECUTE format('INSERT INTO _archive.%I OVERRIDING SYSTEM VALUE SELECT b.* FROM bronze.%I AS b',
                'v2_' || v_table, v_table);
            EXECUTE format('SELECT s.last_value FROM bronze.%I AS s', v_table || '_id_seq') INTO v_last;
            PERFORM setval(format('_archive.%I', v_table || '_id_seq')::regclass, v_last);
            PERFORM _archive.restore_in_place('bronze', v_table);
        ELSE
            -- It was archived before it was a hypertable.
            EXECUTE format('INSERT INTO bronze.%I OVERRIDING SYSTEM VALUE SELECT b.* FROM _archive.%I AS b',
                v_table, 'v2_' || v_table);
            EXECUTE format('DROP TABLE _archive.%I', 'v2_' || v_table);
        END IF;
    END LOOP;
END
$restore$;
