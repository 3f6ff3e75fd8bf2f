-- what: each company, plant and machine of v1 has its key, and until the swap its v2 row
DO $verify$
DECLARE
    v_v1 text := CASE WHEN to_regclass('_stage.companies') IS NULL
        THEN '_archive' ELSE 'master' END;
    v_v2 text := CASE WHEN to_regclass('_stage.companies') IS NULL THEN 'master' ELSE '_stage' END;
    v_missing text;
BEGIN
    IF to_regclass('_archive.dropped_tables') IS NOT NULL THEN
        RETURN;  -- setu archive drop checked this before it dropped v1's rows
    END IF;
    IF v_v2 = '_stage' THEN
        IF EXISTS (SELECT 1 FROM _stage.noted_masters AS n) THEN
            RETURN;  -- v1 has changed it since: 0103, 0106 and the swap follow
        END IF;
    END IF;
    -- What v1 has registered since this transaction began, 0103 looks for.
    EXECUTE format($query$
        SELECT string_agg(m.what, ', ')
        FROM (
            SELECT format('company %%s', c.company_id) AS what
            FROM %1$I.companies AS c
            LEFT JOIN _archive.company_keys AS k ON k.company_id = c.company_id
            LEFT JOIN %2$I.companies AS t ON t.iot_id = k.company_iot_id
            WHERE (k.company_id IS NULL OR (t.iot_id IS NULL AND %3$L))
                AND age(c.xmin) > age(pg_current_xact_id()::xid)
            UNION ALL
            SELECT format('plant %%s/%%s', p.company_id, p.plant_id)
            FROM %1$I.plants AS p
            LEFT JOIN _archive.plant_keys AS k
                ON k.company_id = p.company_id AND k.plant_id = p.plant_id
            LEFT JOIN %2$I.plants AS t ON t.iot_id = k.plant_iot_id
            WHERE (k.company_id IS NULL OR (t.iot_id IS NULL AND %3$L))
                AND age(p.xmin) > age(pg_current_xact_id()::xid)
            UNION ALL
            SELECT format('machine %%s/%%s', m.company_id, m.machine_id)
            FROM %1$I.machine_info AS m
            LEFT JOIN _archive.machine_keys AS k
                ON k.company_id = m.company_id AND k.machine_id = m.machine_id
            LEFT JOIN %2$I.machine_info AS t ON t.iot_id = k.machine_iot_id
            WHERE (k.company_id IS NULL OR (t.iot_id IS NULL AND %3$L))
                AND age(m.xmin) > age(pg_current_xact_id()::xid)
            LIMIT 20
        ) AS m
    $query$, v_v1, v_v2, v_v2 = '_stage') INTO v_missing;
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'master rows of v1 have no v2 row'
            USING DETAIL = v_missing,
                HINT = 'Run SELECT _stage.sync_master() as the deploying role and look at its '
                       'error';
    END IF;
END
$verify$;
