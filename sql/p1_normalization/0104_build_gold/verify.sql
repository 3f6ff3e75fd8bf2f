-- what: eight continuous aggregates over v2's silver (community edition)
DO $verify$
BEGIN
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*)
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE (c.view_schema, c.hypertable_schema) IN (('_stage', '_stage'), ('gold', 'silver'))
            AND to_regclass('_archive.company_keys') IS NOT NULL
            AND EXISTS (
                SELECT 1 FROM pg_attribute AS a
                WHERE a.attrelid = to_regclass(format('%I.%I', c.view_schema, c.view_name))
                    AND a.attname = 'machine_iot_id'
            )
    ) <> 8 THEN
        RAISE EXCEPTION 'v2 must have eight continuous aggregates over its silver';
    END IF;
END
$verify$;
