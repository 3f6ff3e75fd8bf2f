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

-- The arrays of one v1 payload into bronze; the ids that they got. Raises no_data_found for a
-- machine that master does not know, and whatever the cast raises for a value that is none.
CREATE OR REPLACE FUNCTION _archive.flatten_payload(p_payload jsonb, p_time timestamptz)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'Asia/Kolkata'  -- v1 read zone-less times so
AS $function$
DECLARE
    v_machine_iot_id integer;
    v_ids bigint[];
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
            time, device_id, machine_iot_id, cycle_start, cycle_end, program_no,
            std_load_unload, std_cycle_time, down_threshold
        )
        SELECT
            p_time,
            p_payload ->> 'DeviceID',
            v_machine_iot_id,
            (e.item ->> 'CycleStart')::timestamptz,
            (e.item ->> 'CycleEnd')::timestamptz,
            e.item ->> 'ProgramNo',
            (e.item ->> 'StdLoadUnload')::bigint,
            (e.item ->> 'StdCycleTime')::bigint,
            coalesce((e.item ->> 'DownThreshold')::bigint, 0)
        FROM jsonb_array_elements(nullif(p_payload -> 'MachineWiseCycleDetails', 'null'::jsonb)) AS e (item)
        RETURNING id
    )
    SELECT array_agg(f.id) INTO v_ids FROM flat AS f;
    RETURN v_ids;
END
$function$;
COMMENT ON FUNCTION _archive.flatten_payload(jsonb, timestamptz) IS
    'Writes the arrays of a v1 payload into the bronze tables and returns the ids they got';
