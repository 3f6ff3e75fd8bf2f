-- The flat tables with their pipelines, and the array of a v1 payload that holds the same rows; null
-- where v1 has none.
CREATE TABLE IF NOT EXISTS _archive.flat_tables (
    table_name text PRIMARY KEY,
    pipeline text NOT NULL,
    array_name text
);
TRUNCATE _archive.flat_tables;
INSERT INTO _archive.flat_tables (table_name, pipeline, array_name)
VALUES
    ('raw_machine_cycles', 'machine_cycles', 'MachineWiseCycleDetails'),
    ('raw_machine_downtime', 'machine_downtime', 'MachineWiseDownDetails'),
    ('raw_machine_status', 'machine_status', 'MachineRunningStatus'),
    ('raw_machine_alarms', 'machine_alarms', 'MachineWiseAlarmDetails'),
    ('raw_machine_energy', 'machine_energy', 'MachineWiseEnergyDetails'),
    ('raw_machine_focas', 'machine_focas', 'MachineWiseFocasDetails'),
    ('raw_machine_tool_usage', 'machine_tool_usage', 'MachineWiseToolDetails'),
    ('raw_machine_pm_status', 'machine_pm_status', 'MachineWisePMDetails'),
    ('raw_machine_focas_program_production', 'machine_focas_program_production', NULL),
    ('raw_machine_am_status', 'machine_am_status', NULL);

-- The highest bronze id that v2 has loaded, as the sleeping watermark tells; 0 where none slept.
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

-- A flat row as the element of its array in a v1 payload.
CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_cycles) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'CycleStart', b.cycle_start,
        'CycleEnd', b.cycle_end,
        'ProgramNo', b.program_no,
        'StdLoadUnload', b.std_load_unload,
        'StdCycleTime', b.std_cycle_time,
        'DownThreshold', b.down_threshold
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_downtime) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'DownStart', b.down_start,
        'DownEnd', b.down_end,
        'DownCode', b.down_code,
        'DownID', b.down_id,
        'DownThreshold', b.down_threshold
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_status) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'UpdatedTS', b.event_time,
        'RunningProgramNo', b.program_no,
        'Status', b.status,
        'OperatorID', b.operator_id,
        'Target', b.target
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_alarms) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'AlarmTS', b.event_time,
        'AlarmNo', b.alarm_no,
        'AlarmDesc', b.alarm_desc
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_energy) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'UpdatedTS', b.event_time,
        'Category', b.category,
        'ServoEnergy', b.servo_energy,
        'SpindleEnergy', b.spindle_energy,
        'TotalEnergy', b.total_energy
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_focas) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'UpdatedTS', b.event_time,
        'PartCount', b.part_count,
        'RejCount', b.rej_count,
        'POT', b.pot,
        'OT', b.ot,
        'CT', b.ct
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_tool_usage) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'UpdatedTS', b.event_time,
        'ToolNo', b.tool_no,
        'Target', b.target_count,
        'Actual', b.actual_count
    )
$function$;

CREATE OR REPLACE FUNCTION _archive.as_element(b bronze.raw_machine_pm_status) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER
AS $function$
    SELECT jsonb_build_object(
        'UpdatedTS', b.event_time,
        'PMCorrectedCount', b.pm_corrected_count
    )
$function$;

-- Rows that v2 received and did not load, as payloads that v1 will process. Those that came out of a
-- payload are left out, as the payload itself is still there; so are those that an earlier downgrade
-- gave back and that slept through the upgrade since.
CREATE OR REPLACE FUNCTION _archive.return_rows(p_table text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $function$
DECLARE
    v_array text;
    v_rows bigint;
BEGIN
    SELECT f.array_name INTO v_array FROM _archive.flat_tables AS f WHERE f.table_name = p_table;
    IF v_array IS NULL THEN
        RETURN 0;  -- v1 has no place for these rows: they sleep
    END IF;
    EXECUTE format(
        $query$
            WITH returned AS (
                INSERT INTO _archive.returned_rows (bronze_table, bronze_id)
                SELECT %1$L, b.id
                FROM bronze.%1$I AS b
                WHERE b.id > _archive.last_loaded_id(%1$L)
                    AND NOT EXISTS (
                        SELECT 1 FROM _archive.flattened_rows AS f
                        WHERE f.bronze_table = %1$L AND f.bronze_id = b.id
                    )
                ON CONFLICT DO NOTHING
                RETURNING bronze_id
            )
            INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, company_id)
            SELECT
                b.time,
                b.device_id,
                coalesce(m.source_iot_id, b.machine_iot_id::text),
                jsonb_build_object(
                    'DeviceID', coalesce(d.device_id, b.device_id),
                    'IOTID', coalesce(m.source_iot_id, b.machine_iot_id::text),
                    %2$L, jsonb_build_array(_archive.as_element(b))
                ),
                ck.company_id
            FROM returned AS r
            INNER JOIN bronze.%1$I AS b ON b.id = r.bronze_id
            LEFT JOIN master.machine_info AS m ON m.iot_id = b.machine_iot_id
            LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
            LEFT JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
        $query$,
        p_table, v_array
    );
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.return_rows(text) IS
    'Gives bronze rows that were not loaded back to v1, as pending payloads';
