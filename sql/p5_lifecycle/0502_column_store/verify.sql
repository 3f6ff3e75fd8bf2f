-- what: hypertables of bronze and silver have column-store settings and a policy (community)
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    IF current_setting('timescaledb.license') = 'apache' THEN
        RETURN;  -- no column store there
    END IF;
    SELECT string_agg(format('%s.%s', h.hypertable_schema, h.hypertable_name), ', ')
    INTO v_wrong
    FROM timescaledb_information.hypertables AS h
    WHERE h.hypertable_schema IN ('bronze', 'silver') AND (
        NOT EXISTS (
            SELECT 1 FROM timescaledb_information.compression_settings AS s
            WHERE s.hypertable_schema = h.hypertable_schema
                AND s.hypertable_name = h.hypertable_name
                AND s.attname = 'machine_iot_id' AND s.segmentby_column_index = 1
        ) OR (
            SELECT count(*) FROM timescaledb_information.jobs AS j
            WHERE j.hypertable_schema = h.hypertable_schema
                AND j.hypertable_name = h.hypertable_name
                AND j.proc_name = 'policy_compression'
        ) <> 1
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'hypertables lack their column-store settings or policy'
            USING DETAIL = v_wrong;
    END IF;
END
$verify$;
