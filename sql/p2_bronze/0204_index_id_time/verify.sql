-- what: the indexes are there, valid, on each hypertable and on each of its chunks
DO $verify$
DECLARE
    v_wrong text;
BEGIN
    SELECT string_agg(t.relation::text, ', ') INTO v_wrong
    FROM (
        SELECT to_regclass(format('bronze.%I', f.table_name)) AS relation
        FROM _archive.flat_tables AS f
        UNION ALL
        SELECT format('%I.%I', c.chunk_schema, c.chunk_name)::regclass
        FROM _archive.flat_tables AS f
        INNER JOIN timescaledb_information.chunks AS c
            ON c.hypertable_schema = 'bronze' AND c.hypertable_name = f.table_name
    ) AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_index AS i
        WHERE i.indrelid = t.relation AND i.indisvalid
            AND pg_get_indexdef(i.indexrelid) LIKE '%(id, "time" DESC)'
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the index (id, time DESC) is missing or invalid' USING DETAIL = v_wrong;
    END IF;
END
$verify$;
