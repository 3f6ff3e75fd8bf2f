-- what: the guards on master are there and on
DO $verify$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(v.name, ', ') INTO v_missing
    FROM (VALUES
        ('master.plants', 'plants_timezone'),
        ('master.plants', 'plants_updated_at'),
        ('master.device_info', 'device_info_updated_at'),
        ('master.machine_assets', 'machine_assets_updated_at'),
        ('master.shift_definitions', 'shift_definitions_updated_at'),
        ('master.machine_info', 'machine_info_device'),
        ('master.device_info', 'device_info_is_assigned')
    ) AS v (table_name, name)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass(v.table_name) AND t.tgname = v.name AND t.tgenabled <> 'D'
    );
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'guards on master are missing or disabled'
            USING DETAIL = format('Triggers: %s.', v_missing),
                HINT = 'Enable or create the triggers of schema_new/master/Functions';
    END IF;
END
$verify$;
