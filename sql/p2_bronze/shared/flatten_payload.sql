-- Which payload a raw_telemetry row is: it has no key of its own.
CREATE OR REPLACE FUNCTION _archive.payload_digest(p_row bronze.raw_telemetry) RETURNS text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $function$
    SELECT md5(jsonb_build_array(
        p_row.ingest_time, p_row.device_id, p_row.iot_id, p_row.payload, p_row.company_id
    )::text)
$function$;

-- The eight arrays of a v1 payload into the bronze tables; how many rows they gave. Raises
-- no_data_found for a machine that master does not know, and the cast's own error for an invalid
-- value.
CREATE OR REPLACE FUNCTION _archive.flatten_payload(
    p_payload jsonb, p_time timestamptz, p_digest text
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'Asia/Kolkata'  -- v1 read zone-less times so
AS $function$
DECLARE
    v_machine_iot_id integer;
    v_rows bigint := 0;
    v_count bigint;
BEGIN
    SELECT m.iot_id
    INTO v_machine_iot_id
    FROM master.machine_info AS m
    INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
    INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
    WHERE d.device_id = p_payload ->> 'DeviceID' AND m.source_iot_id = p_payload ->> 'IOTID'
    ORDER BY c.company_id, m.machine_id
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no machine with DeviceID % and IOTID %',
            coalesce(p_payload ->> 'DeviceID', 'null'), coalesce(p_payload ->> 'IOTID', 'null')
            USING ERRCODE = 'no_data_found';
    END IF;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_cycles (
            time, device_id, machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload,
                std_cycle_time, down_threshold
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'CycleStart')::timestamptz,
            (e.item ->> 'CycleEnd')::timestamptz,
            e.item ->> 'ProgramNo',
            (e.item ->> 'StdLoadUnload')::bigint,
            (e.item ->> 'StdCycleTime')::bigint,
            coalesce((e.item ->> 'DownThreshold')::bigint, 0)
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseCycleDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_cycles', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_downtime (
            time, device_id, machine_iot_id, down_start, down_end, down_code, down_id,
                down_threshold
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'DownStart')::timestamptz,
            (e.item ->> 'DownEnd')::timestamptz,
            e.item ->> 'DownCode',
            (e.item ->> 'DownID')::bigint,
            (e.item ->> 'DownThreshold')::bigint
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseDownDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_downtime', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_status (
            time, device_id, machine_iot_id, event_time, program_no, status, operator_id, target
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'UpdatedTS')::timestamptz,
            e.item ->> 'RunningProgramNo',
            e.item ->> 'Status',
            e.item ->> 'OperatorID',
            (e.item ->> 'Target')::bigint
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineRunningStatus', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_status', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_alarms (
            time, device_id, machine_iot_id, event_time, alarm_no, alarm_desc
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'AlarmTS')::timestamptz,
            e.item ->> 'AlarmNo',
            e.item ->> 'AlarmDesc'
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseAlarmDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_alarms', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_energy (
            time, device_id, machine_iot_id, event_time, category, servo_energy, spindle_energy,
                total_energy
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'UpdatedTS')::timestamptz,
            e.item ->> 'Category',
            (e.item ->> 'ServoEnergy')::double precision,
            (e.item ->> 'SpindleEnergy')::double precision,
            (e.item ->> 'TotalEnergy')::double precision
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseEnergyDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_energy', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_focas (
            time, device_id, machine_iot_id, event_time, part_count, rej_count, pot, ot, ct
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            coalesce(e.item ->> 'UpdatedTS', e.item ->> 'Date')::timestamptz,
            (e.item ->> 'PartCount')::double precision,
            (e.item ->> 'RejCount')::double precision,
            (e.item ->> 'POT')::double precision,
            (e.item ->> 'OT')::double precision,
            (e.item ->> 'CT')::double precision
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseFocasDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_focas', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_tool_usage (
            time, device_id, machine_iot_id, event_time, tool_no, target_count, actual_count
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'UpdatedTS')::timestamptz,
            e.item ->> 'ToolNo',
            (e.item ->> 'Target')::double precision,
            (e.item ->> 'Actual')::double precision
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWiseToolDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_tool_usage', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    WITH flat AS (
        INSERT INTO bronze.raw_machine_pm_status (
            time, device_id, machine_iot_id, event_time, pm_corrected_count
        )
        SELECT
            p_time, p_payload ->> 'DeviceID', v_machine_iot_id,
            (e.item ->> 'UpdatedTS')::timestamptz,
            (e.item ->> 'PMCorrectedCount')::bigint
        FROM jsonb_array_elements(
            nullif(p_payload -> 'MachineWisePMDetails', 'null'::jsonb)
        ) AS e (item)
        RETURNING id
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_pm_status', f.id, p_digest FROM flat AS f;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rows := v_rows + v_count;

    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.flatten_payload(jsonb, timestamptz, text) IS
    'Writes the arrays of a v1 payload into the bronze tables and returns how many rows they gave';
