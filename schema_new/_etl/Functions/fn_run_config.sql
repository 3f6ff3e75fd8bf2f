-- New: a job's config, read and validated before the run begins, so that a mistake is reported and
-- not ignored. Missing settings have their defaults.
CREATE FUNCTION _etl.fn_run_config(
    p_pipeline text,
    p_config jsonb,
    OUT batch_size integer,
    OUT max_batches bigint,
    OUT max_runtime interval,
    OUT fence_wait interval,
    OUT late_window interval
)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    c_settings CONSTANT text[] := '{batch_size,max_batches,max_runtime,fence_wait,late_window}';
    v_setting text;
    v_fault text;
BEGIN
    IF jsonb_typeof(p_config) <> 'object' THEN
        RAISE EXCEPTION 'cannot run pipeline % because its config is not an object', p_pipeline
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Config: %s.', p_config),
                HINT = 'Correct it with alter_job(job_id, config => ''{}''), for example';
    END IF;
    SELECT k.name INTO v_setting FROM jsonb_object_keys(p_config) AS k (name)
    WHERE k.name <> ALL (c_settings)
    ORDER BY k.name
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'cannot run pipeline % because its config has no setting %',
            p_pipeline, v_setting
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Config: %s.', p_config),
                HINT = format('Use one of %s', array_to_string(c_settings, ', '));
    END IF;

    BEGIN
        v_setting := 'batch_size';
        batch_size := p_config ->> v_setting;
        v_fault := CASE
            WHEN batch_size NOT BETWEEN 1 AND 10000000 THEN 'between 1 and 10000000'
        END;
        IF v_fault IS NULL THEN
            v_setting := 'max_batches';
            max_batches := coalesce((p_config ->> v_setting)::bigint, 9223372036854775807);
            v_fault := CASE WHEN max_batches < 1 THEN 'at least 1' END;
        END IF;
        IF v_fault IS NULL THEN
            v_setting := 'max_runtime';
            max_runtime := coalesce((p_config ->> v_setting)::interval, INTERVAL '50 seconds');
            v_fault := CASE WHEN max_runtime < INTERVAL '0' THEN 'not negative' END;
        END IF;
        IF v_fault IS NULL THEN
            v_setting := 'fence_wait';
            fence_wait := coalesce((p_config ->> v_setting)::interval, INTERVAL '500 milliseconds');
            v_fault := CASE
                WHEN fence_wait NOT BETWEEN INTERVAL '0' AND INTERVAL '1 day'
                    THEN 'between 0 and a day'
            END;
        END IF;
        IF v_fault IS NULL THEN
            v_setting := 'late_window';
            late_window := coalesce((p_config ->> v_setting)::interval, INTERVAL '1 hour');
            v_fault := CASE
                WHEN late_window NOT BETWEEN INTERVAL '0' AND INTERVAL '100 years'
                    THEN 'between 0 and 100 years'
            END;
        END IF;
    EXCEPTION WHEN data_exception THEN
        v_fault := CASE
            WHEN v_setting IN ('batch_size', 'max_batches') THEN 'a whole number' ELSE 'an interval'
        END;
    END;
    IF v_fault IS NOT NULL THEN
        RAISE EXCEPTION 'cannot run pipeline % because its % is % and must be %',
            p_pipeline, v_setting, p_config -> v_setting, v_fault
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Config: %s.', p_config),
                HINT = 'Correct the job''s config with alter_job, or leave the setting out';
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_run_config(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_run_config(text, jsonb) TO setu_etl;

COMMENT ON FUNCTION _etl.fn_run_config(text, jsonb) IS
    'The settings of a run from a job''s config; batch_size is null where the pipeline''s own '
    'counts';
