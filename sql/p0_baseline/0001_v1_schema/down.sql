-- what: drop the v1 schema
-- why: the way back to an empty database, for tests and new sites
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on each v1 table, all empty, to the end of the transaction
-- down: nothing: refuses while any v1 table holds rows

-- A full count of 500 million rows would hold up a refusal for minutes: counting stops at 100,000.
DO $refuse$
DECLARE
    v_table text;
    v_rows bigint;
    v_found text[] := '{}';
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'bronze.dead_letter_queue',
        'bronze.raw_telemetry',
        'silver.machine_cycles',
        'master.shifts',
        'master.machine_info',
        'master.plants',
        'master.companies'
    ]
    LOOP
        EXECUTE format(
            'SELECT count(*) FROM (SELECT FROM %s LIMIT 100001) AS sample',
            v_table::regclass
        )
        INTO v_rows;

        IF v_rows > 100000 THEN
            v_found := v_found || format('%s: more than 100000', v_table);
        ELSIF v_rows > 0 THEN
            v_found := v_found || format('%s: %s', v_table, v_rows);
        END IF;
    END LOOP;

    IF cardinality(v_found) > 0 THEN
        RAISE EXCEPTION 'cannot drop the v1 schema because % of its tables hold rows',
            cardinality(v_found)
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'rows: ' || array_to_string(v_found, ', '),
                  HINT = 'Nothing was changed. Stay at revision 0001, or dump and empty these '
                      'tables first.';
    END IF;
END;
$refuse$;

DROP PROCEDURE bronze.proc_process_bronze_batch(integer);
DROP PROCEDURE bronze.proc_ingest_payload(jsonb, boolean);
DROP TABLE bronze.dead_letter_queue;
DROP TABLE bronze.raw_telemetry;
DROP TABLE silver.machine_cycles;
DROP FUNCTION master.get_shift_id(text, timestamptz);
DROP TABLE master.shifts;
DROP TABLE master.machine_info;
DROP TABLE master.plants;
DROP TABLE master.companies;

DROP SCHEMA bronze;
DROP SCHEMA silver;
DROP SCHEMA master;
