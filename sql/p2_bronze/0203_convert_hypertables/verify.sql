-- what: each flat table is a hypertable on time, without the default index
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(f.table_name, ', ') INTO v_wrong
    FROM _archive.flat_tables AS f
    WHERE NOT EXISTS (
        SELECT 1 FROM timescaledb_information.dimensions AS d
        WHERE d.hypertable_schema = 'bronze' AND d.hypertable_name = f.table_name
            AND d.column_name = 'time' AND d.dimension_type = 'Time'
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'bronze tables are not hypertables on time' USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(i.indexrelid::regclass::text, ', ') INTO v_wrong
    FROM _archive.flat_tables AS f
    INNER JOIN pg_index AS i ON i.indrelid = to_regclass(format('bronze.%I', f.table_name))
    WHERE pg_get_indexdef(i.indexrelid) LIKE '%("time" DESC)';
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'bronze tables have the default index on time, which only costs inserts'
            USING DETAIL = v_wrong;
    END IF;
END
$verify$;
