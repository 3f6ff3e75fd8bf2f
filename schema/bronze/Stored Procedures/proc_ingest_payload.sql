-- change: drop

-- An array that is absent or JSON null is skipped; one of another type fails, so that the caller
-- sees the payload as broken. Silver's actual_cycle_time is not in the payload and stays null.
CREATE PROCEDURE bronze.proc_ingest_payload(
    p_payload jsonb,
    p_skip_bronze boolean DEFAULT false
)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog
SET timezone = 'Asia/Kolkata'
AS $procedure$
DECLARE
    v_device_id text := p_payload ->> 'DeviceID';
    v_iot_id text := p_payload ->> 'IOTID';
    v_machine_id text;
    v_company_id text;
    v_plant_id text;
    v_time timestamptz;
    v_shift_id text;
BEGIN
    SELECT m.machine_id, m.company_id, m.plant_id
    INTO v_machine_id, v_company_id, v_plant_id
    FROM master.machine_info AS m
    WHERE m.device_id = v_device_id
      AND m.iot_id = v_iot_id
    ORDER BY m.company_id, m.machine_id
    LIMIT 1;

    IF NOT FOUND THEN
        INSERT INTO bronze.dead_letter_queue (payload, error_reason)
        VALUES (
            p_payload,
            format('Unknown machine: DeviceID=%s, IOTID=%s',
                   COALESCE(v_device_id, 'NULL'), COALESCE(v_iot_id, 'NULL'))
        );
        RETURN;
    END IF;

    v_time := COALESCE(
        (p_payload #>> '{MachineRunningStatus,0,UpdatedTS}')::timestamptz,
        (p_payload #>> '{MachineWiseFocasDetails,0,UpdatedTS}')::timestamptz,
        (p_payload #>> '{MachineWiseFocasDetails,0,Date}')::timestamptz,
        now()
    );
    v_shift_id := master.get_shift_id(v_plant_id, v_time);

    IF p_payload -> 'MachineRunningStatus' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_status (
            time, company_id, machine_id, program_no, status, operator_id, target, shift_id
        )
        SELECT
            (e.item ->> 'UpdatedTS')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'RunningProgramNo',
            e.item ->> 'Status',
            e.item ->> 'OperatorID',
            (e.item ->> 'Target')::integer,
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineRunningStatus') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseCycleDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_cycles (
            cycle_start, cycle_end, company_id, machine_id, program_no, std_load_unload,
            std_cycle_time, actual_load_unload, shift_id, down_threshold
        )
        SELECT
            (e.item ->> 'CycleStart')::timestamptz,
            (e.item ->> 'CycleEnd')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'ProgramNo',
            (e.item ->> 'StdLoadUnload')::integer,
            (e.item ->> 'StdCycleTime')::integer,
            (e.item ->> 'ActualLoadUnload')::integer,
            v_shift_id,
            COALESCE((e.item ->> 'DownThreshold')::integer, 0)
        FROM jsonb_array_elements(p_payload -> 'MachineWiseCycleDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseDownDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_downtime (
            down_start, down_end, company_id, machine_id, down_code, down_id, down_threshold,
            shift_id
        )
        SELECT
            (e.item ->> 'DownStart')::timestamptz,
            (e.item ->> 'DownEnd')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'DownCode',
            (e.item ->> 'DownID')::integer,
            (e.item ->> 'DownThreshold')::integer,
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineWiseDownDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseAlarmDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_alarms (
            time, company_id, machine_id, alarm_no, alarm_desc, shift_id
        )
        SELECT
            (e.item ->> 'AlarmTS')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'AlarmNo',
            e.item ->> 'AlarmDesc',
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineWiseAlarmDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseEnergyDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_energy (
            time, company_id, machine_id, category, servo_energy, spindle_energy, total_energy,
            shift_id
        )
        SELECT
            (e.item ->> 'UpdatedTS')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'Category',
            (e.item ->> 'ServoEnergy')::double precision,
            (e.item ->> 'SpindleEnergy')::double precision,
            (e.item ->> 'TotalEnergy')::double precision,
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineWiseEnergyDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseFocasDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_focas (
            time, company_id, machine_id, shift_id, part_count, rej_count, pot, ot, ct
        )
        SELECT
            COALESCE(e.item ->> 'UpdatedTS', e.item ->> 'Date')::timestamptz,
            v_company_id,
            v_machine_id,
            COALESCE(e.item ->> 'ShiftID', v_shift_id),
            (e.item ->> 'PartCount')::double precision,
            (e.item ->> 'RejCount')::double precision,
            (e.item ->> 'POT')::double precision,
            (e.item ->> 'OT')::double precision,
            (e.item ->> 'CT')::double precision
        FROM jsonb_array_elements(p_payload -> 'MachineWiseFocasDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWiseToolDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_tool_usage (
            time, company_id, machine_id, tool_no, target_count, actual_count, shift_id
        )
        SELECT
            (e.item ->> 'UpdatedTS')::timestamptz,
            v_company_id,
            v_machine_id,
            e.item ->> 'ToolNo',
            (e.item ->> 'Target')::double precision,
            (e.item ->> 'Actual')::double precision,
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineWiseToolDetails') AS e (item);
    END IF;

    IF p_payload -> 'MachineWisePMDetails' <> 'null'::jsonb THEN
        INSERT INTO silver.machine_pm_status (
            time, company_id, machine_id, pm_corrected_count, shift_id
        )
        SELECT
            (e.item ->> 'UpdatedTS')::timestamptz,
            v_company_id,
            v_machine_id,
            (e.item ->> 'PMCorrectedCount')::integer,
            v_shift_id
        FROM jsonb_array_elements(p_payload -> 'MachineWisePMDetails') AS e (item);
    END IF;

    IF NOT p_skip_bronze THEN
        INSERT INTO bronze.raw_telemetry (
            device_id, iot_id, payload, processed, company_id, processing_status
        )
        VALUES (v_device_id, v_iot_id, p_payload, true, v_company_id, 'processed');
    END IF;
END;
$procedure$;
