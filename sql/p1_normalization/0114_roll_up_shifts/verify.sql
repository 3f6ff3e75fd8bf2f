-- what: the action exists, and silver notes late rows
DO $verify$
DECLARE
    v_missing text;
BEGIN
    IF to_regprocedure('gold.sp_roll_up(integer, jsonb)') IS NULL THEN
        RAISE EXCEPTION 'gold.sp_roll_up is missing, so no day is rolled up';
    END IF;
    SELECT string_agg(v.name, ', ') INTO v_missing
    FROM unnest(ARRAY['machine_cycles', 'machine_downtime', 'machine_focas']) AS v (name)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass('silver.' || v.name) AND t.tgname = v.name || '_late'
            AND t.tgenabled <> 'D'
    );
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'rows that come late are not noted, so reports would miss them'
            USING DETAIL = format('Tables: %s.', v_missing),
                HINT = 'Enable or create the triggers of '
                       'schema_new/gold/Functions/fn_note_late_row.sql';
    END IF;
END
$verify$;
