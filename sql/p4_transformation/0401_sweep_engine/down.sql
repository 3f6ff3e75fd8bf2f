-- what: drops the skeleton and the views
-- why: mirrors the step up; the watermarks stay, since bronze rows were loaded up to them
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on _etl.watermarks, which a running batch holds to its end
-- down: undone by upgrading again
LOCK TABLE _etl.watermarks IN ACCESS EXCLUSIVE MODE;

-- @community
DROP VIEW _etl.v_compression_ratios;
DROP VIEW _etl.v_chunk_sizes;
DROP VIEW _etl.v_device_machines;
DROP VIEW _etl.v_unknown_codes;
DROP VIEW _etl.v_rejected_rows;
DROP VIEW _etl.v_rejects_by_reason;
DROP VIEW _etl.v_error_rate;
DROP VIEW _etl.v_last_run;
DROP VIEW _etl.v_kafka_offsets;
DROP VIEW _etl.v_pipeline_lag;
DROP FUNCTION _etl.fn_record_fed_rows(text, integer, bigint, bigint, bytea);
DROP FUNCTION _etl.fn_fed_rows(text, integer[], bigint[], bigint[]);
DROP FUNCTION _etl.fn_sequence_use();
DROP FUNCTION _etl.fn_kafka_offsets();
DROP FUNCTION _etl.fn_pipeline_lag();
DROP FUNCTION _etl.fn_grant_insert(regclass, name, name[]);
DROP FUNCTION _etl.fn_restore_column(regclass, name, name[]);
DROP FUNCTION _etl.fn_keep_column(regclass, name, name[]);
DROP PROCEDURE
    _etl.sp_load_machine_am_status(integer, jsonb),
    _etl.sp_load_machine_pm_status(integer, jsonb),
    _etl.sp_load_machine_tool_usage(integer, jsonb),
    _etl.sp_load_machine_focas_program_production(integer, jsonb),
    _etl.sp_load_machine_focas(integer, jsonb),
    _etl.sp_load_machine_energy(integer, jsonb),
    _etl.sp_load_machine_alarms(integer, jsonb),
    _etl.sp_load_machine_status(integer, jsonb),
    _etl.sp_load_machine_downtime(integer, jsonb),
    _etl.sp_load_machine_cycles(integer, jsonb);
DROP FUNCTION _etl.fn_remove_future_rows(timestamptz);
DROP FUNCTION _etl.fn_restore_row(text, integer, timestamptz, text);
DROP FUNCTION _etl.fn_replace_row(text, integer, timestamptz, jsonb, text, text);
DROP FUNCTION _etl.fn_remove_row(text, integer, timestamptz, text, text);
DROP FUNCTION _etl.fn_correct_row(text, integer, timestamptz, text, text, jsonb, text);
DROP FUNCTION _etl.fn_restitch_cycles(integer, timestamptz);
DROP FUNCTION _etl.fn_silver_key(text);
DROP PROCEDURE _etl.sp_discard_rejected(text, bigint[], bigint);
DROP PROCEDURE _etl.sp_resend_rejected(text, text, bigint, bigint[]);
DROP PROCEDURE _etl.sp_run_pipeline(text, integer, jsonb);
DROP FUNCTION _etl.fn_reject_next_row(text, bigint, bigint, text, text);
DROP FUNCTION _etl.fn_run_batch(text, bigint, bigint, timestamptz, integer);
DROP FUNCTION _etl.fn_load_rows(text, bigint, bigint, timestamptz, integer);
DROP FUNCTION _etl.fn_load_statement(text);
DROP FUNCTION _etl.fn_shifts_of_days(date[]);
DROP VIEW _etl.v_machines;
DROP FUNCTION _etl.fn_run_config(text, jsonb);
DROP FUNCTION _etl.fn_sequence_fault(text);
DROP FUNCTION _etl.fn_fence(text, interval);
DROP FUNCTION _etl.fn_sequence_holders(regclass);
