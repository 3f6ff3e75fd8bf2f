-- what: drops the load of machine cycles
-- why: mirrors the step up; the watermark row stays, since bronze rows were loaded up to it
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on _etl.watermarks, which a running batch holds to its end
-- down: undone by upgrading again, which goes on at the same watermark
LOCK TABLE _etl.watermarks IN ACCESS EXCLUSIVE MODE;

DROP FUNCTION _etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer);
DROP FUNCTION
    _etl.fn_load_other_cycles(bigint, bigint, timestamptz, integer, bigint[], interval, boolean);
DROP FUNCTION
    _etl.fn_load_new_cycles(bigint, bigint, timestamptz, integer, bigint[], interval, boolean);
DROP FUNCTION _etl.fn_disputed_machines(bigint, bigint, interval);
DROP FUNCTION _etl.fn_next_cycles(bigint, bigint, timestamptz, integer);
DROP FUNCTION _etl.fn_run_seconds(timestamptz, timestamptz);
DROP FUNCTION _etl.fn_gap_seconds(timestamptz, timestamptz);
