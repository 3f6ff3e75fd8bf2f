-- what: silver notes late rows
DO $verify$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(format('%s_%s', v.name, e.event), ', ') INTO v_missing
    FROM unnest(ARRAY['machine_cycles', 'machine_downtime', 'machine_focas']) AS v (name)
    CROSS JOIN unnest(ARRAY['inserted', 'updated', 'deleted', 'truncated']) AS e (event)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass('silver.' || v.name)
            AND t.tgname = format('%s_%s', v.name, e.event) AND t.tgenabled <> 'D'
    );
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'rows that come late are not noted, so reports would miss them'
            USING DETAIL = format('Triggers: %s.', v_missing),
                HINT = 'Enable the triggers, or create them by '
                       'schema_new/gold/Functions/fn_note_*.sql';
    END IF;
END
$verify$;
