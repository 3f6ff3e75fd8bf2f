-- what: bronze and silver are hypertables on their time, with identity, natural key and sweep index
DO $check$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(w.what, ', ')
    INTO v_wrong
    FROM (
        SELECT format('%s is not a hypertable on time', w.source_table) AS what
        FROM _etl.watermarks AS w
        WHERE NOT EXISTS (
            SELECT 1
            FROM timescaledb_information.dimensions AS d
            WHERE format('%I.%I', d.hypertable_schema, d.hypertable_name)::regclass
                = to_regclass(w.source_table)
                AND d.column_name = 'time' AND d.dimension_type = 'Time'
        )
        UNION ALL
        SELECT format('%s is not a hypertable', w.target_table)
        FROM _etl.watermarks AS w
        WHERE NOT EXISTS (
            SELECT 1
            FROM timescaledb_information.hypertables AS h
            WHERE format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass
                = to_regclass(w.target_table)
        )
        UNION ALL
        SELECT format('%s has no natural key that begins with machine_iot_id', w.target_table)
        FROM _etl.watermarks AS w
        WHERE NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            INNER JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = to_regclass(w.target_table) AND i.indisunique
                AND a.attname = 'machine_iot_id'
        )
        UNION ALL
        SELECT format('the id of %s is not GENERATED ALWAYS', w.source_table)
        FROM _etl.watermarks AS w
        WHERE NOT EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            WHERE a.attrelid = to_regclass(w.source_table) AND a.attname = 'id'
                AND a.attidentity = 'a'
        )
        UNION ALL
        SELECT format('%s must have CACHE 1, INCREMENT 1 and NO CYCLE', s.seqrelid::regclass)
        FROM _etl.watermarks AS w
        INNER JOIN pg_sequence AS s
            ON s.seqrelid = pg_get_serial_sequence(w.source_table, 'id')::regclass
        WHERE s.seqcache <> 1 OR s.seqincrement <> 1 OR s.seqcycle
    ) AS w;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'tables of the pipelines are not as the loads need them'
            USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(t.relation::text, ', ')
    INTO v_wrong
    FROM (
        SELECT to_regclass(w.source_table) AS relation
        FROM _etl.watermarks AS w
        UNION ALL
        SELECT format('%I.%I', c.chunk_schema, c.chunk_name)::regclass
        FROM timescaledb_information.chunks AS c
        WHERE c.hypertable_schema = 'bronze'
    ) AS t
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_index AS i
        WHERE i.indrelid = t.relation AND i.indisvalid
            AND pg_get_indexdef(i.indexrelid) LIKE '%(id, "time" DESC)'
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the index (id, time DESC) is missing or invalid' USING DETAIL = v_wrong;
    END IF;
END
$check$;
