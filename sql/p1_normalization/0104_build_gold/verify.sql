-- what: eight continuous aggregates over v2's silver (community edition), which notes late rows
DO $verify$
DECLARE
    v_missing text;
BEGIN
    IF current_setting('timescaledb.license') <> 'apache' AND (
        SELECT count(*)
        FROM timescaledb_information.continuous_aggregates AS c
        WHERE (c.view_schema, c.hypertable_schema) IN (('_stage', '_stage'), ('gold', 'silver'))
            AND to_regclass('_archive.company_keys') IS NOT NULL
            AND EXISTS (
                SELECT 1 FROM pg_attribute AS a
                WHERE a.attrelid = to_regclass(format('%I.%I', c.view_schema, c.view_name))
                    AND a.attname = 'machine_iot_id'
            )
    ) <> 8 THEN
        RAISE EXCEPTION 'v2 must have eight continuous aggregates over its silver';
    END IF;
    SELECT string_agg(format('%s_%s', v.name, e.event), ', ') INTO v_missing
    FROM unnest(ARRAY['machine_cycles', 'machine_downtime', 'machine_focas']) AS v (name)
    CROSS JOIN unnest(ARRAY['inserted', 'updated', 'deleted', 'truncated']) AS e (event)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = coalesce(
                to_regclass('_stage.' || v.name), to_regclass('silver.' || v.name)
            )
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
