-- New: the statement that loads one batch of a pipeline, for every fact whose rows stand on their
-- own. What differs from fact to fact is its view, _etl.v_transform_<pipeline>; silver's unique key
-- and columns say the rest. SELECT it to read it, or to EXPLAIN it with four parameters.
--
-- Two rows of one key merge column by column: a known value beats an unknown one, and of two known
-- ones the greater stays. That gives the same whatever the order and the grouping in which the rows
-- come, so neither batches nor late arrival can show in silver.
CREATE FUNCTION _etl.fn_load_statement(p_pipeline text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source regclass;
    v_target regclass;
    v_key text[];
    v_part record;
    v_statement text := $statement$
WITH picked AS (
    -- The bound on arrival time rules old chunks out; the second half finds what it shuts out.
    SELECT b.*
    FROM (
        (
            SELECT r.*, false AS is_late
            FROM {transform} AS r
            WHERE r.id > $1 AND r.id <= $2 AND r.time >= $3
            ORDER BY r.id
            LIMIT $4
        )
        UNION ALL
        (
            SELECT r.*, true AS is_late
            FROM {transform} AS r
            WHERE r.id > $1 AND r.id <= $2 AND r.time < $3
            ORDER BY r.id
            LIMIT $4
        )
    ) AS b
    ORDER BY b.id
    LIMIT $4
),
judged AS MATERIALIZED (
    SELECT
        p.id,
        p.time,
        p.is_late,
        p.machine_iot_id AS sent_iot_id,
        m.iot_id AS machine_iot_id,
        m.company_iot_id,
        pl.iot_id AS plant_iot_id,
        coalesce(pl.timezone, 'Asia/Kolkata') AS timezone,
        {transformed},
        CASE
            WHEN m.iot_id IS NULL THEN 'unknown_machine'
            WHEN p.{instant} IS NULL THEN 'missing_{word}'
            WHEN p.{instant} < '1970-01-01 00:00:00+00' OR p.{instant} >= '2200-01-01 00:00:00+00'
                THEN '{word}_out_of_range'
            WHEN num_nulls({key_parts}) > 0 THEN 'missing_key'
            ELSE p.fault
        END AS reason_code
    FROM picked AS p
    LEFT JOIN master.machine_info AS m ON m.iot_id = p.machine_iot_id
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    LEFT JOIN master.plants AS pl ON pl.iot_id = pm.plant_iot_id
),
rejected AS (
    INSERT INTO _etl.rejected_rows (pipeline, bronze_id, bronze_time, reason_code, detail, row_data)
    SELECT
        {pipeline},
        j.id,
        j.time,
        j.reason_code,
        CASE j.reason_code
            WHEN 'unknown_machine' THEN
                format('machine_iot_id %s (device %s) is not in master.machine_info',
                    j.sent_iot_id, b.sent ->> 'device_id')
            WHEN 'missing_{word}' THEN '{instant} is null'
            WHEN '{word}_out_of_range' THEN
                format('{instant} %s is not between 1970 and 2200', j.{instant})
            ELSE
                format('{target} cannot take %s', b.sent - ARRAY[
                    'id', 'time', 'kafka_partition', 'kafka_offset', 'device_id', 'machine_iot_id'
                ])
        END,
        b.sent
    FROM judged AS j
    -- The row as it was sent, read again: to carry it along for the few would cost all the others.
    CROSS JOIN LATERAL (
        SELECT to_jsonb(r) AS sent
        FROM {source} AS r
        WHERE r.id = j.id AND r.time = j.time AND r.machine_iot_id = j.sent_iot_id
        LIMIT 1
    ) AS b
    WHERE j.reason_code IS NOT NULL
    ON CONFLICT (pipeline, bronze_id) DO NOTHING
),
incoming AS (
    SELECT
        {key},
        min(j.company_iot_id) AS company_iot_id,
        min(j.plant_iot_id) AS plant_iot_id,
        min(j.{instant} AT TIME ZONE j.timezone) AS wall,
        {greatest_in_batch}
    FROM judged AS j
    WHERE j.reason_code IS NULL
    GROUP BY {key}
),
written AS (
    INSERT INTO {target} AS t (logical_date, company_iot_id, shift_id, shift_name, {key}, {own})
    SELECT
        i.wall::date - coalesce(w.days_back, 0),
        i.company_iot_id,
        coalesce(w.shift_id, 0::smallint),
        CASE WHEN w.shift_id IS NULL THEN 'UNKNOWN' ELSE w.shift_name END,
        {key},
        {own}
    FROM incoming AS i
    LEFT JOIN master.v_shift_windows AS w
        ON w.plant_iot_id = i.plant_iot_id
        AND i.wall::time >= w.starts_at
        AND i.wall::time < w.ends_before
    -- Neighbours in the index are written one after the other.
    ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE
    SET {set_greatest}
    WHERE ({stored}) IS DISTINCT FROM ({greatest})
    -- Only a row that was there before has been locked, and so has an xmax.
    RETURNING t.xmax = 0 AS is_new
),
counted AS (
    SELECT
        count(*) AS rows_read,
        count(*) FILTER (WHERE j.reason_code IS NOT NULL) AS rows_rejected,
        count(*) FILTER (WHERE j.is_late) AS rows_late,
        max(j.id) AS last_id,
        max(j.time) AS last_ts
    FROM judged AS j
),
new_rows AS (
    SELECT count(*) AS rows_loaded FROM written AS w WHERE w.is_new
)
SELECT
    CASE WHEN c.rows_read < $4 THEN $2 ELSE c.last_id END AS to_id,
    c.last_ts AS to_ts,
    c.rows_read,
    n.rows_loaded,
    c.rows_read - c.rows_rejected - n.rows_loaded AS rows_merged,
    c.rows_rejected,
    c.rows_late
FROM counted AS c
CROSS JOIN new_rows AS n
$statement$;
BEGIN
    SELECT w.source_table::regclass, w.target_table::regclass INTO STRICT v_source, v_target
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;

    -- Silver's key: the machine, the instant, and in some tables a third column.
    SELECT array_agg(a.attname ORDER BY k.place) INTO STRICT v_key
    FROM pg_constraint AS u
    CROSS JOIN LATERAL unnest(u.conkey) WITH ORDINALITY AS k (attnum, place)
    INNER JOIN pg_attribute AS a ON a.attrelid = u.conrelid AND a.attnum = k.attnum
    WHERE u.conrelid = v_target AND u.contype = 'u';

    FOR v_part IN
        WITH own AS (
            -- Text compares byte by byte, or the greater would depend on the server's locale.
            SELECT
                a.attnum,
                quote_ident(a.attname) AS name,
                CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END AS collation
            FROM pg_attribute AS a
            WHERE a.attrelid = v_target AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attname <> ALL (v_key)
                AND a.attname <> ALL ('{logical_date,company_iot_id,shift_id,shift_name,created_at}')
        ),
        key AS (
            SELECT k.place, quote_ident(k.name) AS name
            FROM unnest(v_key) WITH ORDINALITY AS k (name, place)
        ),
        own_lists AS (
            SELECT
                string_agg(o.name, ', ' ORDER BY o.attnum) AS own,
                string_agg(format('p.%s', o.name), ', ' ORDER BY o.attnum) AS transformed,
                string_agg(format('max(j.%1$s%2$s) AS %1$s', o.name, o.collation), ', ' ORDER BY o.attnum)
                    AS greatest_in_batch,
                string_agg(format('t.%s', o.name), ', ' ORDER BY o.attnum) AS stored,
                string_agg(format('greatest(t.%1$s%2$s, excluded.%1$s)', o.name, o.collation), ', ' ORDER BY o.attnum)
                    AS greatest,
                string_agg(format('%1$s = greatest(t.%1$s%2$s, excluded.%1$s)', o.name, o.collation), ', ' ORDER BY o.attnum)
                    AS set_greatest
            FROM own AS o
        ),
        key_lists AS (
            SELECT
                string_agg(k.name, ', ' ORDER BY k.place) AS key,
                string_agg(format('p.%s', k.name), ', ' ORDER BY k.place) FILTER (WHERE k.place > 1) AS key_parts
            FROM key AS k
        )
        SELECT part.name, part.text
        FROM own_lists AS o
        CROSS JOIN key_lists AS k
        CROSS JOIN LATERAL (VALUES
            ('pipeline', quote_literal(p_pipeline)),
            ('transform', format('_etl.%I', 'v_transform_' || p_pipeline)),
            ('source', v_source::text),
            ('target', v_target::text),
            ('instant', quote_ident(v_key[2])),
            ('word', CASE WHEN v_key[2] LIKE '%\_start' THEN 'start' ELSE 'time' END),
            ('key', k.key),
            ('key_parts', k.key_parts),
            ('own', o.own),
            ('transformed', k.key_parts || ', ' || o.transformed),
            ('greatest_in_batch', o.greatest_in_batch),
            ('stored', o.stored),
            ('greatest', o.greatest),
            ('set_greatest', o.set_greatest)
        ) AS part (name, text)
    LOOP
        v_statement := replace(v_statement, '{' || v_part.name || '}', v_part.text);
    END LOOP;
    RETURN v_statement;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_load_statement(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_load_statement(text) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_load_statement(text) IS
    'The statement of a batch; $1: after this id, $2: up to this id, $3: arrival since, $4: rows at most';
