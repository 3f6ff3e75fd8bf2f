-- what: both hypertables have their column-store settings and one policy each (community edition)
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    IF current_setting('timescaledb.license') = 'apache' THEN
        RETURN;  -- no column store there
    END IF;
    SELECT string_agg(t.name, ', ')
    INTO v_wrong
    FROM (VALUES
        ('bronze', 'raw_machine_cycles'), ('silver', 'machine_cycles')
    ) AS t (schema, name)
    WHERE NOT EXISTS (
        SELECT 1 FROM timescaledb_information.compression_settings AS s
        WHERE s.hypertable_schema = t.schema AND s.hypertable_name = t.name
            AND s.attname = 'machine_iot_id' AND s.segmentby_column_index = 1
    ) OR (
        SELECT count(*) FROM timescaledb_information.jobs AS j
        WHERE j.hypertable_schema = t.schema AND j.hypertable_name = t.name
            AND j.proc_name = 'policy_compression'
    ) <> 1;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'hypertables lack their column-store settings or policy' USING DETAIL = v_wrong;
    END IF;
END
$verify$;
