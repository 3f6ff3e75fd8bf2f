-- what: v2's hypertables have their natural keys, and until the swap v1's triggers are on
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
        RAISE EXCEPTION 'v2 hypertables are missing, or lack their natural key' USING DETAIL = v_wrong;
    END IF;
    SELECT string_agg(format('%s on %I.%I', g.name, c.schema_name, c.table_name), ', ')
    INTO v_wrong
    FROM _archive.migrated_tables AS c
    CROSS JOIN (
        VALUES ('setu_note_insert'), ('setu_note_update'), ('setu_note_delete'), ('setu_note_truncate')
    ) AS g (name)
    WHERE v_staged AND NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass(format('%I.%I', c.schema_name, c.table_name))
            AND t.tgname = g.name AND t.tgenabled IN ('A', 'O')
    );
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'triggers that note v1''s changes are missing or disabled' USING DETAIL = v_wrong,
            HINT = 'Downgrade to 0101 and upgrade again: what v1 changed meanwhile is then looked for';
    END IF;
END
$verify$;
