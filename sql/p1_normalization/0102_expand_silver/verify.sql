-- what: v2's hypertables have their natural keys
DO $verify$
DECLARE
    v_staged boolean := to_regnamespace('_stage') IS NOT NULL;
    v_wrong text;
BEGIN
    SELECT string_agg(format('%I.%I', t.schema, c.table_name), ', ')
    INTO v_wrong
    FROM _archive.migrated_tables AS c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN v_staged THEN '_stage' ELSE c.schema_name END AS schema
    ) AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM timescaledb_information.dimensions AS d
        WHERE d.hypertable_schema = t.schema AND d.hypertable_name = c.table_name
            AND d.column_name = c.v2_time
    ) OR NOT EXISTS (
        SELECT 1 FROM pg_index AS i
        WHERE i.indrelid = to_regclass(format('%I.%I', t.schema, c.table_name)) AND i.indisunique
            AND (
                SELECT array_agg(a.attname::text ORDER BY k.place)
                FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                INNER JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            ) = c.v2_key
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'v2 hypertables are missing, or lack their natural key'
            USING DETAIL = v_wrong;
    END IF;
END
$verify$;
