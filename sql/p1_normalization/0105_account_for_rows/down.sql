-- what: carries the cycles that arrived under v2 into v1's sleeping table, chunk by chunk
-- why: with the bulk of them there, the swap back has little left to do under its lock
-- transaction: no (each chunk commits; run again, it carries what is left)
-- lock: none
-- down: undone by upgrading again, which finds each of these rows known to v2
-- @include sql/p1_normalization/shared/require_archive.sql

SELECT _archive.carry_master_back();

DO $carry$
DECLARE
    v_chunk record;
    v_rows bigint;
BEGIN
    FOR v_chunk IN
        SELECT c.range_start, c.range_end
        FROM timescaledb_information.chunks AS c
        WHERE c.hypertable_schema = 'silver' AND c.hypertable_name = 'machine_cycles'
        ORDER BY c.range_start
    LOOP
        v_rows := _archive.carry_back_machine_cycles(v_chunk.range_start, v_chunk.range_end);
        COMMIT;
        RAISE NOTICE 'silver.machine_cycles from %: % rows of v2 carried back to v1',
            v_chunk.range_start::date, v_rows;
    END LOOP;
END
$carry$;

DROP PROCEDURE IF EXISTS _archive.account_for_machine_cycles();
DELETE FROM _archive.row_accounts;
