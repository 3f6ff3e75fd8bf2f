CREATE OR REPLACE FUNCTION _archive.migrate_master_back() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_refused text;
    v_code record;
    v_number integer;
BEGIN
    -- v1 cannot hold a machine without a plant or a gateway. Inventing one would be worse. One that
    -- v1 itself has deleted since the expansion stays deleted there.
    SELECT string_agg(format('%s (iot_id %s)', m.machine_id, m.iot_id), ', ' ORDER BY m.iot_id)
    INTO v_refused
    FROM master.machine_info AS m
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    WHERE (pm.plant_iot_id IS NULL OR m.device_iot_id IS NULL)
        AND NOT EXISTS (
            SELECT 1 FROM _archive.machine_keys AS k
            LEFT JOIN _archive.machine_info AS v1
                ON v1.company_id = k.company_id AND v1.machine_id = k.machine_id
            WHERE k.machine_iot_id = m.iot_id AND v1.machine_id IS NULL
        );
    IF v_refused IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because it has no machines without a plant or a '
                        'device'
            USING ERRCODE = 'not_null_violation', DETAIL = format('Machines: %s.', v_refused),
                HINT = 'Give each a row in master.plant_machine_mapping and a device_iot_id, then '
                       'downgrade again';
    END IF;

    SELECT string_agg(format('%s %s', o.kind, o.name), ', ' ORDER BY o.kind, o.name)
    INTO v_refused
    FROM (
        SELECT 'machine' AS kind, m.machine_id AS name, k.company_id, m.company_iot_id
        FROM master.machine_info AS m
        INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = m.iot_id
        UNION ALL
        SELECT 'plant', p.plant_id, k.company_id, p.company_iot_id
        FROM master.plants AS p
        INNER JOIN _archive.plant_keys AS k ON k.plant_iot_id = p.iot_id
    ) AS o
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = o.company_id
    INNER JOIN master.companies AS c ON c.iot_id = ck.company_iot_id
    WHERE ck.company_iot_id <> o.company_iot_id;
    IF v_refused IS NOT NULL THEN
        RAISE EXCEPTION 'cannot go back to v1 because its machines and plants stay with their '
                        'company'
            USING ERRCODE = 'foreign_key_violation',
                DETAIL = format('Moved to another: %s.', v_refused),
                HINT = 'Move each back to its company, then downgrade again';
    END IF;

    -- An object that was deleted and created again under the same name has another key now. Rows in
    -- silver may still have a machine's former one.
    UPDATE _archive.company_keys AS k
    SET company_iot_id = c.iot_id
    FROM master.companies AS c
    WHERE c.company_id = k.company_id
        AND NOT EXISTS (SELECT 1 FROM master.companies AS o WHERE o.iot_id = k.company_iot_id)
        AND NOT EXISTS (SELECT 1 FROM _archive.company_keys AS o WHERE o.company_iot_id = c.iot_id);
    UPDATE _archive.plant_keys AS k
    SET plant_iot_id = p.iot_id
    FROM master.plants AS p
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = p.company_iot_id
    WHERE p.plant_id = k.plant_id AND ck.company_id = k.company_id
        AND NOT EXISTS (SELECT 1 FROM master.plants AS o WHERE o.iot_id = k.plant_iot_id)
        AND NOT EXISTS (SELECT 1 FROM _archive.plant_keys AS o WHERE o.plant_iot_id = p.iot_id);
    WITH anew AS (
        SELECT k.machine_iot_id, m.iot_id, k.company_id, k.machine_id
        FROM _archive.machine_keys AS k
        INNER JOIN master.machine_info AS m ON m.machine_id = k.machine_id
        INNER JOIN _archive.company_keys AS ck
            ON ck.company_iot_id = m.company_iot_id AND ck.company_id = k.company_id
        WHERE NOT EXISTS (SELECT 1 FROM master.machine_info AS o WHERE o.iot_id = k.machine_iot_id)
            AND NOT EXISTS (
                SELECT 1 FROM _archive.machine_keys AS o WHERE o.machine_iot_id = m.iot_id
            )
    ),
    former AS (
        INSERT INTO _archive.former_machine_keys (machine_iot_id, company_id, machine_id)
        SELECT a.machine_iot_id, a.company_id, a.machine_id FROM anew AS a
        ON CONFLICT (machine_iot_id) DO NOTHING
    )
    UPDATE _archive.machine_keys AS k
    SET machine_iot_id = a.iot_id
    FROM anew AS a
    WHERE k.machine_iot_id = a.machine_iot_id;

    INSERT INTO _archive.company_keys (company_iot_id, company_id)
    SELECT c.iot_id, c.company_id
    FROM master.companies AS c
    WHERE NOT EXISTS (SELECT 1 FROM _archive.company_keys AS k WHERE k.company_iot_id = c.iot_id);

    -- Only rows that differ are proposed, here and below: a trigger of somebody's own, before
    -- INSERT, fires for each row before a conflict is looked for, and may change it.
    INSERT INTO _archive.companies AS v1 (company_id, company_name, effective_from_date, created_at)
    SELECT k.company_id, c.company_name, c.effective_from_date, c.created_at
    FROM master.companies AS c
    INNER JOIN _archive.company_keys AS k ON k.company_iot_id = c.iot_id
    EXCEPT
    SELECT v1.company_id, v1.company_name, v1.effective_from_date, v1.created_at
    FROM _archive.companies AS v1
    ON CONFLICT (company_id) DO UPDATE
    SET company_name = excluded.company_name,
        effective_from_date = excluded.effective_from_date,
        created_at = excluded.created_at;

    INSERT INTO _archive.plant_keys (plant_iot_id, company_id, plant_id)
    SELECT p.iot_id, ck.company_id, p.plant_id
    FROM master.plants AS p
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = p.company_iot_id
    WHERE NOT EXISTS (SELECT 1 FROM _archive.plant_keys AS k WHERE k.plant_iot_id = p.iot_id);

    INSERT INTO _archive.plants AS v1 (plant_id, company_id, plant_name, plant_city, created_at)
    SELECT k.plant_id, k.company_id, p.plant_name, p.plant_city, p.created_at
    FROM master.plants AS p
    INNER JOIN _archive.plant_keys AS k ON k.plant_iot_id = p.iot_id
    EXCEPT
    SELECT v1.plant_id, v1.company_id, v1.plant_name, v1.plant_city, v1.created_at
    FROM _archive.plants AS v1
    ON CONFLICT (plant_id, company_id) DO UPDATE
    SET plant_name = excluded.plant_name,
        plant_city = excluded.plant_city,
        created_at = excluded.created_at;

    INSERT INTO _archive.machine_keys (machine_iot_id, company_id, machine_id)
    SELECT m.iot_id, ck.company_id, m.machine_id
    FROM master.machine_info AS m
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
    WHERE NOT EXISTS (SELECT 1 FROM _archive.machine_keys AS k WHERE k.machine_iot_id = m.iot_id);

    -- A gateway is let go of before another machine of its company takes it. v1 has no machine
    -- without one, so the text says whose it was; only a machine that v2 has no longer keeps it.
    UPDATE _archive.machine_info AS v1
    SET device_id = format('%s, once of %s', v1.device_id, v1.machine_id)
    FROM master.machine_info AS m
    INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = m.iot_id
    INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
    WHERE v1.company_id = k.company_id AND v1.device_id = d.device_id
        AND v1.machine_id <> k.machine_id;

    INSERT INTO _archive.machine_info AS v1 (
        machine_id, company_id, plant_id, device_id, iot_id, created_at
    )
    SELECT k.machine_id, k.company_id, pk.plant_id, d.device_id, m.source_iot_id, m.created_at
    FROM master.machine_info AS m
    INNER JOIN _archive.machine_keys AS k ON k.machine_iot_id = m.iot_id
    INNER JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
    INNER JOIN _archive.plant_keys AS pk ON pk.plant_iot_id = pm.plant_iot_id
    INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
    EXCEPT
    SELECT v1.machine_id, v1.company_id, v1.plant_id, v1.device_id, v1.iot_id, v1.created_at
    FROM _archive.machine_info AS v1
    ON CONFLICT (machine_id, company_id) DO UPDATE
    SET plant_id = excluded.plant_id,
        device_id = excluded.device_id,
        iot_id = excluded.iot_id,
        created_at = excluded.created_at;

    -- A shift that v2 added is called by its number in v1, or SHIFT-n where that name is taken.
    INSERT INTO _archive.shift_keys (plant_iot_id, shift_id, v1_shift_id)
    SELECT s.plant_iot_id, s.shift_id,
        CASE WHEN EXISTS (
            SELECT 1 FROM _archive.shift_keys AS k
            WHERE k.plant_iot_id = s.plant_iot_id AND k.v1_shift_id = s.shift_id::text
        ) THEN format('SHIFT-%s', s.shift_id) ELSE s.shift_id::text END
    FROM master.shift_definitions AS s
    WHERE s.is_running AND NOT EXISTS (
        SELECT 1 FROM _archive.shift_keys AS k
        WHERE k.plant_iot_id = s.plant_iot_id AND k.shift_id = s.shift_id
    );

    INSERT INTO _archive.shifts AS v1 (
        shift_id, company_id, plant_id, shift_name, start_time, duration_hrs, created_at
    )
    SELECT k.v1_shift_id, pk.company_id, pk.plant_id, s.shift_name, s.start_time, l.duration_hrs,
        s.created_at
    FROM master.shift_definitions AS s
    INNER JOIN _archive.shift_keys AS k
        ON k.plant_iot_id = s.plant_iot_id AND k.shift_id = s.shift_id
    INNER JOIN _archive.plant_keys AS pk ON pk.plant_iot_id = s.plant_iot_id
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM (s.end_time - s.start_time)
            + (s.to_day - s.from_day) * INTERVAL '24 hours') / 3600 AS duration_hrs
    ) AS l
    WHERE NOT EXISTS (
        SELECT 1 FROM _archive.shifts AS v1
        WHERE v1.shift_id = k.v1_shift_id AND v1.company_id = pk.company_id
            AND v1.plant_id = pk.plant_id
            -- v1's 24:00 is v2's 00:00.
            AND (v1.shift_name, v1.start_time + INTERVAL '0 hours', v1.created_at)
                IS NOT DISTINCT FROM (s.shift_name, s.start_time, s.created_at)
            AND abs(coalesce(v1.duration_hrs, 8) - l.duration_hrs) <= 0.0000001
    )
    ON CONFLICT (shift_id, company_id, plant_id) DO UPDATE
    SET shift_name = excluded.shift_name,
        start_time = excluded.start_time,
        duration_hrs = excluded.duration_hrs,
        created_at = excluded.created_at;

    -- v1 keeps codes by company. One that v2 added goes to each of them, under the number that its
    -- gateways use for it or, where they have none, under its first free one.
    IF to_regclass('_archive.v2_downtime_code_mapping') IS NOT NULL THEN
        EXECUTE $query$
            INSERT INTO _archive.down_code_keys AS k (company_id, v1_down_id, down_id)
            SELECT ck.company_id, m.source_down_id, m.down_id
            FROM _archive.v2_downtime_code_mapping AS m
            INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = m.company_iot_id
            ON CONFLICT (company_id, v1_down_id) DO UPDATE
            SET down_id = excluded.down_id WHERE k.down_id <> excluded.down_id
        $query$;
    END IF;
    FOR v_code IN
        SELECT d.down_id, d.down_code, d.description, d.category, d.threshold_sec, d.created_at,
            ck.company_id
        FROM master.downtime_codes AS d
        CROSS JOIN _archive.company_keys AS ck
        WHERE NOT EXISTS (
            SELECT 1 FROM _archive.downtime_codes AS v1 WHERE v1.down_code = d.down_code
        )
        ORDER BY d.down_id, ck.company_id
    LOOP
        SELECT coalesce(min(k.v1_down_id), v_code.down_id) INTO v_number
        FROM _archive.down_code_keys AS k
        WHERE k.company_id = v_code.company_id AND k.down_id = v_code.down_id;
        IF EXISTS (
            SELECT 1 FROM _archive.downtime_codes AS c
            WHERE c.company_id = v_code.company_id AND c.down_id = v_number
        ) THEN
            SELECT min(n.number)
            INTO v_number
            FROM generate_series(
                1, (SELECT count(*) + 1 FROM _archive.downtime_codes)
            ) AS n (number)
            WHERE NOT EXISTS (
                SELECT 1 FROM _archive.downtime_codes AS c
                WHERE c.company_id = v_code.company_id AND c.down_id = n.number
            );
        END IF;
        INSERT INTO _archive.downtime_codes (
            down_id, down_code, description, category, threshold_sec, created_at, company_id
        )
        VALUES (v_number, v_code.down_code, v_code.description, v_code.category,
            v_code.threshold_sec, v_code.created_at, v_code.company_id);
        INSERT INTO _archive.down_code_keys (company_id, v1_down_id, down_id)
        VALUES (v_code.company_id, v_number, v_code.down_id)
        ON CONFLICT (company_id, v1_down_id) DO NOTHING;
    END LOOP;
    -- Further numbers that a company's gateways use.
    INSERT INTO _archive.downtime_codes (
        down_id, down_code, description, category, threshold_sec, created_at, company_id
    )
    SELECT k.v1_down_id, d.down_code, d.description, d.category, d.threshold_sec, d.created_at,
        k.company_id
    FROM _archive.down_code_keys AS k
    INNER JOIN master.downtime_codes AS d ON d.down_id = k.down_id
    WHERE NOT EXISTS (
        SELECT 1 FROM _archive.downtime_codes AS v1
        WHERE v1.down_id = k.v1_down_id AND v1.company_id = k.company_id
    );

    INSERT INTO _archive.users AS v1 (
        user_id, user_no, full_name, role, plant_id, created_at, company_id
    )
    SELECT u.user_id, u.user_no, u.full_name, u.role, pk.plant_id, u.created_at, ck.company_id
    FROM master.users AS u
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = u.company_iot_id
    LEFT JOIN _archive.plant_keys AS pk ON pk.plant_iot_id = u.plant_iot_id
    EXCEPT
    SELECT v1.user_id, v1.user_no, v1.full_name, v1.role, v1.plant_id, v1.created_at, v1.company_id
    FROM _archive.users AS v1
    ON CONFLICT (user_id, company_id) DO UPDATE
    SET user_no = excluded.user_no, full_name = excluded.full_name, role = excluded.role,
        plant_id = excluded.plant_id, created_at = excluded.created_at;

    INSERT INTO _archive.machine_assets AS v1 (
        asset_id, machine_id, company_id, supplier_name, model_number, manufacturing_year,
        commissioned_date, warranty_expire_date, license_type, is_activated, customer_address,
        support_contact, created_at
    )
    SELECT a.asset_id, mk.machine_id, mk.company_id, a.supplier_name, a.model_number,
        a.manufacturing_year, a.commissioned_date, a.warranty_expire_date,
        -- A licence that v1 left null is v2's lowest tier, and stays null.
        CASE WHEN known.asset_id IS NOT NULL AND known.license_type IS NULL
            AND a.subscription_tier = 'Freemium' THEN NULL ELSE tier.license_type END,
        a.is_activated, a.customer_address, a.support_contact, a.created_at
    FROM master.machine_assets AS a
    INNER JOIN _archive.machine_keys AS mk ON mk.machine_iot_id = a.machine_iot_id
    INNER JOIN _archive.machine_info AS m
        ON m.company_id = mk.company_id AND m.machine_id = mk.machine_id
    INNER JOIN (
        VALUES ('Standard', 'Freemium'), ('Premium', 'Plus'), ('Enterprise', 'Pro')
    ) AS tier (license_type, name) ON tier.name = a.subscription_tier
    LEFT JOIN _archive.machine_assets AS known ON known.asset_id = a.asset_id
    EXCEPT
    SELECT v1.asset_id, v1.machine_id, v1.company_id, v1.supplier_name, v1.model_number,
        v1.manufacturing_year, v1.commissioned_date, v1.warranty_expire_date, v1.license_type,
        v1.is_activated, v1.customer_address, v1.support_contact, v1.created_at
    FROM _archive.machine_assets AS v1
    ON CONFLICT (asset_id) DO UPDATE
    SET machine_id = excluded.machine_id, company_id = excluded.company_id,
        supplier_name = excluded.supplier_name, model_number = excluded.model_number,
        manufacturing_year = excluded.manufacturing_year,
        commissioned_date = excluded.commissioned_date,
        warranty_expire_date = excluded.warranty_expire_date, license_type = excluded.license_type,
        is_activated = excluded.is_activated, customer_address = excluded.customer_address,
        support_contact = excluded.support_contact, created_at = excluded.created_at;

    INSERT INTO _archive.production_targets AS v1 (
        target_id, machine_id, company_id, program_no, shift_id, target_parts_per_hour,
        std_cycle_time_sec, effective_start_date, effective_end_date, created_at
    )
    SELECT p.target_id, mk.machine_id, mk.company_id, p.program_no,
        -- A v1 shift that is none of the plant's has no number in v2, and keeps its name.
        CASE WHEN p.shift_id IS NULL THEN known.shift_id
            ELSE coalesce(sk.v1_shift_id, p.shift_id::text) END,
        p.target_parts_per_hour, p.std_cycle_time_sec, p.effective_start_date, p.effective_end_date,
        p.created_at
    FROM master.production_targets AS p
    INNER JOIN _archive.machine_keys AS mk ON mk.machine_iot_id = p.machine_iot_id
    INNER JOIN _archive.machine_info AS m
        ON m.company_id = mk.company_id AND m.machine_id = mk.machine_id
    LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = p.machine_iot_id
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pm.plant_iot_id AND sk.shift_id = p.shift_id
    LEFT JOIN _archive.production_targets AS known ON known.target_id = p.target_id
    EXCEPT
    SELECT v1.target_id, v1.machine_id, v1.company_id, v1.program_no, v1.shift_id,
        v1.target_parts_per_hour, v1.std_cycle_time_sec, v1.effective_start_date,
        v1.effective_end_date, v1.created_at
    FROM _archive.production_targets AS v1
    ON CONFLICT (target_id) DO UPDATE
    SET machine_id = excluded.machine_id, company_id = excluded.company_id,
        program_no = excluded.program_no, shift_id = excluded.shift_id,
        target_parts_per_hour = excluded.target_parts_per_hour,
        std_cycle_time_sec = excluded.std_cycle_time_sec,
        effective_start_date = excluded.effective_start_date,
        effective_end_date = excluded.effective_end_date, created_at = excluded.created_at;

    INSERT INTO _archive.alert_rules AS v1 (
        rule_id, rule_name, description, metric, condition_operator, threshold_value, duration_sec,
        severity, enabled, created_at, value_type, company_id
    )
    SELECT r.rule_id, r.rule_name, r.description, r.metric, r.condition_operator, r.threshold_value,
        r.duration_sec, r.severity, r.enabled, r.created_at, r.value_type, ck.company_id
    FROM config.alert_rules AS r
    LEFT JOIN _archive.company_keys AS ck ON ck.company_iot_id = r.company_iot_id
    EXCEPT
    SELECT v1.rule_id, v1.rule_name, v1.description, v1.metric, v1.condition_operator,
        v1.threshold_value, v1.duration_sec, v1.severity, v1.enabled, v1.created_at, v1.value_type,
        v1.company_id
    FROM _archive.alert_rules AS v1
    ON CONFLICT (rule_id) DO UPDATE
    SET rule_name = excluded.rule_name, description = excluded.description,
        metric = excluded.metric, condition_operator = excluded.condition_operator,
        threshold_value = excluded.threshold_value, duration_sec = excluded.duration_sec,
        severity = excluded.severity, enabled = excluded.enabled, created_at = excluded.created_at,
        value_type = excluded.value_type, company_id = excluded.company_id;

    INSERT INTO _archive.alert_subscriptions AS v1 (
        subscription_id, rule_id, user_id, method, target_address, created_at, company_id
    )
    SELECT a.subscription_id, a.rule_id, a.user_id, a.method, a.target_address, a.created_at,
        ck.company_id
    FROM config.alert_subscriptions AS a
    LEFT JOIN _archive.company_keys AS ck ON ck.company_iot_id = a.company_iot_id
    EXCEPT
    SELECT v1.subscription_id, v1.rule_id, v1.user_id, v1.method, v1.target_address, v1.created_at,
        v1.company_id
    FROM _archive.alert_subscriptions AS v1
    ON CONFLICT (subscription_id) DO UPDATE
    SET rule_id = excluded.rule_id, user_id = excluded.user_id, method = excluded.method,
        target_address = excluded.target_address, created_at = excluded.created_at,
        company_id = excluded.company_id;

    -- Active alerts are state, not history: v1 gets those of v2.
    DELETE FROM _archive.active_alerts AS v1
    WHERE NOT EXISTS (
        SELECT 1 FROM alerting.active_alerts AS a
        INNER JOIN _archive.machine_keys AS mk ON mk.machine_iot_id = a.machine_iot_id
        WHERE mk.company_id = v1.company_id AND mk.machine_id = v1.machine_id
            AND a.rule_id = v1.rule_id
    );
    INSERT INTO _archive.active_alerts AS v1 (
        company_id, machine_id, rule_id, start_time, last_checked_at
    )
    SELECT mk.company_id, mk.machine_id, a.rule_id, a.start_time, a.last_checked_at
    FROM alerting.active_alerts AS a
    INNER JOIN _archive.machine_keys AS mk ON mk.machine_iot_id = a.machine_iot_id
    INNER JOIN _archive.machine_info AS m
        ON m.company_id = mk.company_id AND m.machine_id = mk.machine_id
    EXCEPT
    SELECT v1.company_id, v1.machine_id, v1.rule_id, v1.start_time, v1.last_checked_at
    FROM _archive.active_alerts AS v1
    ON CONFLICT (company_id, machine_id, rule_id) DO UPDATE
    SET start_time = excluded.start_time, last_checked_at = excluded.last_checked_at;

    -- Ids continue above those of both versions.
    PERFORM setval(pg_get_serial_sequence('_archive.' || n.name, n.id), n.last)
    FROM (
        SELECT 'production_targets' AS name, 'target_id' AS id, max(t.target_id)::bigint AS last
        FROM _archive.production_targets AS t
        UNION ALL
        SELECT 'alert_rules', 'rule_id', max(t.rule_id) FROM _archive.alert_rules AS t
        UNION ALL
        SELECT 'alert_subscriptions', 'subscription_id', max(t.subscription_id)
        FROM _archive.alert_subscriptions AS t
        UNION ALL
        SELECT 'history', 'alert_id', q.last_value FROM alerting.history_alert_id_seq AS q
        WHERE q.is_called
    ) AS n
    WHERE n.last > (
        SELECT coalesce(
            pg_sequence_last_value(pg_get_serial_sequence('_archive.' || n.name, n.id)::regclass), 0
        )
    );
END
$function$;
COMMENT ON FUNCTION _archive.migrate_master_back() IS
    'Brings v1''s archived master tables up to date with v2''s; rows that v2 did not change stay';
