-- The highest bronze id that v2 has loaded, as the sleeping watermark tells; 0 where none slept.
CREATE OR REPLACE FUNCTION _archive.last_loaded_id(p_pipeline text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_id bigint;
BEGIN
    IF to_regclass('_archive.v2_watermarks') IS NOT NULL THEN
        EXECUTE 'SELECT w.last_processed_id FROM _archive.v2_watermarks AS w WHERE w.pipeline = $1'
        INTO v_id USING p_pipeline;
    END IF;
    RETURN coalesce(v_id, 0);
END
$function$;

-- Cycles that v2 received and did not load, as payloads that v1 will process. Those that came out
-- of a payload are left out: the payload itself is still there.
CREATE OR REPLACE FUNCTION _archive.return_machine_cycles() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $function$
DECLARE
    v_rows bigint;
BEGIN
    -- Each payload is known as flattened into the row that it comes from: another upgrade wakes
    -- that row, and must not make a second one of it.
    WITH waiting AS MATERIALIZED (
        SELECT
            b.id,
            b.time AS ingest_time,
            b.device_id,
            coalesce(m.source_iot_id, b.machine_iot_id::text) AS iot_id,
            jsonb_build_object(
                'DeviceID', coalesce(d.device_id, b.device_id),
                'IOTID', coalesce(m.source_iot_id, b.machine_iot_id::text),
                'MachineWiseCycleDetails', jsonb_build_array(jsonb_build_object(
                    'CycleStart', b.cycle_start,
                    'CycleEnd', b.cycle_end,
                    'ProgramNo', b.program_no,
                    'StdLoadUnload', b.std_load_unload,
                    'StdCycleTime', b.std_cycle_time,
                    'DownThreshold', b.down_threshold
                ))
            ) AS payload,
            ck.company_id
        FROM bronze.raw_machine_cycles AS b
        LEFT JOIN master.machine_info AS m ON m.iot_id = b.machine_iot_id
        LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
        LEFT JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
        WHERE b.id > _archive.last_loaded_id('machine_cycles')
            AND NOT EXISTS (
                SELECT 1 FROM _archive.flattened_rows AS f
                WHERE f.bronze_table = 'raw_machine_cycles' AND f.bronze_id = b.id
            )
    ),
    returned AS (
        INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, company_id)
        SELECT w.ingest_time, w.device_id, w.iot_id, w.payload, w.company_id FROM waiting AS w
    ),
    digests AS (
        SELECT w.id, md5(jsonb_build_array(
            w.ingest_time, w.device_id, w.iot_id, w.payload, w.company_id
        )::text) AS digest
        FROM waiting AS w
    ),
    known AS (
        INSERT INTO _archive.flattened_payloads (digest, is_whole)
        SELECT DISTINCT d.digest, true FROM digests AS d
        ON CONFLICT (digest) DO NOTHING
    )
    INSERT INTO _archive.flattened_rows (bronze_table, bronze_id, digest)
    SELECT 'raw_machine_cycles', d.id, d.digest FROM digests AS d;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.return_machine_cycles() IS
    'Gives bronze cycles that were not loaded back to v1, as pending payloads';
