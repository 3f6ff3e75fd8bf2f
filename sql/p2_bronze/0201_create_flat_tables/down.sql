-- what: drops the flat table; rows that it holds sleep with the hypertable that slept before, or alone
-- why: a row may have come before the table was a hypertable
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles, while the few rows are copied
-- down: undone by upgrading again, which wakes the rows with their ids
SELECT _archive.lock_tables('bronze.raw_machine_cycles');

SELECT _archive.return_machine_cycles();

DO $sleep$
BEGIN
    IF to_regclass('_archive.v2_raw_machine_cycles') IS NULL THEN
        PERFORM _archive.sleep('bronze.raw_machine_cycles', 'v2_raw_machine_cycles');
    ELSE
        INSERT INTO _archive.v2_raw_machine_cycles OVERRIDING SYSTEM VALUE
        SELECT b.* FROM bronze.raw_machine_cycles AS b;
        DROP TABLE bronze.raw_machine_cycles;
    END IF;
END
$sleep$;

DROP FUNCTION _archive.return_machine_cycles();
DROP FUNCTION _archive.last_loaded_id(text);
