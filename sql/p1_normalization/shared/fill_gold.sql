-- Fills v2's aggregates with the hours and days that are over, newest first, in pieces of eight
-- weeks, each in its own transaction. A piece that is filled already costs almost nothing.
CREATE OR REPLACE PROCEDURE _stage.fill_gold()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_piece record;
    v_newest timestamptz;
    v_done integer := 0;
    v_pieces integer := 0;
    v_told timestamptz := clock_timestamp();
BEGIN
    DELETE FROM _stage.gold_pieces;
    FOR v_piece IN
        SELECT c.view_name, c.hypertable_name,
            CASE WHEN c.view_name LIKE 'daily%' THEN 'day' ELSE 'hour' END AS bucket
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE c.view_schema = '_stage'
    LOOP
        v_newest := date_trunc(v_piece.bucket, now(), 'UTC');
        -- Where there is a chunk, and not all the way to a row of a clock that said the year 1.
        INSERT INTO _stage.gold_pieces (view_name, range_start, range_end)
        SELECT DISTINCT
            v_piece.view_name,
            v_newest - (n.number + 1) * INTERVAL '56 days',
            v_newest - n.number * INTERVAL '56 days'
        FROM timescaledb_information.chunks AS c
        CROSS JOIN LATERAL generate_series(
            floor(
                extract(epoch FROM v_newest - least(c.range_end, v_newest)) / (56 * 86400)
            )::integer,
            floor(
                extract(epoch FROM v_newest - greatest(c.range_start, '4712-01-01 00:00:00+00 BC'))
                / (56 * 86400)
            )::integer
        ) AS n (number)
        WHERE c.hypertable_schema = '_stage' AND c.hypertable_name = v_piece.hypertable_name
            AND c.range_start < v_newest;
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
        -- Until the commit: it says so of each piece that is filled already.
        PERFORM set_config('client_min_messages', 'warning', true);
        CALL refresh_continuous_aggregate(
            continuous_aggregate => format('_stage.%I', v_piece.view_name)::regclass,
            window_start => v_piece.range_start,
            window_end => v_piece.range_end
        );
        COMMIT;
        v_done := v_done + 1;
        IF clock_timestamp() > v_told + INTERVAL '1 second' THEN
            v_told := clock_timestamp();
            RAISE NOTICE 'gold %: piece % of %, from %', v_piece.view_name, v_done, v_pieces,
                v_piece.range_start::date;
        END IF;
    END LOOP;
END
$procedure$;
REVOKE ALL ON PROCEDURE _stage.fill_gold() FROM PUBLIC;
