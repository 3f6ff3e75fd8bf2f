-- what: gold reads v2's silver: its views are there and each aggregate has one refresh job
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(v.name, ', ') INTO v_wrong
    FROM (VALUES
        ('gold.v_live_machine_status', 'machine_iot_id', true),
        ('gold.v_oee_dashboard', 'machine_iot_id', true),
        ('gold.v_production_dashboard', 'machine_iot_id', false),
        ('gold.v_downtime_dashboard', 'machine_iot_id', false)
    ) AS v (name, key_column, in_every_edition)
    WHERE (v.in_every_edition OR current_setting('timescaledb.license') <> 'apache')
        AND NOT EXISTS (
            SELECT 1 FROM pg_attribute AS a
            WHERE a.attrelid = to_regclass(v.name) AND a.attname = v.key_column
        );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'gold views are missing, or not on integer keys' USING DETAIL = v_wrong;
    END IF;
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*)
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = 'gold' AND c.hypertable_schema = 'silver'
    ) <> 8 THEN
        RAISE EXCEPTION 'gold must have eight continuous aggregates over silver';
    END IF;
END
$verify$;
