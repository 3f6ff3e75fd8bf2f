-- New: the highest bronze id up to which no more rows can appear.
--
-- Ids are drawn before commit, so a row may be visible while a lower id is still on its way.
-- Drawing an id takes a lock on the sequence that is held to the end of the transaction. So: read
-- the sequence, and only then list the holders of that lock. An id up to the reading was drawn
-- either by one of those, or by a transaction that has ended. It takes no lock that a writer would
-- wait for.
--
-- The reading must be pg_sequence_last_value's. Every 32 ids, nextval shows a value 32 ahead for
-- the moment in which it writes that value to the log: SELECT last_value sees it now and then, and
-- the sweep would pass over ids that are not drawn yet.
CREATE FUNCTION _etl.fn_fence(p_pipeline text, p_wait interval DEFAULT INTERVAL '500 milliseconds')
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_source text;
    v_last_id bigint;
    v_sequence regclass;
    v_reading bigint;
    v_holders text[];
    v_open text[];
    v_prepared text[];
    v_safe bigint;
    v_prefix bigint;
    v_started timestamptz := pg_postmaster_start_time();
    v_deadline timestamptz := clock_timestamp() + p_wait;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'cannot set the fence of % in a % transaction', p_pipeline,
            current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state',
                HINT = 'Run the load with default_transaction_isolation = read committed';
    END IF;

    SELECT w.source_table, w.last_processed_id INTO STRICT v_source, v_last_id
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;
    v_sequence := pg_get_serial_sequence(v_source, 'id')::regclass;

    v_reading := pg_sequence_last_value(v_sequence);
    IF v_reading IS NULL THEN
        -- No id was drawn since the sequence was made or set. If that still holds after the
        -- reading, nextval did not come between.
        EXECUTE format('SELECT s.last_value - 1 FROM %s AS s', v_sequence) INTO v_reading;
        v_reading := coalesce(pg_sequence_last_value(v_sequence), v_reading);
    END IF;
    v_holders := _etl.fn_sequence_holders(v_sequence);
    v_open := v_holders;

    LOOP
        -- A holder that is gone may have been prepared meanwhile and have another name (at once, or
        -- from the next restart on, by version). So a prepared transaction that the reading does
        -- not know counts as well. After a restart, only prepared transactions remain of those that
        -- were open.
        v_prepared := ARRAY(
            SELECT h.holder FROM unnest(v_open) AS h (holder) WHERE h.holder LIKE '-1/%'
        );
        SELECT max(r.fence_id) INTO v_safe
        FROM (
            SELECT f.fence_id, f.holders, f.server_started_at
            FROM _etl.fence_readings AS f
            WHERE f.pipeline = p_pipeline
            UNION ALL
            SELECT v_reading, v_holders, v_started
        ) AS r
        CROSS JOIN LATERAL (
            SELECT
                array_agg(h.holder) FILTER (
                    WHERE h.holder LIKE '-1/%' OR r.server_started_at = v_started
                ) AS same_name,
                bool_or(h.holder NOT LIKE '-1/%') AS could_prepare
            FROM unnest(r.holders) AS h (holder)
        ) AS held
        WHERE NOT coalesce(held.same_name && v_open, false)
            AND NOT (coalesce(held.could_prepare, false) AND NOT v_prepared <@ r.holders);
        EXIT WHEN v_safe = v_reading OR clock_timestamp() >= v_deadline;
        PERFORM pg_sleep(0.005);
        v_open := _etl.fn_sequence_holders(v_sequence);
    END LOOP;
    v_safe := greatest(v_safe, v_last_id);

    IF v_safe < v_reading THEN
        -- A transaction stays open. Ids that are visible without a hole are decided, too: go up to
        -- the first hole.
        EXECUTE format($query$
            SELECT coalesce(max(r.id), $1)
            FROM (
                SELECT b.id, row_number() OVER (ORDER BY b.id) AS place
                FROM (
                    SELECT s.id FROM %s AS s
                    WHERE s.id > $1 AND s.id <= $2 ORDER BY s.id LIMIT 1000000
                ) AS b
            ) AS r
            WHERE r.id = $1 + r.place
        $query$, v_source::regclass) INTO v_prefix USING v_safe, v_reading;
        v_safe := v_prefix;

        INSERT INTO _etl.fence_readings AS f (pipeline, fence_id, server_started_at, holders)
        VALUES (p_pipeline, v_reading, v_started, v_holders)
        ON CONFLICT (pipeline, fence_id) DO UPDATE
        SET read_at = excluded.read_at,
            server_started_at = excluded.server_started_at,
            holders = excluded.holders;
    END IF;

    -- A later reading with the same holders, or fewer, replaces an earlier one.
    DELETE FROM _etl.fence_readings AS f
    WHERE f.pipeline = p_pipeline
        AND (
            f.fence_id <= v_safe
            OR f.fence_id < v_reading AND f.server_started_at = v_started
                AND v_holders <@ f.holders
            -- A transaction that stays open for days must not fill the table.
            OR f.fence_id < (
                SELECT k.fence_id FROM _etl.fence_readings AS k
                WHERE k.pipeline = p_pipeline
                ORDER BY k.fence_id DESC
                OFFSET 1000 LIMIT 1
            )
        );

    INSERT INTO _etl.fence_readings (pipeline, fence_id, server_started_at, holders)
    VALUES (p_pipeline, v_safe, v_started, '{}')
    ON CONFLICT (pipeline, fence_id) DO UPDATE
    SET read_at = excluded.read_at, server_started_at = excluded.server_started_at, holders = '{}';

    RETURN v_safe;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_fence(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_fence(text, interval) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_fence(text, interval) IS
    'The highest id of a pipeline''s bronze table below which no transaction can still commit a '
    'row';
