-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- The flat tables with their pipelines, and the place of the same rows in v1: the array of its
-- payload, and the column for each key of an element. Null where v1 has no such array.
CREATE TABLE IF NOT EXISTS _archive.flat_tables (
    table_name text PRIMARY KEY,
    pipeline text NOT NULL,
    array_name text,
    element jsonb
);
TRUNCATE _archive.flat_tables;
INSERT INTO _archive.flat_tables (table_name, pipeline, array_name, element)
VALUES
    ('raw_machine_cycles', 'machine_cycles', 'MachineWiseCycleDetails',
        '{"CycleStart": "cycle_start", "CycleEnd": "cycle_end", "ProgramNo": "program_no",
          "StdLoadUnload": "std_load_unload", "StdCycleTime": "std_cycle_time",
          "DownThreshold": "down_threshold"}'),
    ('raw_machine_downtime', 'machine_downtime', 'MachineWiseDownDetails',
        '{"DownStart": "down_start", "DownEnd": "down_end", "DownCode": "down_code",
          "DownID": "down_id", "DownThreshold": "down_threshold"}'),
    ('raw_machine_status', 'machine_status', 'MachineRunningStatus',
        '{"UpdatedTS": "event_time", "RunningProgramNo": "program_no", "Status": "status",
          "OperatorID": "operator_id", "Target": "target"}'),
    ('raw_machine_alarms', 'machine_alarms', 'MachineWiseAlarmDetails',
        '{"AlarmTS": "event_time", "AlarmNo": "alarm_no", "AlarmDesc": "alarm_desc"}'),
    ('raw_machine_energy', 'machine_energy', 'MachineWiseEnergyDetails',
        '{"UpdatedTS": "event_time", "Category": "category", "ServoEnergy": "servo_energy",
          "SpindleEnergy": "spindle_energy", "TotalEnergy": "total_energy"}'),
    ('raw_machine_focas', 'machine_focas', 'MachineWiseFocasDetails',
        '{"UpdatedTS": "event_time", "PartCount": "part_count", "RejCount": "rej_count",
          "POT": "pot", "OT": "ot", "CT": "ct"}'),
    ('raw_machine_tool_usage', 'machine_tool_usage', 'MachineWiseToolDetails',
        '{"UpdatedTS": "event_time", "ToolNo": "tool_no", "Target": "target_count",
          "Actual": "actual_count"}'),
    ('raw_machine_pm_status', 'machine_pm_status', 'MachineWisePMDetails',
        '{"UpdatedTS": "event_time", "PMCorrectedCount": "pm_corrected_count"}'),
    ('raw_machine_focas_program_production', 'machine_focas_program_production', NULL, NULL),
    ('raw_machine_am_status', 'machine_am_status', NULL, NULL);

