-- must sequences_give_each_id_once: Bronze ids are drawn one by one, upwards, and never twice
-- must sequences_have_room: No sequence comes near the end of its range
-- must tables_are_hypertables: Each pipeline's source and target is there, as a hypertable
-- must rows_are_not_hidden: No row policy, no row in a hypertable's own table, nothing unlogged
-- must triggers_are_on: No trigger of SETU's tables is switched off
WITH fact AS (
    SELECT l.pipeline, s.schema, s.name, c.oid, c.relpersistence, c.relrowsecurity,
        s.schema = 'bronze' AS source
    FROM _etl.v_pipeline_lag AS l
    CROSS JOIN LATERAL (
        VALUES ('bronze', 'raw_' || l.pipeline), ('silver', l.pipeline)
    ) AS s (schema, name)
    LEFT JOIN pg_namespace AS n ON n.nspname = s.schema
    LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.name
),
id_sequence AS (
    SELECT format('%I.%I', n.nspname, q.relname) AS sequence, q.oid, f.pipeline, f.name,
        s.seqcache, s.seqincrement, s.seqcycle, s.seqmax, s.seqstart, s.seqmin
    FROM fact AS f
    INNER JOIN pg_attribute AS a ON a.attrelid = f.oid AND a.attname = 'id'
    INNER JOIN pg_depend AS d
        ON d.refobjid = f.oid AND d.refobjsubid = a.attnum
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
        AND d.deptype IN ('i', 'a')
    INNER JOIN pg_class AS q ON q.oid = d.objid AND q.relkind = 'S'
    INNER JOIN pg_namespace AS n ON n.oid = q.relnamespace
    INNER JOIN pg_sequence AS s ON s.seqrelid = q.oid
    WHERE f.source
),
sequence_fault AS (
    SELECT i.sequence, i.name, w.what, w.change
    FROM id_sequence AS i
    CROSS JOIN LATERAL (
        VALUES
            (i.seqcache <> 1, format('keeps %s ids ahead for each session: rows with the lower '
                'ones are passed over, for good', i.seqcache), 'CACHE 1'),
            (i.seqincrement <> 1, format('steps by %s', i.seqincrement), 'INCREMENT BY 1'),
            (i.seqcycle, 'starts over at its end, with ids that count as loaded', 'NO CYCLE'),
            (i.seqmax < 9223372036854775807, format('ends at %s', i.seqmax), 'NO MAXVALUE')
    ) AS w (wrong, what, change)
    WHERE w.wrong
)
SELECT 'sequences_give_each_id_once', s.sequence, s.what,
    format('ALTER SEQUENCE %s %s; with the sinks stopped, and then send again what was passed over',
        s.sequence, s.change)
FROM sequence_fault AS s
UNION ALL
SELECT 'sequences_give_each_id_once', format('bronze.%I', f.name),
    'draws no ids: column id has no sequence',
    'setu drift, which names what is missing'
FROM fact AS f
WHERE f.source AND f.oid IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM id_sequence AS i WHERE i.name = f.name)
UNION ALL
SELECT 'sequences_give_each_id_once', l.pipeline,
    format('is %s ids ahead of its sequence, which went back', greatest(
        -l.rows_behind, l.fence_id - l.newest_id)),
    'Stop the sinks, and see "A sequence that went back" in docs/operations.md'
FROM _etl.v_pipeline_lag AS l
WHERE l.rows_behind < 0 OR l.fence_id > l.newest_id
UNION ALL
SELECT 'sequences_have_room', x.sequence_name,
    format('has used %s %% of its range', round(100 * x.used)),
    'Change its column to bigint in a revision, before it ends'
FROM _etl.fn_sequence_use() AS x
WHERE x.used > 0.8
UNION ALL
SELECT 'tables_are_hypertables', f.pipeline,
    CASE WHEN f.oid IS NULL THEN format('has no table %I.%I', f.schema, f.name)
        ELSE format('%I.%I is no hypertable', f.schema, f.name) END,
    'setu drift, which names what is missing'
FROM fact AS f
WHERE NOT EXISTS (
    SELECT 1 FROM timescaledb_information.hypertables AS h
    WHERE h.hypertable_schema = f.schema AND h.hypertable_name = f.name
)
UNION ALL
-- A hypertable's own table is empty, to the byte. No query shows what is in it.
SELECT 'rows_are_not_hidden', format('%I.%I', f.schema, f.name),
    format('has %s of rows outside its chunks, which no query finds: they came while '
        'timescaledb.restoring was on', pg_size_pretty(pg_relation_size(f.oid))),
    'See "Rows that hide" in docs/operations.md'
FROM fact AS f
WHERE pg_relation_size(f.oid) > 0
    AND EXISTS (
        SELECT 1 FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema = f.schema AND h.hypertable_name = f.name
    )
UNION ALL
SELECT 'rows_are_not_hidden', format('%I.%I', f.schema, f.name),
    'has row security on, which hides rows from the loads',
    format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY;', f.schema, f.name)
FROM fact AS f
WHERE f.relrowsecurity
UNION ALL
SELECT 'rows_are_not_hidden', format('%I.%I', f.schema, f.name),
    'is unlogged: a crash of the server empties it',
    format('ALTER TABLE %I.%I SET LOGGED;', f.schema, f.name)
FROM fact AS f
WHERE f.relpersistence = 'u'
UNION ALL
SELECT 'triggers_are_on', format('%I.%I', n.nspname, c.relname),
    format('has its trigger %s switched off', t.tgname),
    format('ALTER TABLE %I.%I ENABLE TRIGGER %I;', n.nspname, c.relname, t.tgname)
FROM pg_trigger AS t
INNER JOIN pg_class AS c ON c.oid = t.tgrelid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('master', 'silver', 'bronze', 'gold', 'config', 'alerting', '_etl')
    AND t.tgenabled IN ('D', 'R')
