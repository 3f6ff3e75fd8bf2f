-- New: the actions that jobs call, _etl.sp_load_<fact>, one for each fact. They differ in the name alone.
DO $procedures$
DECLARE
    v_fact text;
    v_procedure text;
BEGIN
    FOREACH v_fact IN ARRAY ARRAY[
        'machine_cycles',
        'machine_downtime',
        'machine_status',
        'machine_alarms',
        'machine_energy',
        'machine_focas',
        'machine_focas_program_production',
        'machine_tool_usage',
        'machine_pm_status',
        'machine_am_status'
    ] LOOP
        v_procedure := format('_etl.%I(job_id integer, config jsonb)', 'sp_load_' || v_fact);
        EXECUTE format($create$
CREATE PROCEDURE %s
LANGUAGE plpgsql
AS $procedure$
BEGIN
    CALL _etl.sp_run_pipeline(%L, job_id, config);
END
$procedure$
$create$, v_procedure, v_fact);
        EXECUTE format('REVOKE ALL ON PROCEDURE %s FROM PUBLIC', v_procedure);
        EXECUTE format('GRANT EXECUTE ON PROCEDURE %s TO setu_etl', v_procedure);
        EXECUTE format(
            'COMMENT ON PROCEDURE %s IS %L',
            v_procedure,
            format('Loads bronze.raw_%s into silver.%s', v_fact, v_fact)
        );
    END LOOP;
END
$procedures$;
