-- Works v2's aggregates out, newest first, in pieces of eight weeks, each in its own transaction. A
-- piece that is worked out already costs next to nothing. What is newer than where the refresh
-- policies end is read through to silver.
CREATE OR REPLACE PROCEDURE _stage.fill_gold()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_piece record;
    v_oldest timestamptz;
    v_done integer := 0;
    v_pieces integer := 0;
    v_started timestamptz := clock_timestamp();
BEGIN
    DELETE FROM _stage.gold_pieces;
    FOR v_piece IN
        SELECT c.view_name, c.hypertable_name, d.column_name,
            CASE WHEN c.view_name LIKE 'daily%'
                THEN INTERVAL '1 day' ELSE INTERVAL '1 hour' END AS bucket
        FROM timescaledb_information.continuous_aggregates AS c
        INNER JOIN timescaledb_information.dimensions AS d
            ON d.hypertable_schema = c.hypertable_schema AND d.hypertable_name = c.hypertable_name
        WHERE c.view_schema = '_stage'
    LOOP
        EXECUTE format(
            'SELECT min(t.%I) FROM _stage.%I AS t', v_piece.column_name, v_piece.hypertable_name
        )
        INTO v_oldest;
        INSERT INTO _stage.gold_pieces (view_name, range_start, range_end)
        SELECT v_piece.view_name, e.range_end - INTERVAL '56 days', e.range_end
        FROM (
            SELECT date_trunc('day', now() - v_piece.bucket, 'UTC')
                - n.number * INTERVAL '56 days' AS range_end
            FROM generate_series(0, 10000) AS n (number)
        ) AS e
        WHERE e.range_end > v_oldest;
    END LOOP;
    COMMIT;
    SELECT count(*) INTO v_pieces FROM _stage.gold_pieces AS p;
    LOOP
        SELECT p.view_name, p.range_start, p.range_end INTO v_piece
        FROM _stage.gold_pieces AS p
        ORDER BY p.range_end DESC, p.view_name
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        DELETE FROM _stage.gold_pieces AS p
        WHERE p.view_name = v_piece.view_name AND p.range_end = v_piece.range_end;
        CALL refresh_continuous_aggregate(
            continuous_aggregate => format('_stage.%I', v_piece.view_name)::regclass,
            window_start => v_piece.range_start,
            window_end => v_piece.range_end
        );
        COMMIT;
        v_done := v_done + 1;
        RAISE NOTICE 'gold %: piece % of %, from %, about % s left',
            v_piece.view_name, v_done, v_pieces,
            v_piece.range_start::date, round(
                extract(epoch FROM clock_timestamp() - v_started) / v_done * (v_pieces - v_done)
            );
    END LOOP;
END
$procedure$;
REVOKE ALL ON PROCEDURE _stage.fill_gold() FROM PUBLIC;
