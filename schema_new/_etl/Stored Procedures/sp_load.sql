-- New: the actions that jobs call, one for each fact. They differ only in their names.
CREATE PROCEDURE _etl.sp_load_machine_cycles(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_cycles', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_cycles(integer, jsonb) IS
    'Loads bronze.raw_machine_cycles into silver.machine_cycles';

CREATE PROCEDURE _etl.sp_load_machine_downtime(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_downtime', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_downtime(integer, jsonb) IS
    'Loads bronze.raw_machine_downtime into silver.machine_downtime';

CREATE PROCEDURE _etl.sp_load_machine_status(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_status', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_status(integer, jsonb) IS
    'Loads bronze.raw_machine_status into silver.machine_status';

CREATE PROCEDURE _etl.sp_load_machine_alarms(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_alarms', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_alarms(integer, jsonb) IS
    'Loads bronze.raw_machine_alarms into silver.machine_alarms';

CREATE PROCEDURE _etl.sp_load_machine_energy(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_energy', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_energy(integer, jsonb) IS
    'Loads bronze.raw_machine_energy into silver.machine_energy';

CREATE PROCEDURE _etl.sp_load_machine_focas(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_focas', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_focas(integer, jsonb) IS
    'Loads bronze.raw_machine_focas into silver.machine_focas';

CREATE PROCEDURE _etl.sp_load_machine_focas_program_production(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_focas_program_production', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_focas_program_production(integer, jsonb) IS
    'Loads bronze.raw_machine_focas_program_production into '
    'silver.machine_focas_program_production';

CREATE PROCEDURE _etl.sp_load_machine_tool_usage(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_tool_usage', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_tool_usage(integer, jsonb) IS
    'Loads bronze.raw_machine_tool_usage into silver.machine_tool_usage';

CREATE PROCEDURE _etl.sp_load_machine_pm_status(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_pm_status', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_pm_status(integer, jsonb) IS
    'Loads bronze.raw_machine_pm_status into silver.machine_pm_status';

CREATE PROCEDURE _etl.sp_load_machine_am_status(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline('machine_am_status', job_id, config);
END
$procedure$;
COMMENT ON PROCEDURE _etl.sp_load_machine_am_status(integer, jsonb) IS
    'Loads bronze.raw_machine_am_status into silver.machine_am_status';

REVOKE ALL ON PROCEDURE
    _etl.sp_load_machine_cycles(integer, jsonb),
    _etl.sp_load_machine_downtime(integer, jsonb),
    _etl.sp_load_machine_status(integer, jsonb),
    _etl.sp_load_machine_alarms(integer, jsonb),
    _etl.sp_load_machine_energy(integer, jsonb),
    _etl.sp_load_machine_focas(integer, jsonb),
    _etl.sp_load_machine_focas_program_production(integer, jsonb),
    _etl.sp_load_machine_tool_usage(integer, jsonb),
    _etl.sp_load_machine_pm_status(integer, jsonb),
    _etl.sp_load_machine_am_status(integer, jsonb)
FROM PUBLIC;

GRANT EXECUTE ON PROCEDURE
    _etl.sp_load_machine_cycles(integer, jsonb),
    _etl.sp_load_machine_downtime(integer, jsonb),
    _etl.sp_load_machine_status(integer, jsonb),
    _etl.sp_load_machine_alarms(integer, jsonb),
    _etl.sp_load_machine_energy(integer, jsonb),
    _etl.sp_load_machine_focas(integer, jsonb),
    _etl.sp_load_machine_focas_program_production(integer, jsonb),
    _etl.sp_load_machine_tool_usage(integer, jsonb),
    _etl.sp_load_machine_pm_status(integer, jsonb),
    _etl.sp_load_machine_am_status(integer, jsonb)
TO setu_etl;
