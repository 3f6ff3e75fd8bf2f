-- New: fills gold.machine_shifts with days that are over, newest first, and processes late rows. It
-- fills a table and not an aggregate: stops overlap and cross shifts, so they do not add up, and
-- planned time has no row in silver. It commits, so it has no SET clause.
-- @section procedure
CREATE PROCEDURE gold.sp_roll_up(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_until timestamptz := clock_timestamp()
        + coalesce((config ->> 'max_runtime')::interval, INTERVAL '5 minutes');
    v_plant record;
    v_dates record;
    v_worked boolean;
BEGIN
    -- One at a time: the run that gets the lock goes on, the other one returns. It ends with each
    -- transaction, so a run that fails leaves nothing behind in its session.
    IF NOT pg_try_advisory_xact_lock(hashtext('gold.sp_roll_up')) THEN
        RETURN;
    END IF;
    PERFORM gold.fn_note_chunks();
    PERFORM gold.fn_merge_running_shifts();
    COMMIT;
    -- Late rows first: until they are processed, reports read them from silver.
    WHILE clock_timestamp() < v_until LOOP
        IF NOT pg_try_advisory_xact_lock(hashtext('gold.sp_roll_up')) THEN
            RETURN;
        END IF;
        EXIT WHEN gold.fn_roll_up_stale(1000) = 0;
        COMMIT;
    END LOOP;
    COMMIT;
    IF NOT pg_try_advisory_xact_lock(hashtext('gold.sp_roll_up')) THEN
        RETURN;
    END IF;
    PERFORM gold.fn_resolve_open_stops();
    COMMIT;
    -- Some dates of every plant at a time, so that all plants get their turn when time runs out.
    LOOP
        v_worked := false;
        FOR v_plant IN
            SELECT p.iot_id FROM master.plants AS p
            UNION ALL
            SELECT 0
            ORDER BY 1
        LOOP
            EXIT WHEN clock_timestamp() >= v_until;
            IF NOT pg_try_advisory_xact_lock(hashtext('gold.sp_roll_up')) THEN
                RETURN;
            END IF;
            v_dates := gold.fn_next_dates_to_roll_up(v_plant.iot_id);
            IF v_dates.first_date IS NOT NULL THEN
                PERFORM gold.fn_roll_up_dates(
                    v_plant.iot_id, v_dates.first_date, v_dates.last_date
                );
                v_worked := true;
            END IF;
            COMMIT;
        END LOOP;
        EXIT WHEN NOT v_worked OR clock_timestamp() >= v_until;
    END LOOP;
END
$procedure$;

REVOKE ALL ON PROCEDURE gold.sp_roll_up(integer, jsonb) FROM PUBLIC;

COMMENT ON PROCEDURE gold.sp_roll_up(integer, jsonb) IS
    'Keeps gold.machine_shifts: days that are over, and what came late; at most max_runtime (5 '
    'minutes) long';

-- @section grants
GRANT EXECUTE ON PROCEDURE gold.sp_roll_up(integer, jsonb) TO setu_etl;
