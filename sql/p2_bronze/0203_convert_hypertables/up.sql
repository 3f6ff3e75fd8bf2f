-- what: bronze.raw_machine_cycles becomes a hypertable on arrival time
-- why: chunks make retention a file delete and keep the index being written in memory
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles, which has few rows or none
-- down: the hypertable sleeps in _archive with its rows; an empty plain table takes its place
-- @include schema_new/bronze/Hypertables/raw_machine_cycles.sql

DO $wake$
DECLARE
    v_last bigint;
BEGIN
    IF to_regclass('_archive.v2_raw_machine_cycles') IS NULL THEN
        RETURN;
    END IF;
    SELECT s.last_value INTO v_last FROM bronze.raw_machine_cycles_id_seq AS s;

    IF EXISTS (
        SELECT 1 FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema = '_archive' AND h.hypertable_name = 'v2_raw_machine_cycles'
    ) THEN
        INSERT INTO _archive.v2_raw_machine_cycles OVERRIDING SYSTEM VALUE
        SELECT b.* FROM bronze.raw_machine_cycles AS b;
        PERFORM setval(pg_get_serial_sequence('_archive.v2_raw_machine_cycles', 'id'), v_last);
        PERFORM _archive.wake_instead('bronze', 'raw_machine_cycles');
    ELSE
        -- It went to sleep before it was a hypertable.
        INSERT INTO bronze.raw_machine_cycles OVERRIDING SYSTEM VALUE
        SELECT b.* FROM _archive.v2_raw_machine_cycles AS b;
        DROP TABLE _archive.v2_raw_machine_cycles;
    END IF;
END
$wake$;
