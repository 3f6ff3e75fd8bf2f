-- Translates the rows of a time range that v1 does not know into v1's archived table. A row that was
-- open in v1 and was completed under v2 goes back beside it, as v1 itself would have written it.
CREATE OR REPLACE FUNCTION _archive.migrate_back(p_table text, p_from timestamptz, p_to timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_migrated _archive.migrated_tables;
    v_rows bigint;
BEGIN
    SELECT c.* INTO STRICT v_migrated FROM _archive.migrated_tables AS c WHERE c.table_name = p_table;
    EXECUTE format(
        $query$
            INSERT INTO _archive.%1$I
            SELECT v1.*
            FROM %2$I.%1$I AS v2
            CROSS JOIN LATERAL _archive.to_v1(v2) AS v1
            WHERE v2.%3$I >= $1 AND v2.%3$I < $2
                AND NOT EXISTS (
                    SELECT 1
                    FROM _archive.%1$I AS known
                    WHERE known.%4$I >= $1 AND known.%4$I < $2
                        AND known.%4$I = v1.%4$I
                        AND known.company_id = v1.company_id
                        AND known.machine_id = v1.machine_id
                        %5$s
                )
        $query$,
        p_table, v_migrated.schema_name, v_migrated.v2_time, v_migrated.v1_time,
        concat(
            (
                SELECT string_agg(format(
                    $same$AND coalesce(known.%1$I::text, '') = coalesce(v1.%1$I::text, '')$same$, s.name
                ), ' ')
                FROM unnest(v_migrated.same_columns) AS s (name)
            ),
            CASE WHEN v_migrated.end_column IS NOT NULL THEN
                format(' AND known.%1$I IS NOT DISTINCT FROM v1.%1$I', v_migrated.end_column)
            END
        )
    ) USING p_from, p_to;
    GET DIAGNOSTICS v_rows = ROW_COUNT;

    -- An alert that was resolved under v2 is resolved.
    IF p_table = 'history' THEN
        UPDATE _archive.history AS v1
        SET status = v2.status, resolved_at = v2.resolved_at
        FROM alerting.history AS v2
        WHERE v2.time >= p_from AND v2.time < p_to
            AND v1.time = v2.time AND v1.alert_id = v2.alert_id
            AND (v1.status, v1.resolved_at) IS DISTINCT FROM (v2.status, v2.resolved_at);
    END IF;
    RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION _archive.migrate_back(text, timestamptz, timestamptz) IS
    'Translates the rows of a table and a time range that v1 does not know into v1''s archived table';
