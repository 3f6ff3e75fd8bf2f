-- v1's master, rule and alert tables into v2's, by the keys in _archive, one function an entity:
-- new rows are added, rows that v1 changed are changed, rows that only v2 has stay. Idempotent, at
-- any time. Only rows that differ are proposed: a trigger of somebody's own, before INSERT, fires
-- for each row before a conflict is looked for, and may change it.
CREATE FUNCTION _stage.sync_companies() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- What v2 deleted and v1 still has comes back under the key that it had.
    INSERT INTO _stage.companies (iot_id, company_id, company_name, effective_from_date, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT k.company_iot_id, c.company_id, c.company_name, c.effective_from_date, c.created_at
    FROM _archive.company_keys AS k
    INNER JOIN master.companies AS c ON c.company_id = k.company_id
    WHERE NOT EXISTS (SELECT 1 FROM _stage.companies AS t WHERE t.iot_id = k.company_iot_id);

    WITH added AS (
        INSERT INTO _stage.companies (company_id, company_name, effective_from_date, created_at)
        SELECT c.company_id, c.company_name, c.effective_from_date, c.created_at
        FROM master.companies AS c
        WHERE NOT EXISTS (
            SELECT 1 FROM _archive.company_keys AS k WHERE k.company_id = c.company_id
        )
        ORDER BY c.created_at, c.company_id
        RETURNING iot_id, company_id
    )
    INSERT INTO _archive.company_keys (company_iot_id, company_id)
    SELECT a.iot_id, a.company_id FROM added AS a;

    UPDATE _stage.companies AS t
    SET company_name = c.company_name,
        effective_from_date = c.effective_from_date,
        created_at = c.created_at
    FROM _archive.company_keys AS k
    INNER JOIN master.companies AS c ON c.company_id = k.company_id
    WHERE t.iot_id = k.company_iot_id
        AND (t.company_name, t.effective_from_date, t.created_at)
            IS DISTINCT FROM (c.company_name, c.effective_from_date, c.created_at);
END
$function$;

CREATE FUNCTION _stage.sync_plants() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.plants (
        iot_id, company_iot_id, plant_id, plant_name, plant_city, created_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT k.plant_iot_id, ck.company_iot_id, p.plant_id, p.plant_name, p.plant_city, p.created_at
    FROM _archive.plant_keys AS k
    INNER JOIN master.plants AS p ON p.company_id = k.company_id AND p.plant_id = k.plant_id
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = k.company_id
    WHERE NOT EXISTS (SELECT 1 FROM _stage.plants AS t WHERE t.iot_id = k.plant_iot_id);

    WITH added AS (
        INSERT INTO _stage.plants (company_iot_id, plant_id, plant_name, plant_city, created_at)
        SELECT ck.company_iot_id, p.plant_id, p.plant_name, p.plant_city, p.created_at
        FROM master.plants AS p
        INNER JOIN _archive.company_keys AS ck ON ck.company_id = p.company_id
        WHERE NOT EXISTS (
            SELECT 1 FROM _archive.plant_keys AS k
            WHERE k.company_id = p.company_id AND k.plant_id = p.plant_id
        )
        ORDER BY ck.company_iot_id, p.created_at, p.plant_id
        RETURNING iot_id, company_iot_id, plant_id
    )
    INSERT INTO _archive.plant_keys (plant_iot_id, company_id, plant_id)
    SELECT a.iot_id, ck.company_id, a.plant_id
    FROM added AS a
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = a.company_iot_id;

    UPDATE _stage.plants AS t
    SET plant_name = p.plant_name, plant_city = p.plant_city, created_at = p.created_at
    FROM _archive.plant_keys AS k
    INNER JOIN master.plants AS p ON p.company_id = k.company_id AND p.plant_id = k.plant_id
    WHERE t.iot_id = k.plant_iot_id
        AND (t.plant_name, t.plant_city, t.created_at)
            IS DISTINCT FROM (p.plant_name, p.plant_city, p.created_at);
END
$function$;

CREATE FUNCTION _stage.sync_devices() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.device_info (device_id, is_assigned, created_at)
    SELECT m.device_id, true, min(m.created_at)
    FROM master.machine_info AS m
    WHERE NOT EXISTS (SELECT 1 FROM _stage.device_info AS d WHERE d.device_id = m.device_id)
    GROUP BY m.device_id
    ORDER BY min(m.created_at), m.device_id;
END
$function$;

CREATE FUNCTION _stage.sync_machines() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- A gateway is let go of before another machine of its company takes it. A machine that v1 has
    -- no longer is left without one.
    UPDATE _stage.machine_info AS t
    SET device_iot_id = NULL
    FROM _archive.machine_keys AS k
    WHERE k.machine_iot_id = t.iot_id AND t.device_iot_id IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM master.machine_info AS m
            INNER JOIN _stage.device_info AS d ON d.device_id = m.device_id
            WHERE m.company_id = k.company_id AND m.machine_id = k.machine_id
                AND d.device_iot_id = t.device_iot_id
        );

    INSERT INTO _stage.machine_info (
        iot_id, machine_id, company_iot_id, device_iot_id, source_iot_id, created_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT k.machine_iot_id, m.machine_id, ck.company_iot_id, d.device_iot_id, m.iot_id,
        m.created_at
    FROM _archive.machine_keys AS k
    INNER JOIN master.machine_info AS m
        ON m.company_id = k.company_id AND m.machine_id = k.machine_id
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = k.company_id
    INNER JOIN _stage.device_info AS d ON d.device_id = m.device_id
    WHERE NOT EXISTS (SELECT 1 FROM _stage.machine_info AS t WHERE t.iot_id = k.machine_iot_id);

    WITH added AS (
        INSERT INTO _stage.machine_info (
            machine_id, company_iot_id, device_iot_id, source_iot_id, created_at
        )
        SELECT m.machine_id, ck.company_iot_id, d.device_iot_id, m.iot_id, m.created_at
        FROM master.machine_info AS m
        INNER JOIN _archive.company_keys AS ck ON ck.company_id = m.company_id
        INNER JOIN _stage.device_info AS d ON d.device_id = m.device_id
        WHERE NOT EXISTS (
            SELECT 1 FROM _archive.machine_keys AS k
            WHERE k.company_id = m.company_id AND k.machine_id = m.machine_id
        )
        ORDER BY ck.company_iot_id, m.created_at, m.machine_id
        RETURNING iot_id, company_iot_id, machine_id
    )
    INSERT INTO _archive.machine_keys (machine_iot_id, company_id, machine_id)
    SELECT a.iot_id, ck.company_id, a.machine_id
    FROM added AS a
    INNER JOIN _archive.company_keys AS ck ON ck.company_iot_id = a.company_iot_id;

    UPDATE _stage.machine_info AS t
    SET device_iot_id = d.device_iot_id, source_iot_id = m.iot_id, created_at = m.created_at
    FROM _archive.machine_keys AS k
    INNER JOIN master.machine_info AS m
        ON m.company_id = k.company_id AND m.machine_id = k.machine_id
    INNER JOIN _stage.device_info AS d ON d.device_id = m.device_id
    WHERE t.iot_id = k.machine_iot_id
        AND (t.device_iot_id, t.source_iot_id, t.created_at)
            IS DISTINCT FROM (d.device_iot_id, m.iot_id, m.created_at);
END
$function$;

CREATE FUNCTION _stage.sync_plant_machine_mapping() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.plant_machine_mapping (
        company_iot_id, plant_iot_id, machine_iot_id, created_at
    )
    SELECT ck.company_iot_id, pk.plant_iot_id, mk.machine_iot_id, m.created_at
    FROM master.machine_info AS m
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = m.company_id
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = m.company_id AND pk.plant_id = m.plant_id
    INNER JOIN _archive.machine_keys AS mk
        ON mk.company_id = m.company_id AND mk.machine_id = m.machine_id
    WHERE NOT EXISTS (
        SELECT 1 FROM _stage.plant_machine_mapping AS known
        WHERE known.machine_iot_id = mk.machine_iot_id AND known.plant_iot_id = pk.plant_iot_id
    )
    ORDER BY mk.machine_iot_id
    ON CONFLICT (machine_iot_id) DO UPDATE
    SET plant_iot_id = excluded.plant_iot_id;
END
$function$;

CREATE FUNCTION _stage.sync_shift_keys() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_shift record;
    v_number smallint;
BEGIN
    -- v1's text shift ids become small integers, plant by plant: numbers keep theirs where it is
    -- free, the rest follow by start time.
    FOR v_shift IN
        SELECT n.plant_iot_id, n.shift_id, n.wanted
        FROM (
            SELECT pk.plant_iot_id, s.shift_id, s.start_time,
                CASE WHEN s.shift_id ~ '^[0-9]{1,5}$' AND s.shift_id::integer BETWEEN 1 AND 32767
                    THEN s.shift_id::smallint END AS wanted
            FROM master.shifts AS s
            INNER JOIN _archive.plant_keys AS pk
                ON pk.company_id = s.company_id AND pk.plant_id = s.plant_id
            WHERE NOT EXISTS (
                SELECT 1 FROM _archive.shift_keys AS k
                WHERE k.plant_iot_id = pk.plant_iot_id AND k.v1_shift_id = s.shift_id
            )
        ) AS n
        ORDER BY n.plant_iot_id, n.wanted IS NULL,
            CASE WHEN n.wanted IS NOT NULL THEN length(n.shift_id) END, n.start_time, n.shift_id
    LOOP
        v_number := v_shift.wanted;
        IF v_number IS NULL OR EXISTS (
            SELECT 1 FROM _archive.shift_keys AS k
            WHERE k.plant_iot_id = v_shift.plant_iot_id AND k.shift_id = v_number
        ) THEN
            SELECT min(n.number) INTO v_number
            FROM generate_series(1, 32767) AS n (number)
            WHERE NOT EXISTS (
                SELECT 1 FROM _archive.shift_keys AS k
                WHERE k.plant_iot_id = v_shift.plant_iot_id AND k.shift_id = n.number
            );
        END IF;
        INSERT INTO _archive.shift_keys (plant_iot_id, shift_id, v1_shift_id)
        VALUES (v_shift.plant_iot_id, v_number, v_shift.shift_id);
    END LOOP;
END
$function$;

CREATE FUNCTION _stage.sync_shifts() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- Shifts that v2 cannot hold are passed over here, so that v1 can correct them until the swap;
    -- pre-flight and the swap refuse them.
    INSERT INTO _stage.shift_definitions (
        company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day, created_at
    )
    SELECT p.company_iot_id, pk.plant_iot_id, sk.shift_id, s.shift_name, l.start_time,
        l.end_time, l.to_day, s.created_at
    FROM master.shifts AS s
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = s.company_id AND pk.plant_id = s.plant_id
    INNER JOIN _stage.plants AS p ON p.iot_id = pk.plant_iot_id
    INNER JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pk.plant_iot_id AND sk.v1_shift_id = s.shift_id
    CROSS JOIN LATERAL (
        SELECT k.start_time, (k.start_time + k.length)::time AS end_time,
            CASE WHEN k.start_time - time '00:00' + k.length >= INTERVAL '24 hours' THEN 1 ELSE 0
            END AS to_day
        FROM (
            -- An interval added makes 00:00 of 24:00, which v1 read as midnight, too.
            SELECT s.start_time + INTERVAL '0 hours' AS start_time,
                coalesce(s.duration_hrs, 8) * INTERVAL '1 hour' AS length
        ) AS k
    ) AS l
    WHERE s.start_time IS NOT NULL
        AND round(coalesce(s.duration_hrs, 8) * 3600, 6) > 0 AND coalesce(s.duration_hrs, 8) <= 24
        AND NOT EXISTS (
            SELECT 1 FROM _stage.shift_definitions AS t
            WHERE t.plant_iot_id = pk.plant_iot_id AND t.shift_id = sk.shift_id
                AND (
                    t.from_day <> 0
                    OR (t.shift_name, t.start_time, t.end_time, t.to_day, t.created_at)
                        IS NOT DISTINCT FROM (
                            s.shift_name, l.start_time, l.end_time, l.to_day, s.created_at
                        )
                )
        )
    ORDER BY pk.plant_iot_id, sk.shift_id
    ON CONFLICT (plant_iot_id, shift_id) DO UPDATE
    SET shift_name = excluded.shift_name,
        start_time = excluded.start_time,
        end_time = excluded.end_time,
        to_day = excluded.to_day,
        created_at = excluded.created_at;
END
$function$;

CREATE FUNCTION _stage.sync_downtime_codes() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_code record;
BEGIN
    -- One catalogue of downtime codes: the oldest definition of a code wins and keeps its number
    -- where that is free.
    FOR v_code IN
        SELECT DISTINCT ON (c.down_code) c.down_code, c.down_id, c.description, c.category,
            c.threshold_sec, c.created_at
        FROM master.downtime_codes AS c
        WHERE NOT EXISTS (
            SELECT 1 FROM _stage.downtime_codes AS t WHERE t.down_code = c.down_code
        )
        ORDER BY c.down_code, c.created_at, c.company_id, c.down_id
    LOOP
        INSERT INTO _stage.downtime_codes (
            down_id, down_code, description, category, threshold_sec, created_at
        )
        OVERRIDING SYSTEM VALUE
        SELECT
            CASE WHEN EXISTS (
                SELECT 1 FROM _stage.downtime_codes AS t WHERE t.down_id = v_code.down_id
            ) THEN (
                SELECT min(n.number)
                FROM generate_series(
                    1, (SELECT count(*) + 1 FROM _stage.downtime_codes)
                ) AS n (number)
                WHERE NOT EXISTS (
                    SELECT 1 FROM _stage.downtime_codes AS t WHERE t.down_id = n.number
                )
            ) ELSE v_code.down_id END,
            v_code.down_code, v_code.description, v_code.category, v_code.threshold_sec,
            v_code.created_at;
    END LOOP;
    -- The next code that v2 makes takes the first number above all those that leave one above.
    PERFORM setval('_stage.downtime_codes_down_id_seq', greatest(
        (SELECT max(t.down_id) FROM _stage.downtime_codes AS t WHERE t.down_id < 2000000000),
        (SELECT q.last_value FROM _stage.downtime_codes_down_id_seq AS q)
    ), (SELECT count(*) > 0 FROM _stage.downtime_codes));
    INSERT INTO _archive.down_code_keys AS k (company_id, v1_down_id, down_id)
    SELECT c.company_id, c.down_id, t.down_id
    FROM master.downtime_codes AS c
    INNER JOIN _stage.downtime_codes AS t ON t.down_code = c.down_code
    ON CONFLICT (company_id, v1_down_id) DO UPDATE
    SET down_id = excluded.down_id WHERE k.down_id <> excluded.down_id;
END
$function$;

CREATE FUNCTION _stage.sync_users() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.users (
        user_id, user_no, full_name, role, plant_iot_id, created_at, company_iot_id
    )
    SELECT u.user_id, u.user_no, u.full_name, u.role, pk.plant_iot_id, u.created_at,
        ck.company_iot_id
    FROM master.users AS u
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = u.company_id
    LEFT JOIN _archive.plant_keys AS pk
        ON pk.company_id = u.company_id AND pk.plant_id = u.plant_id
    EXCEPT
    SELECT t.user_id, t.user_no, t.full_name, t.role, t.plant_iot_id, t.created_at,
        t.company_iot_id
    FROM _stage.users AS t
    ON CONFLICT (user_id, company_iot_id) DO UPDATE
    SET user_no = excluded.user_no, full_name = excluded.full_name, role = excluded.role,
        plant_iot_id = excluded.plant_iot_id, created_at = excluded.created_at;
END
$function$;

CREATE FUNCTION _stage.sync_machine_assets() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- A licence that v2 does not know is passed over here; pre-flight and the swap refuse it.
    INSERT INTO _stage.machine_assets (
        asset_id, machine_iot_id, company_iot_id, supplier_name, model_number, manufacturing_year,
        commissioned_date, warranty_expire_date, subscription_tier, is_activated, customer_address,
        support_contact, created_at
    )
    SELECT a.asset_id, mk.machine_iot_id, ck.company_iot_id, a.supplier_name, a.model_number,
        a.manufacturing_year, a.commissioned_date, a.warranty_expire_date, tier.name,
            a.is_activated,
        a.customer_address, a.support_contact, a.created_at
    FROM master.machine_assets AS a
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = a.company_id
    INNER JOIN _archive.machine_keys AS mk
        ON mk.company_id = a.company_id AND mk.machine_id = a.machine_id
    INNER JOIN (
        VALUES ('Standard', 'Freemium'), ('Premium', 'Plus'), ('Enterprise', 'Pro')
    ) AS tier (license_type, name) ON tier.license_type = coalesce(a.license_type, 'Standard')
    EXCEPT
    SELECT t.asset_id, t.machine_iot_id, t.company_iot_id, t.supplier_name, t.model_number,
        t.manufacturing_year, t.commissioned_date, t.warranty_expire_date, t.subscription_tier,
        t.is_activated, t.customer_address, t.support_contact, t.created_at
    FROM _stage.machine_assets AS t
    ON CONFLICT (asset_id) DO UPDATE
    SET machine_iot_id = excluded.machine_iot_id, company_iot_id = excluded.company_iot_id,
        supplier_name = excluded.supplier_name, model_number = excluded.model_number,
        manufacturing_year = excluded.manufacturing_year,
        commissioned_date = excluded.commissioned_date,
        warranty_expire_date = excluded.warranty_expire_date,
        subscription_tier = excluded.subscription_tier, is_activated = excluded.is_activated,
        customer_address = excluded.customer_address,
        support_contact = excluded.support_contact, created_at = excluded.created_at;
END
$function$;

CREATE FUNCTION _stage.sync_production_targets() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.production_targets (
        target_id, machine_iot_id, company_iot_id, program_no, shift_id, target_parts_per_hour,
        std_cycle_time_sec, effective_start_date, effective_end_date, created_at
    )
    SELECT p.target_id, mk.machine_iot_id, ck.company_iot_id, p.program_no,
        -- A number that v2 gave a target for a shift of no plant went to v1 as it is.
        coalesce(sk.shift_id, CASE WHEN known.shift_id::text = p.shift_id THEN known.shift_id END),
        p.target_parts_per_hour, p.std_cycle_time_sec, p.effective_start_date, p.effective_end_date,
        p.created_at
    FROM master.production_targets AS p
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = p.company_id
    INNER JOIN _archive.machine_keys AS mk
        ON mk.company_id = p.company_id AND mk.machine_id = p.machine_id
    LEFT JOIN _stage.plant_machine_mapping AS pm ON pm.machine_iot_id = mk.machine_iot_id
    LEFT JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pm.plant_iot_id AND sk.v1_shift_id = p.shift_id
    LEFT JOIN _stage.production_targets AS known ON known.target_id = p.target_id
    EXCEPT
    SELECT t.target_id, t.machine_iot_id, t.company_iot_id, t.program_no, t.shift_id,
        t.target_parts_per_hour, t.std_cycle_time_sec, t.effective_start_date,
        t.effective_end_date, t.created_at
    FROM _stage.production_targets AS t
    ON CONFLICT (target_id) DO UPDATE
    SET machine_iot_id = excluded.machine_iot_id, company_iot_id = excluded.company_iot_id,
        program_no = excluded.program_no, shift_id = excluded.shift_id,
        target_parts_per_hour = excluded.target_parts_per_hour,
        std_cycle_time_sec = excluded.std_cycle_time_sec,
        effective_start_date = excluded.effective_start_date,
        effective_end_date = excluded.effective_end_date, created_at = excluded.created_at;
END
$function$;

CREATE FUNCTION _stage.sync_alert_rules() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.alert_rules (
        rule_id, rule_name, description, metric, condition_operator, threshold_value, duration_sec,
        severity, enabled, created_at, value_type, company_iot_id
    )
    SELECT r.rule_id, r.rule_name, r.description, r.metric, r.condition_operator, r.threshold_value,
        r.duration_sec, r.severity, r.enabled, r.created_at, r.value_type, ck.company_iot_id
    FROM config.alert_rules AS r
    LEFT JOIN _archive.company_keys AS ck ON ck.company_id = r.company_id
    EXCEPT
    SELECT t.rule_id, t.rule_name, t.description, t.metric, t.condition_operator,
        t.threshold_value, t.duration_sec, t.severity, t.enabled, t.created_at, t.value_type,
        t.company_iot_id
    FROM _stage.alert_rules AS t
    ON CONFLICT (rule_id) DO UPDATE
    SET rule_name = excluded.rule_name, description = excluded.description,
        metric = excluded.metric, condition_operator = excluded.condition_operator,
        threshold_value = excluded.threshold_value, duration_sec = excluded.duration_sec,
        severity = excluded.severity, enabled = excluded.enabled, created_at = excluded.created_at,
        value_type = excluded.value_type, company_iot_id = excluded.company_iot_id;
END
$function$;

CREATE FUNCTION _stage.sync_alert_subscriptions() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.alert_subscriptions (
        subscription_id, rule_id, user_id, method, target_address, created_at, company_iot_id
    )
    SELECT a.subscription_id, a.rule_id, a.user_id, a.method, a.target_address, a.created_at,
        ck.company_iot_id
    FROM config.alert_subscriptions AS a
    LEFT JOIN _archive.company_keys AS ck ON ck.company_id = a.company_id
    EXCEPT
    SELECT t.subscription_id, t.rule_id, t.user_id, t.method, t.target_address, t.created_at,
        t.company_iot_id
    FROM _stage.alert_subscriptions AS t
    ON CONFLICT (subscription_id) DO UPDATE
    SET rule_id = excluded.rule_id, user_id = excluded.user_id, method = excluded.method,
        target_address = excluded.target_address, created_at = excluded.created_at,
        company_iot_id = excluded.company_iot_id;
END
$function$;

CREATE FUNCTION _stage.sync_active_alerts() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.active_alerts (
        company_iot_id, machine_iot_id, rule_id, start_time, last_checked_at
    )
    SELECT ck.company_iot_id, mk.machine_iot_id, a.rule_id, a.start_time, a.last_checked_at
    FROM alerting.active_alerts AS a
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = a.company_id
    INNER JOIN _archive.machine_keys AS mk
        ON mk.company_id = a.company_id AND mk.machine_id = a.machine_id
    EXCEPT
    SELECT t.company_iot_id, t.machine_iot_id, t.rule_id, t.start_time, t.last_checked_at
    FROM _stage.active_alerts AS t
    ON CONFLICT (company_iot_id, machine_iot_id, rule_id) DO UPDATE
    SET start_time = excluded.start_time, last_checked_at = excluded.last_checked_at;
END
$function$;

CREATE FUNCTION _stage.sync_deletions() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- Rows that v1 deleted are deleted here too. Companies, plants, machines and devices stay: rows
    -- in silver have their keys.
    DELETE FROM _stage.shift_definitions AS t
    USING _archive.shift_keys AS sk, _archive.plant_keys AS pk
    WHERE sk.plant_iot_id = t.plant_iot_id AND sk.shift_id = t.shift_id
        AND pk.plant_iot_id = t.plant_iot_id
        AND NOT EXISTS (
            SELECT 1 FROM master.shifts AS s
            WHERE s.company_id = pk.company_id AND s.plant_id = pk.plant_id
                AND s.shift_id = sk.v1_shift_id
        );
    DELETE FROM _stage.active_alerts AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM alerting.active_alerts AS a
        INNER JOIN _archive.machine_keys AS mk
            ON mk.company_id = a.company_id AND mk.machine_id = a.machine_id
        WHERE mk.machine_iot_id = t.machine_iot_id AND a.rule_id = t.rule_id
    );
    DELETE FROM _stage.alert_subscriptions AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM config.alert_subscriptions AS a WHERE a.subscription_id = t.subscription_id
    );
    DELETE FROM _stage.alert_rules AS t
    WHERE NOT EXISTS (SELECT 1 FROM config.alert_rules AS r WHERE r.rule_id = t.rule_id);
    DELETE FROM _stage.production_targets AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM master.production_targets AS p WHERE p.target_id = t.target_id
    );
    DELETE FROM _stage.machine_assets AS t
    WHERE NOT EXISTS (SELECT 1 FROM master.machine_assets AS a WHERE a.asset_id = t.asset_id);
    DELETE FROM _stage.users AS t
    WHERE NOT EXISTS (
        SELECT 1 FROM master.users AS u
        INNER JOIN _archive.company_keys AS ck ON ck.company_id = u.company_id
        WHERE ck.company_iot_id = t.company_iot_id AND u.user_id = t.user_id
    );
