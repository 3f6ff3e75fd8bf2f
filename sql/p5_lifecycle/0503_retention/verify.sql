-- what: the action is there with one job, and no clock-only policy stands beside it
DO $verify$
BEGIN
    IF to_regprocedure('_etl.sp_retain_bronze(integer, jsonb)') IS NULL THEN
        RAISE EXCEPTION '_etl.sp_retain_bronze is missing';
    END IF;
    IF EXISTS (
        SELECT 1 FROM timescaledb_information.jobs AS j
        WHERE j.proc_name = 'policy_retention' AND j.hypertable_schema = 'bronze'
    ) THEN
        RAISE EXCEPTION 'a retention policy of TimescaleDB on bronze would drop rows that are not '
                        'loaded'
            USING HINT = 'Remove it with remove_retention_policy; _etl.sp_retain_bronze does its '
                         'work';
    END IF;
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*) FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze'
    ) <> 1 THEN
        RAISE EXCEPTION 'there must be one job for _etl.sp_retain_bronze';
    END IF;
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*) FROM timescaledb_information.jobs AS j
        WHERE j.proc_name = 'policy_retention' AND j.hypertable_schema = 'silver'
    ) <> 11 THEN
        RAISE EXCEPTION 'each of silver''s eleven hypertables must have its retention policy'
            USING HINT = 'Add what is missing with add_retention_policy';
    END IF;
END
$verify$;
