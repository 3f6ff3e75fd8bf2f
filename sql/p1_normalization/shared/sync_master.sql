-- v1's master tables into v2's, by the keys in _archive: what is new is added, what v1 changed is
-- changed, what v2 alone knows is left as it is. Safe to run at any time, any number of times.
CREATE FUNCTION _stage.sync_master() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_shift record;
    v_number smallint;
BEGIN
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

    INSERT INTO _stage.device_info (device_id, is_assigned, created_at)
    SELECT m.device_id, true, min(m.created_at)
    FROM master.machine_info AS m
    WHERE NOT EXISTS (SELECT 1 FROM _stage.device_info AS d WHERE d.device_id = m.device_id)
    GROUP BY m.device_id
    ORDER BY min(m.created_at), m.device_id;

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

    INSERT INTO _stage.plant_machine_mapping AS t (
        company_iot_id, plant_iot_id, machine_iot_id, created_at
    )
    SELECT ck.company_iot_id, pk.plant_iot_id, mk.machine_iot_id, m.created_at
    FROM master.machine_info AS m
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = m.company_id
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = m.company_id AND pk.plant_id = m.plant_id
    INNER JOIN _archive.machine_keys AS mk
        ON mk.company_id = m.company_id AND mk.machine_id = m.machine_id
    ORDER BY mk.machine_iot_id
    ON CONFLICT (machine_iot_id) DO UPDATE
    SET plant_iot_id = excluded.plant_iot_id
    WHERE t.plant_iot_id <> excluded.plant_iot_id;

    -- v1's text shift ids onto small integers, plant by plant: numbers keep theirs where it is
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

    -- Shifts that v2 cannot hold are passed over here, so that a v1 writer never fails on them;
    -- pre-flight and the swap refuse them.
    INSERT INTO _stage.shift_definitions AS t (
        company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day, created_at
    )
    SELECT p.company_iot_id, pk.plant_iot_id, sk.shift_id, s.shift_name, s.start_time,
        (s.start_time + l.length)::time,
        CASE WHEN s.start_time - time '00:00' + l.length >= INTERVAL '24 hours' THEN 1 ELSE 0 END,
        s.created_at
    FROM master.shifts AS s
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = s.company_id AND pk.plant_id = s.plant_id
    INNER JOIN _stage.plants AS p ON p.iot_id = pk.plant_iot_id
    INNER JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pk.plant_iot_id AND sk.v1_shift_id = s.shift_id
    CROSS JOIN LATERAL (
        SELECT coalesce(s.duration_hrs, 8) * INTERVAL '1 hour' AS length
    ) AS l
    WHERE s.start_time IS NOT NULL
        AND coalesce(s.duration_hrs, 8) > 0 AND coalesce(s.duration_hrs, 8) <= 24
    ORDER BY pk.plant_iot_id, sk.shift_id
    ON CONFLICT (plant_iot_id, shift_id) DO UPDATE
    SET shift_name = excluded.shift_name,
        start_time = excluded.start_time,
        end_time = excluded.end_time,
        to_day = excluded.to_day,
        created_at = excluded.created_at
    WHERE t.from_day = 0
        AND (t.shift_name, t.start_time, t.end_time, t.to_day, t.created_at)
            IS DISTINCT FROM (excluded.shift_name, excluded.start_time, excluded.end_time,
                excluded.to_day, excluded.created_at);
END
$function$;
COMMENT ON FUNCTION _stage.sync_master() IS 'Carries v1 master rows over to the v2 tables';

CREATE FUNCTION _stage.fn_sync_master() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM _stage.sync_master();
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION _stage.sync_master() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_sync_master() FROM PUBLIC;

CREATE TRIGGER setu_sync AFTER INSERT OR UPDATE ON master.companies
    FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_sync_master();
CREATE TRIGGER setu_sync AFTER INSERT OR UPDATE ON master.plants
    FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_sync_master();
CREATE TRIGGER setu_sync AFTER INSERT OR UPDATE ON master.machine_info
    FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_sync_master();
CREATE TRIGGER setu_sync AFTER INSERT OR UPDATE ON master.shifts
    FOR EACH STATEMENT EXECUTE FUNCTION _stage.fn_sync_master();
