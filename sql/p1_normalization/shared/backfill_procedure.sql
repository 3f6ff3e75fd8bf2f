CREATE OR REPLACE PROCEDURE _stage.backfill()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_chunk record;
    v_rows bigint;
    v_total bigint := 0;
    v_done integer := 0;
    v_chunks integer;
    v_started timestamptz := clock_timestamp();
    v_elapsed double precision;
BEGIN
    SELECT count(*) INTO v_chunks FROM _stage.backfill_progress AS p WHERE p.finished_at IS NULL;
    FOR v_chunk IN
        SELECT p.table_name, p.range_start, p.range_end
        FROM _stage.backfill_progress AS p
        WHERE p.finished_at IS NULL
        ORDER BY p.range_start DESC, p.table_name
    LOOP
        v_rows := _stage.migrate(v_chunk.table_name, v_chunk.range_start, v_chunk.range_end);

        UPDATE _stage.backfill_progress AS p
        SET finished_at = clock_timestamp(), rows_migrated = v_rows
        WHERE p.table_name = v_chunk.table_name AND p.range_start = v_chunk.range_start;
        COMMIT;

        v_done := v_done + 1;
        v_total := v_total + v_rows;
        v_elapsed := greatest(extract(epoch FROM clock_timestamp() - v_started), 0.001);
        RAISE NOTICE 'backfill %: chunk % of %, from %, % rows; % rows in all, % rows/s, about % s left',
            v_chunk.table_name, v_done, v_chunks, v_chunk.range_start::date, v_rows, v_total,
            round(v_total / v_elapsed), round(v_elapsed / v_done * (v_chunks - v_done));
        PERFORM pg_sleep(extract(epoch FROM current_setting('setu.backfill_pause')::interval));
    END LOOP;
END
$procedure$;

REVOKE ALL ON PROCEDURE _stage.backfill() FROM PUBLIC;

-- Reads all of v1's silver, so only where there is such a machine.
CREATE OR REPLACE FUNCTION _stage.migrate_late_machines(p_since timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_late bigint;
    v_rows bigint;
BEGIN
    SELECT count(*) INTO v_late FROM _archive.machine_keys AS k WHERE k.registered_at >= p_since;
    IF v_late > 0 THEN
        SELECT sum(_stage.migrate(c.table_name, '-infinity', 'infinity', p_since)) INTO v_rows
        FROM _archive.migrated_tables AS c;
        RAISE NOTICE '% machines were registered during the backfill; % rows of theirs migrated', v_late, v_rows;
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION _stage.migrate_late_machines(timestamptz) FROM PUBLIC;
