-- asks chunk_permissions: Has each chunk the owner and the rights of its hypertable?
-- why chunk_permissions: A query that needs such a chunk fails, and only that one
-- asks segments_are_few: Do the columns that the column store segments by have few values?
-- why segments_are_few: A segment of few rows is hardly compressed
-- asks indexes_are_valid: Is each index whole?
-- why indexes_are_valid: A build that was interrupted leaves an index that costs and serves nobody
-- asks indexes_are_used: Is each index used that is none of a key?
-- why indexes_are_used: Each index costs an insert, memory and disk
-- asks indexes_are_distinct: Is there one index of a kind?
-- why indexes_are_distinct: The second one costs what the first one does and adds nothing
-- asks tables_are_analysed: Does the planner know the sizes of tables?
-- why tables_are_analysed: Without statistics it guesses, and a load may take the slow way
-- asks hypertable_candidates: Is there a big table of your own with times that is no hypertable?
-- why hypertable_candidates: Retention and compression come with a hypertable
WITH hypertable AS (
    SELECT h.hypertable_schema AS schema, h.hypertable_name AS name, c.oid, c.relacl, c.relowner
    FROM timescaledb_information.hypertables AS h
    INNER JOIN pg_namespace AS n ON n.nspname = h.hypertable_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = h.hypertable_name
),
chunk AS (
    SELECT h.schema, h.name, h.oid AS hypertable, c.oid, c.relname, c.relowner,
        h.relowner AS owner_of_hypertable,
        -- Without the order of entries, and with the owner's own rights written out.
        (
            SELECT array_agg(a.grantee::text || a.privilege_type || a.is_grantable::text ORDER BY 1)
            FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
        ) AS acl,
        (
            SELECT array_agg(a.grantee::text || a.privilege_type || a.is_grantable::text ORDER BY 1)
            FROM aclexplode(coalesce(h.relacl, acldefault('r', h.relowner))) AS a
        ) AS acl_of_hypertable
    FROM hypertable AS h
    INNER JOIN pg_inherits AS i ON i.inhparent = h.oid
    INNER JOIN pg_class AS c ON c.oid = i.inhrelid
),
index AS (
    -- The indexes of a hypertable's chunks count for its own: the root holds no row.
    SELECT t.schema, t.name, p.indexrelid, r.relname AS index_name,
        substring(pg_get_indexdef(p.indexrelid) FROM ' USING .*') AS definition,
        p.indisunique, p.indisvalid,
        coalesce(s.idx_scan, 0) + coalesce(k.scans, 0) AS scans,
        pg_relation_size(p.indexrelid) + coalesce(k.bytes, 0) AS bytes
    FROM (
        SELECT n.nspname AS schema, c.relname AS name, c.oid
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm')
            AND n.nspname IN ('master', 'bronze', 'silver', 'gold', 'alerting', 'config', '_etl',
                'public')
    ) AS t
    INNER JOIN pg_index AS p ON p.indrelid = t.oid
    INNER JOIN pg_class AS r ON r.oid = p.indexrelid
    LEFT JOIN pg_stat_user_indexes AS s ON s.indexrelid = p.indexrelid
    LEFT JOIN LATERAL (
        SELECT sum(u.idx_scan) AS scans, sum(pg_relation_size(x.indexrelid)) AS bytes
        FROM chunk AS c
        INNER JOIN pg_index AS x ON x.indrelid = c.oid
        LEFT JOIN pg_stat_user_indexes AS u ON u.indexrelid = x.indexrelid
        WHERE c.hypertable = t.oid
            AND substring(pg_get_indexdef(x.indexrelid) FROM ' USING .*')
                = substring(pg_get_indexdef(p.indexrelid) FROM ' USING .*')
    ) AS k ON true
)
SELECT 'chunk_permissions', 'error', format('%s.%s', c.schema, c.name),
    format('has %s chunks with %s than its own, such as %s', count(*),
        CASE WHEN bool_or(c.relowner <> c.owner_of_hypertable) THEN 'another owner'
            ELSE 'other rights' END,
        min(c.relname)),
    format('GRANT the hypertable''s rights once more: they go to each chunk; or ALTER TABLE '
        '%I.%I OWNER TO %I;',
        c.schema, c.name, pg_get_userbyid(min(c.owner_of_hypertable::bigint)::oid))
