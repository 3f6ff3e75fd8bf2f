-- New: the statement that loads one batch of a pipeline, for every fact whose rows stand on their
-- own. Facts differ only in their view, _etl.v_transform_<pipeline>; silver's unique key and
-- columns give the rest. SELECT it to read it, or to EXPLAIN it with four parameters.
--
-- Rows of one key merge column by column: the known value that arrived last counts, and null never
-- erases. A sweep goes by id, so every row that it reads is later than all rows in silver, and the
-- result does not depend on the batches. The one exception is a row that is sent again: it keeps
-- its place in the order of arrival (first_id), so for keys with such a row _etl.later_values says
-- what came after it.
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
WITH guards AS MATERIALIZED (
    -- An aggregate, so that there is one row whatever the settings hold.
    SELECT
        coalesce(min(s.future_limit), INTERVAL '1 day') AS future_limit,
        coalesce(min(s.sender_check), 'reject') = 'reject' AS checks_sender,
        EXISTS (
            SELECT 1 FROM _etl.corrections AS c WHERE c.pipeline = {pipeline}
        ) AS has_corrections,
        EXISTS (
            SELECT 1 FROM _etl.rejected_rows AS r
            WHERE r.pipeline = {pipeline} AND r.is_open AND r.event_time IS NOT NULL
        ) AS has_open,
        EXISTS (
            SELECT 1 FROM _etl.rejected_rows AS r
            WHERE r.pipeline = {pipeline} AND r.is_open AND r.resent_id > $1 AND r.resent_id <= $2
        ) AS has_resent
    FROM _etl.load_settings AS s
),
picked AS (
    -- The bound on arrival time excludes old chunks; the second half finds the rows that it
    -- excludes.
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
enriched AS (
    SELECT
        p.*,
        coalesce(CASE WHEN g.has_resent THEN (
            SELECT r.first_id FROM _etl.rejected_rows AS r
            WHERE r.pipeline = {pipeline} AND r.is_open AND r.resent_id = p.id
        ) END, p.id) AS first_id,
        coalesce(CASE WHEN g.has_resent THEN (
            SELECT r.first_time FROM _etl.rejected_rows AS r
            WHERE r.pipeline = {pipeline} AND r.is_open AND r.resent_id = p.id
        ) END, p.time) AS first_time
    FROM picked AS p
    CROSS JOIN guards AS g
),
validated AS MATERIALIZED (
    SELECT
        p.id,
        p.time,
        p.is_late,
        p.first_id,
        p.first_time,
        p.machine_iot_id AS sent_iot_id,
        m.machine_iot_id,
        m.company_iot_id,
        m.plant_iot_id,
        m.timezone,
        m.plant_timezone,
        m.device_id,
        p.device_id <> m.device_id AS is_mismatch,
        {transformed},
        {key_part} AS key_part,
        {code_columns}
        CASE
            WHEN m.machine_iot_id IS NULL THEN 'unknown_machine'
            WHEN g.checks_sender AND p.device_id <> m.device_id THEN 'sender_mismatch'
            WHEN p.{instant} IS NULL THEN 'missing_{word}'
            WHEN p.{instant} < '1970-01-01 00:00:00+00' OR p.{instant} >= '2200-01-01 00:00:00+00'
                THEN '{word}_out_of_range'
            WHEN p.{instant} > p.first_time + g.future_limit THEN '{word}_in_future'
            WHEN m.timezone IS NULL THEN 'unknown_timezone'
            WHEN {key_part} IS NULL THEN 'missing_key'
            -- What an entry of the index holds, whether or not it can be compressed.
            WHEN octet_length({key_part}) > 2600 THEN 'key_too_long'
            WHEN p.fault IS NOT NULL THEN p.fault
            WHEN g.has_corrections AND EXISTS (
                SELECT 1 FROM _etl.corrections AS c
                WHERE c.pipeline = {pipeline} AND c.machine_iot_id = m.machine_iot_id
                    AND c.event_time = p.{instant} AND c.key_part = {key_part}
            ) THEN 'corrected'
        END AS reason_code
    FROM enriched AS p
    CROSS JOIN guards AS g
    LEFT JOIN _etl.v_machines AS m ON m.machine_iot_id = p.machine_iot_id
),
rejected AS (
    INSERT INTO _etl.rejected_rows (
        pipeline, bronze_id, bronze_time, first_id, first_time, machine_iot_id, event_time,
        key_part, reason_code, detail, row_data
    )
    SELECT
        {pipeline},
        v.id,
        v.time,
        v.first_id,
        v.first_time,
        v.sent_iot_id,
        CASE WHEN v.key_part IS NOT NULL THEN v.{instant} END,
        left(v.key_part, 2600),
        v.reason_code,
        CASE v.reason_code
            WHEN 'unknown_machine' THEN
                format('machine_iot_id %s (device %s) is not in master.machine_info',
                    v.sent_iot_id, b.sent ->> 'device_id')
            WHEN 'sender_mismatch' THEN
                format('machine_iot_id %s belongs to device %s, and not to %s',
                    v.sent_iot_id, v.device_id, b.sent ->> 'device_id')
            WHEN 'missing_{word}' THEN '{instant} is null'
            WHEN '{word}_out_of_range' THEN
                format('{instant} %s is not between 1970 and 2200', v.{instant})
            WHEN '{word}_in_future' THEN
                format('{instant} %s is more than %s after its arrival at %s',
                    v.{instant}, (SELECT g.future_limit FROM guards AS g), v.first_time)
            WHEN 'unknown_timezone' THEN
                format('the server does not know time zone %s of plant %s',
                    v.plant_timezone, v.plant_iot_id)
            WHEN 'key_too_long' THEN
                format('a key of {target} is %s bytes long', octet_length(v.key_part))
            WHEN 'corrected' THEN
                'the row of this key was removed or replaced by hand: see _etl.corrections'
            ELSE
                format('{target} cannot take %s', b.sent - ARRAY[
                    'id', 'time', 'kafka_partition', 'kafka_offset', 'device_id', 'machine_iot_id'
                ])
        END,
        b.sent
    FROM validated AS v
    -- The row as it was sent, read again: few rows need it, and passing it on would slow all.
    CROSS JOIN LATERAL (
        SELECT to_jsonb(r) AS sent
        FROM {source} AS r
        WHERE r.id = v.id AND r.time = v.time AND r.machine_iot_id = v.sent_iot_id
        LIMIT 1
    ) AS b
    WHERE v.reason_code IS NOT NULL
    ON CONFLICT (pipeline, bronze_id) DO NOTHING
),
refused AS MATERIALIZED (
    SELECT v.sent_iot_id, v.{instant}, v.key_part
    FROM validated AS v
    WHERE v.reason_code IS NOT NULL
),
-- A rejected row of the same key may be sent again: the values that came after it must be known
-- then.
noted AS (
    INSERT INTO _etl.later_values (
        pipeline, machine_iot_id, event_time, key_part, first_id, known_columns
    )
    SELECT {pipeline}, v.machine_iot_id, v.{instant}, v.key_part, v.first_id,
        array_remove(ARRAY[{known}], NULL)
    FROM validated AS v
    CROSS JOIN guards AS g
    WHERE v.reason_code IS NULL AND (
        (v.sent_iot_id, v.{instant}, v.key_part) IN (
            SELECT r.sent_iot_id, r.{instant}, r.key_part FROM refused AS r
        )
        OR g.has_open AND EXISTS (
            SELECT 1 FROM _etl.rejected_rows AS r
            WHERE r.pipeline = {pipeline} AND r.is_open AND r.machine_iot_id = v.sent_iot_id
                AND r.event_time = v.{instant} AND r.key_part = v.key_part
        )
    )
    ON CONFLICT (pipeline, machine_iot_id, event_time, key_part, first_id) DO NOTHING
),
{noted_codes}
usable AS (
    SELECT {key}, v.company_iot_id, v.plant_iot_id, v.timezone, v.first_id, {own}
    FROM validated AS v
    WHERE v.reason_code IS NULL AND v.first_id = v.id
    UNION ALL
    -- A row that was sent again, without the columns that later rows have set.
    SELECT {key}, v.company_iot_id, v.plant_iot_id, v.timezone, v.first_id, {own_unless_later}
    FROM validated AS v
    CROSS JOIN LATERAL (
        SELECT array_agg(n.name) AS names
        FROM _etl.later_values AS l
        CROSS JOIN LATERAL unnest(l.known_columns) AS n (name)
        WHERE l.pipeline = {pipeline} AND l.machine_iot_id = v.machine_iot_id
            AND l.event_time = v.{instant} AND l.key_part = v.key_part AND l.first_id > v.first_id
    ) AS later
    WHERE v.reason_code IS NULL AND v.first_id <> v.id
),
incoming AS MATERIALIZED (
    SELECT
        {key},
        min(u.company_iot_id) AS company_iot_id,
        min(u.plant_iot_id) AS plant_iot_id,
        min(u.timezone) AS timezone,
        {last_known}
    FROM usable AS u
    GROUP BY {key}
),
written AS (
    INSERT INTO {target} AS t (logical_date, company_iot_id, shift_id, shift_name, {key}, {own})
    SELECT
        coalesce(w.logical_date, (i.{instant} AT TIME ZONE i.timezone)::date),
        i.company_iot_id,
        coalesce(w.shift_id, 0::smallint),
        CASE WHEN w.shift_id IS NULL THEN 'UNKNOWN' ELSE w.shift_name END,
        {key},
        {own}
    FROM incoming AS i
    -- fn_load_rows sets the time zone to UTC, so that the day of an instant is that of UTC.
    LEFT JOIN _etl.fn_shifts_of_days(
        ARRAY(SELECT DISTINCT d.{instant}::date FROM incoming AS d)
    ) AS w
        ON w.plant_iot_id = i.plant_iot_id
        AND w.utc_day = date_bin(INTERVAL '1 day', i.{instant}, '1970-01-01')
        AND i.{instant} >= w.starts_at
        AND i.{instant} < w.ends_before
    -- Neighbours in the index are written one after the other.
    ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE
    SET {set_merged}
    WHERE ({stored}) IS DISTINCT FROM ({merged})
    -- Only a row that existed before was locked, and so has an xmax.
    RETURNING t.xmax = 0 AS is_new
),
counted AS (
    SELECT
        count(*) AS rows_read,
        count(v.reason_code) AS rows_rejected,
        count(*) FILTER (WHERE v.is_late) AS rows_late,
        count(*) FILTER (WHERE v.reason_code IS NULL AND v.is_mismatch) AS rows_sender_mismatch,
        count(*) FILTER (WHERE v.reason_code IS NULL AND {code_fault} IS NOT NULL)
            AS rows_unknown_code,
        max(v.id) AS last_id,
        max(v.time) AS last_ts
    FROM validated AS v
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
    c.rows_late,
    c.rows_sender_mismatch,
    c.rows_unknown_code
FROM counted AS c
CROSS JOIN new_rows AS n
$statement$;
    v_noted_codes text := $statement$
noted_codes AS (
    INSERT INTO _etl.unknown_codes AS t (
        company_iot_id, source_down_id, down_code, loaded_down_id, fault, stops
    )
    SELECT v.company_iot_id, v.source_down_id, v.source_down_code, v.down_id, min(v.code_fault),
        count(*)
    FROM validated AS v
    WHERE v.reason_code IS NULL AND v.code_fault IS NOT NULL
    GROUP BY v.company_iot_id, v.source_down_id, v.source_down_code, v.down_id
    ON CONFLICT (company_iot_id, source_down_id, down_code, loaded_down_id) DO UPDATE
    SET stops = t.stops + excluded.stops, fault = excluded.fault, last_seen_at = clock_timestamp()
),$statement$;
    v_extension name;
    v_has_codes boolean;
BEGIN
    SELECT w.source_table::regclass, w.target_table::regclass INTO STRICT v_source, v_target
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;

    -- The aggregate last(value, place) is the extension's.
    SELECT n.nspname INTO STRICT v_extension
    FROM pg_extension AS e
    INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'timescaledb';

    -- Silver's key: the machine, the instant, and in some tables a third column.
    SELECT array_agg(a.attname ORDER BY k.place) INTO STRICT v_key
    FROM pg_constraint AS u
    CROSS JOIN LATERAL unnest(u.conkey) WITH ORDINALITY AS k (attnum, place)
    INNER JOIN pg_attribute AS a ON a.attrelid = u.conrelid AND a.attnum = k.attnum
    WHERE u.conrelid = v_target AND u.contype = 'u';

    v_has_codes := EXISTS (
        SELECT 1 FROM pg_attribute AS a
        WHERE a.attrelid = format('_etl.%I', 'v_transform_' || p_pipeline)::regclass
            AND a.attname = 'code_fault'
    );

    FOR v_part IN
        WITH own AS (
            SELECT a.attnum, quote_ident(a.attname) AS name, quote_literal(a.attname) AS literal
            FROM pg_attribute AS a
            WHERE a.attrelid = v_target AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attname <> ALL (v_key)
                AND a.attname <> ALL (
                    '{logical_date,company_iot_id,shift_id,shift_name,created_at}'
                )
        ),
        key AS (
            SELECT k.place, quote_ident(k.name) AS name
            FROM unnest(v_key) WITH ORDINALITY AS k (name, place)
        ),
        own_lists AS (
            SELECT
                string_agg(o.name, ', ' ORDER BY o.attnum) AS own,
                string_agg(format('p.%s', o.name), ', ' ORDER BY o.attnum) AS transformed,
                string_agg(format('CASE WHEN v.%s IS NOT NULL THEN %s END', o.name, o.literal), ', '
                    ORDER BY o.attnum) AS known,
                string_agg(format('CASE WHEN %s = ANY (later.names) THEN NULL ELSE v.%s END',
                    o.literal, o.name), ', ' ORDER BY o.attnum) AS own_unless_later,
                string_agg(format(
                    '%1$I.last(u.%2$s, u.first_id) FILTER (WHERE u.%2$s IS NOT NULL) AS %2$s',
                    v_extension, o.name
                ), E',\n        ' ORDER BY o.attnum) AS last_known,
                string_agg(format('t.%s', o.name), ', ' ORDER BY o.attnum) AS stored,
                string_agg(format('coalesce(excluded.%1$s, t.%1$s)', o.name), ', '
                    ORDER BY o.attnum) AS merged,
                string_agg(format('%1$s = coalesce(excluded.%1$s, t.%1$s)', o.name), ', '
                    ORDER BY o.attnum) AS set_merged
            FROM own AS o
        ),
        key_lists AS (
            SELECT
                string_agg(k.name, ', ' ORDER BY k.place) AS key,
                string_agg(format('p.%s', k.name), ', ' ORDER BY k.place) FILTER (WHERE k.place > 1)
                    AS key_parts,
                coalesce(min(format('p.%s', k.name)) FILTER (WHERE k.place = 3), $$''::text$$)
                    AS key_part
            FROM key AS k
        )
        SELECT part.name, part.text
        FROM own_lists AS o
        CROSS JOIN key_lists AS k
        CROSS JOIN LATERAL (VALUES
            ('noted_codes', CASE WHEN v_has_codes THEN v_noted_codes ELSE '' END),
            ('code_columns', CASE WHEN v_has_codes
                THEN 'p.source_down_id, left(p.source_down_code, 200) AS source_down_code,'
                    ' p.code_fault,'
                ELSE '' END),
            ('code_fault', CASE WHEN v_has_codes THEN 'v.code_fault' ELSE 'NULL' END),
            ('pipeline', quote_literal(p_pipeline)),
            ('transform', format('_etl.%I', 'v_transform_' || p_pipeline)),
            ('source', v_source::text),
            ('target', v_target::text),
            ('instant', quote_ident(v_key[2])),
            ('word', CASE WHEN v_key[2] LIKE '%\_start' THEN 'start' ELSE 'time' END),
            ('key', k.key),
            ('key_part', k.key_part),
            ('own', o.own),
            ('own_unless_later', o.own_unless_later),
            ('transformed', k.key_parts || ', ' || o.transformed),
            ('known', o.known),
            ('last_known', o.last_known),
            ('stored', o.stored),
            ('merged', o.merged),
            ('set_merged', o.set_merged)
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
    'The statement of a batch; $1: after this id, $2: up to this id, $3: arrived since, $4: limit';
