-- what: hold the live catalog against what v1 laid down
-- why: holds at every later revision too, where v2's tables bear the same names
-- transaction: yes
-- lock: none
-- down: nothing

DO $verify$
DECLARE
    v_missing text[] := '{}';
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY ARRAY[
        'master.companies',
        'master.plants',
        'master.machine_info',
        'silver.machine_cycles'
    ]
    LOOP
        IF to_regclass(v_name) IS NULL THEN
            v_missing := v_missing || format('table %s', v_name);
        END IF;
    END LOOP;

    IF NOT EXISTS (
        SELECT
        FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema = 'silver'
          AND h.hypertable_name = 'machine_cycles'
    ) THEN
        v_missing := v_missing || 'hypertable silver.machine_cycles'::text;
    END IF;

    -- From here on only while v1 is live: shift_definitions takes the place of shifts.
    IF to_regclass('master.shift_definitions') IS NULL THEN
        FOREACH v_name IN ARRAY ARRAY[
            'master.shifts',
            'bronze.raw_telemetry',
            'bronze.dead_letter_queue',
            'silver.machine_cycles_cycle_start_idx',
            'bronze.raw_telemetry_ingest_time_idx',
            'bronze.dead_letter_queue_time_idx'
        ]
        LOOP
            IF to_regclass(v_name) IS NULL THEN
                v_missing := v_missing || format('relation %s', v_name);
            END IF;
        END LOOP;

        FOREACH v_name IN ARRAY ARRAY[
            'master.get_shift_id(text, timestamptz)',
            'bronze.proc_ingest_payload(jsonb, boolean)',
            'bronze.proc_process_bronze_batch(integer)'
        ]
        LOOP
            IF to_regprocedure(v_name) IS NULL THEN
                v_missing := v_missing || format('routine %s', v_name);
            END IF;
        END LOOP;
    END IF;

    IF cardinality(v_missing) > 0 THEN
        RAISE EXCEPTION 'revision 0001 does not hold because % objects of v1 are missing',
            cardinality(v_missing)
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'missing: ' || array_to_string(v_missing, ', '),
                  HINT = 'Compare the database with schema/ before you go on.';
    END IF;
END;
$verify$;
