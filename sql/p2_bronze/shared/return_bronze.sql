-- lint: allow-file plain-create: the archive outlives a downgrade and is met again
-- The flat tables with their pipelines, and where v1 has the same rows: the array of its payload, and
-- the column behind each key of an element. Null where v1 has no such array.
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

-- The highest bronze id that v2 has loaded, as the archived watermark tells; 0 where none were archived.
CREATE OR REPLACE FUNCTION _archive.last_loaded_id(p_table text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_id bigint;
BEGIN
    IF to_regclass('_archive.v2_watermarks') IS NOT NULL THEN
        EXECUTE 'SELECT w.last_processed_id FROM _archive.v2_watermarks AS w WHERE w.source_table = $1'
        INTO v_id USING 'bronze.' || p_table;
    END IF;
    RETURN coalesce(v_id, 0);
END
$function$;

-- Rows that v2 received and did not load, as payloads that v1 will process. Those that came out of a
-- payload are left out, as the payload itself is still there.
CREATE OR REPLACE FUNCTION _archive.return_rows(p_table text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $function$
DECLARE
    v_flat _archive.flat_tables;
    v_rows bigint;
BEGIN
    SELECT f.* INTO STRICT v_flat FROM _archive.flat_tables AS f WHERE f.table_name = p_table;
    IF v_flat.array_name IS NULL THEN
        RETURN 0;  -- v1 has no place for these rows: they are archived
    END IF;
    -- Each payload is known as flattened into the row that it comes from: another upgrade restores
    -- that row, and must not make a second one of it.
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
                WHERE b.id > _archive.last_loaded_id(%1$L)
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
                SELECT w.id, md5(jsonb_build_array(
                    w.ingest_time, w.device_id, w.iot_id, w.payload, w.company_id
                )::text) AS digest
                FROM waiting AS w
            ),
            known AS (
                INSERT INTO _archive.flattened_payloads (digest)
                SELECT DISTINCT d.digest FROM digests AS d
                ON CONFLICT (digest) DO NOTHING
            )
            INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
            SELECT %1$L, d.id, d.digest FROM digests AS d
        $query$,
        p_table, v_flat.array_name, v_flat.element
    );
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.return_rows(text) IS
    'Gives bronze rows that were not loaded back to v1, as pending payloads';
