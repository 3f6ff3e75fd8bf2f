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
    SELECT string_agg(format('%s_%s', v.name, v.event), ', ') INTO v_missing
    FROM (
        SELECT d.layer, d.name, n.event
        FROM (VALUES
            ('silver', 'machine_cycles'),
            ('silver', 'machine_downtime'),
            ('silver', 'machine_focas')
        ) AS d (layer, name)
        CROSS JOIN unnest(ARRAY[
            'inserted', 'updated', 'deleted', 'truncated',
            'count_inserted', 'count_updated', 'count_truncated'
        ]) AS n (event)
        UNION ALL
        SELECT 'gold', 'machine_shifts', n.event
        FROM unnest(ARRAY[
            'inserted', 'updated_from', 'updated_to', 'deleted', 'truncated'
        ]) AS n (event)
    ) AS v
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgrelid = coalesce(
                to_regclass('_stage.' || v.name), to_regclass(format('%I.%I', v.layer, v.name))
            )
            AND t.tgname = format('%s_%s', v.name, v.event) AND t.tgenabled <> 'D'
    );
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'rows of silver are not counted or noted, so reports would miss them'
            USING DETAIL = format('Triggers: %s.', v_missing),
                HINT = 'Enable the triggers, or create them by schema_new/gold/Functions/'
                       'fn_count_*.sql, fn_note_*.sql and fn_keep_machine_days.sql';
    END IF;
END
$verify$;
