-- Counts what became of v1's rows, time range by time range, and checks that v1 and v2 hold the
-- same keys. It compares the rows themselves, so it also finds changes that no trigger saw; after a
-- stay in v1 it counts them where nothing has changed since the swap, unless -x compare=everything.
CREATE OR REPLACE FUNCTION _stage.reconcile(
    p_table text, p_from timestamptz, p_to timestamptz, OUT v1_rows bigint, OUT differing bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_table _archive.migrated_tables;
    v_left_out bigint;
    v_rounded bigint;
    v_in_future bigint;
    v_migrated bigint;
    v_settled _archive.settled_ranges;
    v_new bigint;
BEGIN
    SELECT t.* INTO STRICT v_table FROM _archive.migrated_tables AS t WHERE t.table_name = p_table;
    -- After a stay in v1: the backfill has found no change of v1 here, and v2 had none. Both are
    -- counted again, since a session may have written past the triggers.
    SELECT s.* INTO v_settled
    FROM _archive.settled_ranges AS s
    INNER JOIN _archive.migrated_chunks AS c
        ON c.table_name = s.table_name AND c.range_start = s.range_start
        AND c.range_end = s.range_end AND c.v1_rows = s.v1_rows
    WHERE s.table_name = p_table AND s.range_start = p_from AND s.range_end = p_to
        AND current_setting('setu.compare') <> 'everything';
    IF FOUND THEN
        EXECUTE format(
            'SELECT count(*) FROM _stage.%I AS t WHERE t.%I >= $1 AND t.%2$I < $2', p_table,
            v_table.v2_time
        )
        INTO v_migrated USING p_from, p_to;
        SELECT n.v1_rows, n.new_rows INTO v1_rows, v_new
        FROM _stage.count_new(p_table, p_from, p_to) AS n;
        IF v_migrated = v_settled.migrated AND v1_rows = v_settled.v1_rows AND v_new = 0 THEN
            INSERT INTO _archive.row_reconciliation (
                table_name, range_start, range_end, v1_rows, migrated, merged, left_out, in_future,
                rounded
            )
            VALUES (
                v_table.schema_name || '.' || p_table, p_from, p_to, v_settled.v1_rows,
                v_settled.migrated, v_settled.merged, v_settled.left_out, v_settled.in_future,
                v_settled.rounded
            )
            ON CONFLICT (table_name, range_start) DO NOTHING;
            differing := 0;
            RETURN;
        END IF;
    END IF;
    EXECUTE format(
        $query$
            SELECT count(*), count(*) FILTER (WHERE m.machine_iot_id IS NULL OR (%5$s)),
                count(*) FILTER (WHERE m.machine_iot_id IS NOT NULL AND NOT (%5$s) AND (%4$s)),
                count(*) FILTER (WHERE m.machine_iot_id IS NOT NULL AND (%5$s))
            FROM %1$I.%2$I AS v1
            LEFT JOIN _stage.machine_map AS m
                ON m.company_id = v1.company_id AND m.machine_id = v1.machine_id
            WHERE v1.%3$I >= $1 AND v1.%3$I < $2
        $query$, v_table.schema_name, p_table, v_table.v1_time, v_table.rounded_when,
        _archive.future_condition(p_table)
    )
    INTO v1_rows, v_left_out, v_rounded, v_in_future USING p_from, p_to;
    SELECT d.migrated, d.differing INTO v_migrated, differing
    FROM _stage.compare(p_table, p_from, p_to) AS d;
    -- Where both sides agree the numbers stay; where v1 changes on, they are taken after the swap.
    IF differing = 0 AND isfinite(p_from) AND isfinite(p_to) THEN
        INSERT INTO _archive.row_reconciliation (
            table_name, range_start, range_end, v1_rows, migrated, merged, left_out, in_future,
            rounded
        )
        VALUES (
            v_table.schema_name || '.' || p_table, p_from, p_to, reconcile.v1_rows, v_migrated,
            reconcile.v1_rows - v_left_out - v_migrated, v_left_out, v_in_future, v_rounded
        )
        ON CONFLICT (table_name, range_start) DO UPDATE
        SET range_end = excluded.range_end, v1_rows = excluded.v1_rows,
            migrated = excluded.migrated, merged = excluded.merged, left_out = excluded.left_out,
            in_future = excluded.in_future,
            rounded = excluded.rounded, counted_at = clock_timestamp();
    END IF;
END
$function$;
COMMENT ON FUNCTION _stage.reconcile(text, timestamptz, timestamptz) IS
    'Counts what became of v1''s rows in a time range, and how many keys differ, which it notes';

-- Of the keys that a comparison found to differ, those that differ still and are not noted anew.
CREATE OR REPLACE FUNCTION _stage.keep_differing() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
    v_table _archive.migrated_tables;
BEGIN
    FOR v_table IN
        SELECT t.* FROM _archive.migrated_tables AS t
        WHERE t.table_name IN (SELECT d.table_name FROM _stage.differences AS d)
    LOOP
        EXECUTE format(
            $query$
                DELETE FROM _stage.differences AS d
                WHERE d.table_name = $1 AND NOT EXISTS (
                    SELECT 1
                    FROM (
                        SELECT %1$s, min(%2$s) AS created_at
                        FROM _stage.%3$I AS t
                        WHERE t.v1_company_id = d.company_id AND t.v1_machine_id = d.machine_id
                            AND t.v1_time = d.at
                        GROUP BY %1$s
                    ) AS v1
                    FULL JOIN (
                        SELECT %1$s, min(%2$s) AS created_at
                        FROM _stage.%4$I AS t
                        INNER JOIN _stage.machine_names AS n ON n.machine_iot_id = t.machine_iot_id
                        WHERE n.company_id = d.company_id AND n.machine_id = d.machine_id
                            AND t.%5$I = d.at
                        GROUP BY %1$s
                    ) AS v2 USING (%6$s)
                    WHERE v1.created_at IS DISTINCT FROM v2.created_at
                        OR v1.%5$I IS NULL OR v2.%5$I IS NULL
                )
            $query$,
            (SELECT string_agg(format('t.%I', k.name), ', ') FROM unnest(v_table.v2_key) AS k (name)
             WHERE k.name <> 'machine_iot_id'),
            CASE WHEN v_table.has_created_at THEN 't.created_at' ELSE 'NULL::timestamptz' END,
            'v2_' || v_table.table_name, v_table.table_name, v_table.v2_time,
            (SELECT string_agg(format('%I', k.name), ', ') FROM unnest(v_table.v2_key) AS k (name)
             WHERE k.name <> 'machine_iot_id')
        ) USING v_table.table_name;
    END LOOP;
    -- Leave out rows that v1 has changed again, and rows that v2 cannot hold.
    PERFORM _stage.follow_chunks();
    DELETE FROM _stage.differences AS d
    WHERE EXISTS (
        SELECT 1 FROM _stage.noted_rows AS n
        WHERE n.table_name = d.table_name AND n.company_id = d.company_id
            AND n.machine_id = d.machine_id AND n.at = d.at
    ) OR EXISTS (
        SELECT 1 FROM _stage.migrate_failures AS f
        WHERE f.table_name = d.table_name AND f.company_id = d.company_id
            AND f.machine_id = d.machine_id AND f.event_time = d.at
    );
    RETURN (SELECT count(*) FROM _stage.differences AS d);
END
$function$;
COMMENT ON FUNCTION _stage.keep_differing() IS
    'Deletes differences that are gone, or that v1 has changed again; returns how many are left';

CREATE OR REPLACE PROCEDURE _stage.reconcile_rows()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_range record;
    v_counted record;
    v_all bigint := 0;
    v_rows bigint := 0;
    v_done integer := 0;
    v_left text;
BEGIN
    DELETE FROM _stage.differences;
    -- Numbers of rows depend on the machines that v1 knows.
    IF EXISTS (
        SELECT s.machine_iot_id, s.company_id, s.machine_id FROM _archive.settled_machines AS s
        EXCEPT
        SELECT m.machine_iot_id, m.company_id, m.machine_id FROM _stage.machine_map AS m
    ) THEN
        DELETE FROM _archive.settled_ranges;
    END IF;
    COMMIT;
    -- What v1 changed since is no difference, and a row that v2 cannot hold need not wait for the
    -- comparison.
    CALL _stage.catch_up();
    PERFORM _stage.refuse_failures();
    FOR v_range IN
        SELECT p.table_name, p.range_start, p.range_end,
            count(*) FILTER (WHERE isfinite(p.range_start)) OVER () AS ranges
        FROM _stage.backfill_progress AS p
        ORDER BY p.range_start DESC, p.table_name
    LOOP
        v_counted := _stage.reconcile(v_range.table_name, v_range.range_start, v_range.range_end);
        COMMIT;
        v_all := v_all + v_counted.differing;
        v_rows := v_rows + v_counted.v1_rows;
        IF isfinite(v_range.range_start) THEN
            v_done := v_done + 1;
            IF v_counted.differing > 0 THEN
                RAISE NOTICE '% keys of % from % on differ, and are brought up to date',
                    v_counted.differing, v_range.table_name, v_range.range_start::date;
            END IF;
            RAISE NOTICE 'compare %: chunk % of %, from %, % rows', v_range.table_name, v_done,
                v_range.ranges, v_range.range_start::date, v_rows;
        END IF;
    END LOOP;
    -- They are noted now. A difference that remains is not a change that came meanwhile.
    FOR v_pass IN 1..5 LOOP
        CALL _stage.catch_up();
        EXIT WHEN v_all = 0;
        v_all := _stage.keep_differing();
        COMMIT;
    END LOOP;
    PERFORM _stage.refuse_failures();

    SELECT string_agg(
        format('%s of %s/%s at %s', d.table_name, d.company_id, d.machine_id, d.at), '; '
    )
    INTO v_left
    FROM (
        SELECT o.table_name, o.company_id, o.machine_id, o.at FROM _stage.differences AS o LIMIT 20
    ) AS d
    WHERE v_all > 0;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go on because v2 does not hold what v1 holds'
            USING ERRCODE = 'data_corrupted', DETAIL = v_left,
                HINT = 'Nothing is lost: v1 is live. Downgrade to 0102 and upgrade again';
    END IF;
END
$procedure$;

REVOKE ALL ON FUNCTION _stage.reconcile(text, timestamptz, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.keep_differing() FROM PUBLIC;
REVOKE ALL ON PROCEDURE _stage.reconcile_rows() FROM PUBLIC;