FROM chunk AS c
WHERE c.acl IS DISTINCT FROM c.acl_of_hypertable OR c.relowner <> c.owner_of_hypertable
GROUP BY c.schema, c.name
UNION ALL
SELECT 'segments_are_few', 'warning', format('%s.%s', h.schema, h.name),
    format('is segmented by %s, whose values grow with the rows', s.attname),
    'Choose another timescaledb.segmentby, in a revision'
FROM hypertable AS h
INNER JOIN timescaledb_information.hypertable_compression_settings AS c ON c.hypertable::oid = h.oid
INNER JOIN pg_stats AS s
    ON s.schemaname = h.schema AND s.tablename = h.name
    AND s.attname = ANY (string_to_array(replace(c.segmentby, '"', ''), ','))
WHERE s.n_distinct < 0
    AND approximate_row_count(h.oid::regclass) > current_setting('setu_doctor.rows')::bigint
UNION ALL
SELECT 'indexes_are_valid', 'error', format('%s.%s', i.schema, i.name),
    format('has index %s, which is not valid', i.index_name),
    format('DROP INDEX %I.%I; and build it anew', i.schema, i.index_name)
FROM index AS i
WHERE NOT i.indisvalid
UNION ALL
SELECT 'indexes_are_used', 'advice', format('%s.%s', i.schema, i.name),
    format('has index %s of %s that no query has used', i.index_name, pg_size_pretty(i.bytes)),
    'See that this has been so for weeks, then drop it in a revision'
FROM index AS i
WHERE i.scans = 0 AND NOT i.indisunique AND i.indisvalid
    AND i.bytes > current_setting('setu_doctor.bytes')::bigint
UNION ALL
SELECT 'indexes_are_distinct', 'advice', format('%s.%s', i.schema, i.name),
    format('has indexes %s, which are the same',
        string_agg(i.index_name, ' and ' ORDER BY i.index_name)),
    format('DROP INDEX %I.%I; in a revision', i.schema,
        max(i.index_name) FILTER (WHERE NOT i.indisunique))
FROM index AS i
GROUP BY i.schema, i.name, i.definition
HAVING count(*) > 1 AND bool_or(NOT i.indisunique)
UNION ALL
SELECT 'tables_are_analysed', 'warning', format('%I.%I', n.nspname, c.relname),
    format('has %s pages and was never analysed', c.relpages_now),
    format('ANALYZE %I.%I; and see why autovacuum does not', n.nspname, c.relname)
FROM (
    SELECT k.relname, k.relnamespace, k.reltuples, k.relkind,
        pg_relation_size(k.oid) / 8192 AS relpages_now
    FROM pg_class AS k
) AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.reltuples < 0
    AND n.nspname IN ('master', 'bronze', 'silver', 'gold', 'alerting', 'config', '_etl')
    AND c.relpages_now * 8192 > current_setting('setu_doctor.bytes')::bigint
UNION ALL
SELECT DISTINCT 'hypertable_candidates', 'advice', format('%s.%s', s.schemaname, s.relname),
    format('has %s rows, an index on time column %s, and is no hypertable', s.n_live_tup,
        a.attname),
    'See create_hypertable, if it grows with time'
FROM pg_stat_user_tables AS s
INNER JOIN pg_index AS i ON i.indrelid = s.relid
INNER JOIN pg_attribute AS a ON a.attrelid = s.relid AND a.attnum = ANY (i.indkey)
INNER JOIN pg_stat_user_indexes AS u ON u.indexrelid = i.indexrelid
WHERE s.schemaname NOT LIKE '\_timescaledb%'
    AND s.schemaname NOT IN ('master', 'bronze', 'silver', 'gold', 'alerting', 'config', '_etl',
        '_archive', '_stage', '_setu')
    AND a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
    AND u.idx_scan > 0
    AND s.n_live_tup > current_setting('setu_doctor.rows')::bigint
    AND NOT EXISTS (SELECT 1 FROM hypertable AS h WHERE h.oid = s.relid)
    AND NOT EXISTS (SELECT 1 FROM pg_inherits AS p
        WHERE p.inhparent = s.relid OR p.inhrelid = s.relid)