END
$function$;

CREATE FUNCTION _stage.sync_numbers() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- Ids continue above those of both versions.
    PERFORM setval(pg_get_serial_sequence('_stage.' || n.name, n.id), greatest(n.v1, n.v2), true)
    FROM (
        SELECT 'production_targets' AS name, 'target_id' AS id,
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM master.production_targets_target_id_seq AS q) AS v1,
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM _stage.production_targets_target_id_seq AS q) AS v2
        UNION ALL
        SELECT 'alert_rules', 'rule_id',
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM config.alert_rules_rule_id_seq AS q),
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM _stage.alert_rules_rule_id_seq AS q)
        UNION ALL
        SELECT 'alert_subscriptions', 'subscription_id',
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM config.alert_subscriptions_subscription_id_seq AS q),
            (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END
             FROM _stage.alert_subscriptions_subscription_id_seq AS q)
    ) AS n
    WHERE greatest(n.v1, n.v2) > 0;
END
$function$;

CREATE FUNCTION _stage.sync_master() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM _stage.sync_companies();
    PERFORM _stage.sync_plants();
    PERFORM _stage.sync_devices();
    PERFORM _stage.sync_machines();
    PERFORM _stage.sync_plant_machine_mapping();
    PERFORM _stage.sync_shift_keys();
    PERFORM _stage.sync_shifts();
    PERFORM _stage.sync_downtime_codes();
    PERFORM _stage.sync_users();
    PERFORM _stage.sync_machine_assets();
    PERFORM _stage.sync_production_targets();
    PERFORM _stage.sync_alert_rules();
    PERFORM _stage.sync_alert_subscriptions();
    PERFORM _stage.sync_active_alerts();
    PERFORM _stage.sync_deletions();
    PERFORM _stage.sync_numbers();
END
$function$;
COMMENT ON FUNCTION _stage.sync_master() IS
    'Migrates v1''s master rows to the v2 tables, one entity after the other';
