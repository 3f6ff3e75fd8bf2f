-- Hypertables under the name people know: the table's, or that of the continuous aggregate which
-- an internal table holds. Ids of hypertables and jobs differ between databases and are not shown.
, known_hypertable AS (
    SELECT
        h.id,
        c.oid AS relid,
        h.schema_name,
        h.table_name,
        coalesce(g.user_view_schema, h.schema_name) AS shown_schema,
        quote_ident(coalesce(g.user_view_schema, h.schema_name)) || '.'
            || quote_ident(coalesce(g.user_view_name, h.table_name)) AS label
    FROM _timescaledb_catalog.hypertable AS h
    -- Not by a cast to regclass: that needs a right on the schema.
    INNER JOIN pg_namespace AS n ON n.nspname = h.schema_name
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = h.table_name
    LEFT JOIN _timescaledb_catalog.continuous_agg AS g ON g.mat_hypertable_id = h.id
),
covered_hypertable AS (
    SELECT h.*
    FROM known_hypertable AS h
    INNER JOIN covered_schema AS s ON s.name = h.shown_schema
),
covered_job AS (
    SELECT
        j.*,
        b.timezone,
        quote_ident(j.proc_schema) || '.' || quote_ident(j.proc_name)
            || coalesce(' on ' || h.label, '') AS label
    FROM timescaledb_information.jobs AS j
    INNER JOIN _timescaledb_config.bgw_job AS b ON b.id = j.job_id
    LEFT JOIN known_hypertable AS h
        ON (h.schema_name = j.hypertable_schema AND h.table_name = j.hypertable_name)
        OR (h.label = quote_ident(j.hypertable_schema) || '.' || quote_ident(j.hypertable_name))
    -- Jobs below 1000 are TimescaleDB's own.
    WHERE j.job_id >= 1000
        AND (
            (h.id IS NULL AND current_setting('setu_catalog.schemas') = '')
            OR h.id IN (SELECT c.id FROM covered_hypertable AS c)
            OR (h.id IS NULL AND j.proc_schema IN (SELECT s.name FROM covered_schema AS s))
        )
)
SELECT
    'hypertable' AS kind,
    h.label AS name,
    jsonb_build_object(
        'column_store', CASE WHEN i.compression_enabled THEN true END,
        'segment_by', to_jsonb(s.segmentby),
        'order_by', (
            SELECT jsonb_agg(
                quote_ident(o.name)
                    || CASE WHEN o.descending THEN ' DESC' ELSE '' END
                    || CASE
                        WHEN o.nulls_first AND NOT o.descending THEN ' NULLS FIRST'
                        WHEN o.descending AND NOT o.nulls_first THEN ' NULLS LAST'
                        ELSE ''
                    END
                ORDER BY o.position
            )
            FROM unnest(s.orderby, s.orderby_desc, s.orderby_nullsfirst)
                WITH ORDINALITY AS o (name, descending, nulls_first, position)
        ),
        'sparse_indexes', (
            SELECT jsonb_agg(x.entry - 'source' ORDER BY x.entry::text)
            -- Some versions hold a JSON null where there are none; lax mode takes it as it comes.
            FROM jsonb_path_query(
                to_jsonb(s) -> 'index', '$[*] ? (@.source == "config")'
            ) AS x (entry)
        ),
        'tablespaces', to_jsonb(i.tablespaces),
        'chunk_skipping', (
            SELECT jsonb_agg(x.label ORDER BY x.label)
            FROM (
                SELECT DISTINCT quote_ident(k.column_name)
                FROM _timescaledb_catalog.chunk_column_stats AS k
                WHERE k.hypertable_id = h.id
            ) AS x (label)
        )
    ) AS fields
FROM covered_hypertable AS h
LEFT JOIN timescaledb_information.hypertables AS i
    ON i.hypertable_schema = h.schema_name AND i.hypertable_name = h.table_name
LEFT JOIN _timescaledb_catalog.compression_settings AS s ON s.relid = h.relid
UNION ALL
SELECT
    'dimension' AS kind,
    h.label || '.' || quote_ident(d.column_name) AS name,
    jsonb_build_object(
        'position', row_number() OVER (PARTITION BY h.id ORDER BY d.id),
        'type', d.column_type::text,
        'chunk_interval', CASE
            WHEN d.column_type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
            THEN (justify_hours(make_interval(secs => d.interval_length / 1000000.0)))::text
            ELSE d.interval_length::text
        END,
        'partitions', d.num_slices,
        'partitioning_function', d.partitioning_func_schema || '.' || d.partitioning_func,
        'integer_now_function', d.integer_now_func_schema || '.' || d.integer_now_func,
        'compressed_chunk_interval', d.compress_interval_length
    ) AS fields
FROM covered_hypertable AS h
INNER JOIN _timescaledb_catalog.dimension AS d ON d.hypertable_id = h.id
UNION ALL
SELECT
    'job' AS kind,
    j.label || CASE
        WHEN count(*) OVER (PARTITION BY j.label) > 1 THEN ' #' || (row_number() OVER (
            PARTITION BY j.label
            ORDER BY (j.config - 'hypertable_id' - 'mat_hypertable_id')::text COLLATE "C", j.job_id
        ))::text
        ELSE ''
    END AS name,
    jsonb_build_object(
        'name', CASE
            WHEN j.proc_schema NOT LIKE '\_timescaledb\_%'
            THEN regexp_replace(j.application_name, ' ?\[\d+\]$', '')
        END,
        'schedule_interval', j.schedule_interval::text,
        'fixed_schedule', j.fixed_schedule,
        'max_runtime', j.max_runtime::text,
        'max_retries', j.max_retries,
        'retry_period', j.retry_period::text,
        'config', j.config - 'hypertable_id' - 'mat_hypertable_id',
        'owner', (SELECT o.name FROM shown_owner AS o WHERE o.oid = j.owner::regrole),
        'scheduled', j.scheduled,
        'timezone', j.timezone,
        'check', CASE
            WHEN j.proc_schema NOT LIKE '\_timescaledb\_%'
            THEN quote_ident(j.check_schema) || '.' || quote_ident(j.check_name)
        END
    ) AS fields
FROM covered_job AS j
UNION ALL
SELECT
    'continuous aggregate' AS kind,
    h.label AS name,
    jsonb_build_object(
        'source', quote_ident(g.hypertable_schema) || '.' || quote_ident(g.hypertable_name),
        'materialized_only', g.materialized_only,
        'finalized', coalesce((to_jsonb(g) ->> 'finalized')::boolean, true),
        'definition', g.view_definition,
        'indexes', (
            SELECT jsonb_agg(x.definition ORDER BY x.definition COLLATE "C")
            FROM pg_index AS i
            CROSS JOIN LATERAL (
                SELECT regexp_replace(
                    pg_get_indexdef(i.indexrelid),
                    '_materialized_hypertable_\d+', '<materialization>', 'g'
                )
            ) AS x (definition)
            WHERE i.indrelid = h.relid
        )
    ) AS fields
FROM timescaledb_information.continuous_aggregates AS g
INNER JOIN covered_hypertable AS h
    ON h.schema_name = g.materialization_hypertable_schema
    AND h.table_name = g.materialization_hypertable_name
