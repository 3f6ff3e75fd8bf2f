-- what: each of the nine loads is there, and its statement builds
DO $verify$
DECLARE
    v_fact text;
BEGIN
    FOREACH v_fact IN ARRAY ARRAY[
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
        IF to_regclass(format('_etl.v_transform_%s', v_fact)) IS NULL THEN
            RAISE EXCEPTION 'the load of % is missing', v_fact;
        END IF;
        IF _etl.fn_load_statement(v_fact) ~ '[{}]' THEN
            RAISE EXCEPTION 'the statement that loads % has a gap that nothing fills', v_fact;
        END IF;
    END LOOP;
END
$verify$;