-- The highest bronze id that v2 has loaded, by the archived watermark; 0 where none was archived.
CREATE OR REPLACE FUNCTION _archive.last_loaded_id(p_table text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_id bigint;
BEGIN
    IF to_regclass('_archive.v2_watermarks') IS NOT NULL THEN
        EXECUTE 'SELECT w.last_processed_id FROM _archive.v2_watermarks AS w '
                'WHERE w.source_table = $1'
        INTO v_id USING 'bronze.' || p_table;
    END IF;
    RETURN coalesce(v_id, 0);
END
$function$;

-- The id up to which the rows of a bronze table have been handed back. Ids only grow, so this stays
-- true.
CREATE TABLE IF NOT EXISTS _archive.handed_back (
    table_name text PRIMARY KEY,
    upto_id bigint NOT NULL
);

-- An id up to which every row of a bronze table is committed or never will be; null when a writer
-- that may hold a lower one takes longer than p_wait. nextval locks the sequence for the rest of
-- its transaction, so it is enough to wait for the sessions that hold that lock after the reading.
CREATE OR REPLACE FUNCTION _archive.settled_id(p_table text, p_wait interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_sequence regclass := pg_get_serial_sequence(format('bronze.%I', p_table), 'id')::regclass;
    v_last bigint := coalesce(pg_sequence_last_value(v_sequence), 0);
    v_writers text[];
    v_until timestamptz := clock_timestamp() + p_wait;
BEGIN
    LOOP
        SELECT array_agg(l.virtualtransaction) INTO v_writers
        FROM pg_locks AS l
        WHERE l.locktype = 'relation' AND l.relation = v_sequence AND l.mode = 'RowExclusiveLock'
            AND l.database = (
                SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()
            )
            AND l.pid IS DISTINCT FROM nullif(pg_backend_pid(), 0)
            AND (v_writers IS NULL OR l.virtualtransaction = ANY (v_writers));
        IF v_writers IS NULL THEN
            RETURN v_last;
        END IF;
        IF clock_timestamp() > v_until THEN
            RETURN NULL;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION _archive.settled_id(text, interval) IS
    'An id up to which each row of a bronze table is committed or never will be; null: not within '
    'the time';

-- Gives v1 the next rows of a bronze table that v2 received and did not load, as payloads that v1
-- will process: about p_rows of them, up to p_upto. Returns whether there may be more. Rows that
-- came out of a payload are left out: the payload still exists.
CREATE OR REPLACE FUNCTION _archive.hand_back(p_table text, p_upto bigint, p_rows bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET jit = off
AS $function$
DECLARE
    v_flat _archive.flat_tables;
    v_after bigint;
    v_to bigint;
    v_found bigint;
BEGIN
    SELECT f.* INTO STRICT v_flat FROM _archive.flat_tables AS f WHERE f.table_name = p_table;
    v_after := greatest(
        _archive.last_loaded_id(p_table),
        (SELECT h.upto_id FROM _archive.handed_back AS h WHERE h.table_name = p_table)
    );
    EXECUTE format(
        'SELECT count(*), max(b.id) FROM ('
        'SELECT b.id FROM bronze.%I AS b WHERE b.id > $1 AND b.id <= $2 ORDER BY b.id LIMIT $3) '
        'AS b',
        p_table
    ) INTO v_found, v_to USING v_after, p_upto, p_rows;
    IF v_found < p_rows THEN
        v_to := greatest(p_upto, v_after);
    END IF;
    -- Each payload is recorded as flattened into its row: another upgrade restores that row and
    -- must not make a second one. v1 has no place for rows without an array.
    IF v_found > 0 AND v_flat.array_name IS NOT NULL THEN
        EXECUTE format(
            $query$
                WITH waiting AS MATERIALIZED (
                    SELECT
                        b.id,
                        b.time AS ingest_time,
                        b.device_id,
                        coalesce(m.source_iot_id, b.machine_iot_id::text) AS iot_id,
                        jsonb_build_object(
                            'DeviceID', coalesce(d.device_id, b.device_id),
                            'IOTID', coalesce(m.source_iot_id, b.machine_iot_id::text),
                            %2$L, jsonb_build_array((
                                SELECT jsonb_object_agg(e.key, to_jsonb(b) -> e.value)
                                FROM jsonb_each_text(%3$L) AS e
                            ))
                        ) AS payload,
                        ck.company_id
                    FROM bronze.%1$I AS b
                    LEFT JOIN master.machine_info AS m ON m.iot_id = b.machine_iot_id
                    LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
                    LEFT JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
                    WHERE b.id > $1 AND b.id <= $2
                        AND NOT EXISTS (
                            SELECT 1 FROM _archive.flattened_rows AS f
                            WHERE f.bronze_table = %1$L AND f.bronze_id = b.id
                        )
                ),
                returned AS (
                    INSERT INTO bronze.raw_telemetry (
                        ingest_time, device_id, iot_id, payload, company_id
                    )
                    SELECT w.ingest_time, w.device_id, w.iot_id, w.payload, w.company_id
                    FROM waiting AS w
                ),
                digests AS (
                    SELECT w.id, w.ingest_time, md5(jsonb_build_array(
                        w.ingest_time, w.device_id, w.iot_id, w.payload, w.company_id
                    )::text) AS digest
                    FROM waiting AS w
                ),
                known AS (
                    INSERT INTO _archive.flattened_payloads (digest, ingest_time)
                    SELECT DISTINCT d.digest, d.ingest_time FROM digests AS d
                    ON CONFLICT (digest) DO NOTHING
                )
                INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
                SELECT %1$L, d.id, d.digest FROM digests AS d
            $query$,
            p_table, v_flat.array_name, v_flat.element
        ) USING v_after, v_to;
    END IF;
    INSERT INTO _archive.handed_back AS h (table_name, upto_id)
    VALUES (p_table, v_to)
    ON CONFLICT (table_name)
        DO UPDATE SET upto_id = excluded.upto_id WHERE h.upto_id < excluded.upto_id;
    RETURN v_found >= p_rows;
END
$function$;
COMMENT ON FUNCTION _archive.hand_back(text, bigint, bigint) IS
    'Gives the next bronze rows that v2 did not load back to v1, as pending payloads; true: there '
    'are more';

-- Payload by payload: v1 must not process again what v2 has loaded, nor miss what v2 has not. A
-- payload that waited in v1 and of which v2 loaded something counts as processed; what v2 has not
-- loaded of it waits under a payload of its own. The n-th element of an array became the n-th
-- bronze row.
CREATE OR REPLACE FUNCTION _archive.hand_back_payloads() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET jit = off
AS $function$
BEGIN
    WITH waiting AS MATERIALIZED (
        SELECT DISTINCT ON (f.digest)
            f.digest, t.ingest_time, t.device_id, t.iot_id, t.payload, t.company_id
        FROM _archive.flattened_payloads AS f
        INNER JOIN bronze.raw_telemetry AS t
            ON t.ingest_time = f.ingest_time AND _archive.payload_digest(t) = f.digest
        WHERE t.processing_status IS DISTINCT FROM 'processed'
        ORDER BY f.digest
    ),
    loaded AS MATERIALIZED (
        SELECT f.table_name, f.array_name, _archive.last_loaded_id(f.table_name) AS upto_id
        FROM _archive.flat_tables AS f
        WHERE f.array_name IS NOT NULL
    ),
    element AS MATERIALIZED (
        SELECT r.digest, r.bronze_table, r.bronze_id, l.array_name,
            r.bronze_id <= l.upto_id AS is_loaded,
            -- A payload that v1 holds twice has its rows under one digest, one copy after the
            -- other.
            w.payload -> l.array_name -> (
                (row_number() OVER (PARTITION BY r.digest, r.bronze_table ORDER BY r.bronze_id) - 1)
                % greatest(jsonb_array_length(w.payload -> l.array_name), 1)
            )::integer AS item
        FROM waiting AS w
        INNER JOIN _archive.flattened_rows AS r ON r.digest = w.digest
        INNER JOIN loaded AS l ON l.table_name = r.bronze_table
    ),
    begun AS MATERIALIZED (
        SELECT e.digest, bool_and(e.is_loaded) AS is_done
        FROM element AS e
        GROUP BY e.digest
        HAVING bool_or(e.is_loaded)
    ),
    rest AS MATERIALIZED (
        SELECT w.digest, w.ingest_time, w.device_id, w.iot_id, w.company_id,
            (w.payload - ARRAY(SELECT l.array_name FROM loaded AS l)) || a.arrays AS payload
        FROM waiting AS w
        INNER JOIN begun AS b ON b.digest = w.digest AND NOT b.is_done
        INNER JOIN (
            SELECT i.digest, jsonb_object_agg(i.array_name, i.items) AS arrays
            FROM (
                SELECT e.digest, e.array_name, jsonb_agg(e.item ORDER BY e.bronze_id) AS items
                FROM element AS e
                WHERE NOT e.is_loaded
                GROUP BY e.digest, e.array_name
            ) AS i
            GROUP BY i.digest
        ) AS a ON a.digest = w.digest
    ),
    renamed AS MATERIALIZED (
        SELECT r.digest, r.ingest_time, md5(jsonb_build_array(
            r.ingest_time, r.device_id, r.iot_id, r.payload, r.company_id
        )::text) AS digest_of_rest
        FROM rest AS r
    ),
    returned AS (
        INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, company_id)
        SELECT r.ingest_time, r.device_id, r.iot_id, r.payload, r.company_id FROM rest AS r
    ),
    known AS (
        INSERT INTO _archive.flattened_payloads (digest, ingest_time)
        SELECT n.digest_of_rest, n.ingest_time FROM renamed AS n
        ON CONFLICT (digest) DO NOTHING
    ),
    moved AS (
        UPDATE _archive.flattened_rows AS f
        SET digest = n.digest_of_rest
        FROM renamed AS n
        INNER JOIN element AS e ON e.digest = n.digest AND NOT e.is_loaded
        WHERE f.bronze_table = e.bronze_table AND f.bronze_id = e.bronze_id
    )
    UPDATE bronze.raw_telemetry AS t
    SET processed = true, processing_status = 'processed'
    FROM begun AS b
    INNER JOIN waiting AS w ON w.digest = b.digest
    WHERE t.ingest_time = w.ingest_time AND _archive.payload_digest(t) = w.digest
        AND t.processing_status IS DISTINCT FROM 'processed';
END
$function$;
COMMENT ON FUNCTION _archive.hand_back_payloads() IS
    'Marks payloads that v2 has loaded as processed, and gives v1 back what it has not loaded of '
    'them';
