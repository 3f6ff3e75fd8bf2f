-- what: v2's cycles have their hypertable and natural key, and until the swap v1's trigger is on
DO $verify$
DECLARE
    v_staged boolean := to_regclass('_stage.machine_cycles') IS NOT NULL;
    v_schema text := CASE WHEN v_staged THEN '_stage' ELSE 'silver' END;
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass(format('%I.machine_cycles', v_schema))
            AND c.conname = 'machine_cycles_machine_iot_id_cycle_start_key' AND c.contype = 'u'
    ) OR NOT EXISTS (
        SELECT 1 FROM timescaledb_information.dimensions AS d
        WHERE d.hypertable_schema = v_schema AND d.hypertable_name = 'machine_cycles'
            AND d.column_name = 'cycle_start' AND d.time_interval = INTERVAL '7 days'
    ) THEN
        RAISE EXCEPTION '%.machine_cycles is not the v2 hypertable with its natural key', v_schema;
    END IF;
    IF v_staged AND NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = 'silver.machine_cycles'::regclass AND t.tgname = 'setu_carry'
            AND t.tgenabled = 'O'
    ) THEN
        RAISE EXCEPTION 'trigger setu_carry on silver.machine_cycles is missing or disabled'
            USING HINT = 'Rows that v1 wrote meanwhile are not in v2: downgrade to 0101 and upgrade again.';
    END IF;
END
$verify$;
