-- what: one job drops what is old and loaded from bronze; no policy drops what is merely old
DO $check$
BEGIN
    IF EXISTS (
        SELECT 1
        FROM timescaledb_information.jobs AS j
        WHERE j.proc_name = 'policy_retention' AND j.hypertable_schema = 'bronze'
    ) THEN
        RAISE EXCEPTION 'a retention policy on bronze would drop rows that are not loaded'
            USING HINT = 'Remove it with remove_retention_policy';
    END IF;
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*)
        FROM timescaledb_information.jobs AS j
        WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_retain_bronze'
    ) <> 1 THEN
        RAISE EXCEPTION 'there must be one job for _etl.sp_retain_bronze';
    END IF;
END
$check$;
