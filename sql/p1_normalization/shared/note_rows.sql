-- lint: allow-file qualified: transition tables have no schema
-- v1's silver and alert history note which rows changed, once a statement and set-based. A note is
-- a row in a table without key, constraint or index: no session can wait for it, and it cannot
-- fail. migrate_noted processes the notes: it reads v1's present rows. One function for each name
-- of a time column: v1's statements must not pay for dynamic SQL.
--
-- To delete a row costs as little as to insert its note, so a DELETE writes one note: the hashes of
-- its rows' machines and their times, since to group by text would cost as much again. What a
-- statement holds in memory for it is bounded: rows beyond the first million are noted one by one.
CREATE TABLE _stage.noted_rows (
    table_name text,
    company_id text,
    machine_id text,
    at timestamptz,
    inserted boolean
);
COMMENT ON TABLE _stage.noted_rows IS
    'Machine and time of v1 rows that changed; at is null where the table was truncated';

CREATE TABLE _stage.noted_deletes (
    table_name text,
    machines integer[],
    instants timestamptz[]
);
COMMENT ON TABLE _stage.noted_deletes IS
    'Machines and times of v1 rows that a statement deleted, one of each for a row';
COMMENT ON COLUMN _stage.noted_deletes.machines IS
    'Hashes: hashtext(machine_id) # hashtext(company_id); where two machines share one, both are '
    'looked at';
-- To compress them would cost as much as the rest of the note.
ALTER TABLE _stage.noted_deletes
    ALTER COLUMN machines SET STORAGE EXTERNAL,
    ALTER COLUMN instants SET STORAGE EXTERNAL;

CREATE FUNCTION _stage.spread_deletes() RETURNS void
LANGUAGE sql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Nobody knows how long an array is before it is read, and callers switch hash joins off.
SET enable_hashjoin = ON
SET enable_nestloop = off
AS $function$
    WITH taken AS (
        DELETE FROM _stage.noted_deletes AS n
        RETURNING n.table_name, n.machines, n.instants
    ),
    deleted AS (
        SELECT t.table_name, unnest(t.machines) AS machine, unnest(t.instants) AS at
        FROM taken AS t
    ),
    -- The machines that v2 can have rows of, and those whose rows were left out.
    names AS (
        SELECT k.company_id, k.machine_id FROM _stage.machine_names AS k
        UNION
        SELECT o.company_id, o.machine_id FROM _archive.orphans AS o
    )
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT d.table_name, n.company_id, n.machine_id, d.at, false
    FROM deleted AS d
    INNER JOIN names AS n ON hashtext(n.machine_id) # hashtext(n.company_id) = d.machine
$function$;
COMMENT ON FUNCTION _stage.spread_deletes() IS
    'Makes notes on deleted rows notes on single rows';

CREATE FUNCTION _stage.count_notes() RETURNS bigint
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT (SELECT count(*) FROM _stage.noted_rows AS n)
        + (SELECT coalesce(sum(cardinality(n.instants)), 0) FROM _stage.noted_deletes AS n)
$function$;
COMMENT ON FUNCTION _stage.count_notes() IS 'How many rows of v1 are noted';

CREATE FUNCTION _stage.fn_note_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, true FROM changed AS c;
    RETURN NULL;
END
$function$;

-- A session that first updates a single row would plan to sort, and sort the many of a later one.
CREATE FUNCTION _stage.fn_note_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_deletes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_rows integer;
BEGIN
    INSERT INTO _stage.noted_deletes AS n (table_name, machines, instants)
    SELECT TG_TABLE_NAME,
        array_agg(hashtext(c.machine_id) # hashtext(c.company_id)), array_agg(c.time)
    FROM (SELECT r.company_id, r.machine_id, r.time FROM changed AS r LIMIT 1000000) AS c
    HAVING array_agg(c.time) IS NOT NULL
    RETURNING cardinality(n.instants) INTO v_rows;
    IF v_rows = 1000000 THEN
        INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
        SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false
        FROM changed AS c
        OFFSET 1000000;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, true FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_deletes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_rows integer;
BEGIN
    INSERT INTO _stage.noted_deletes AS n (table_name, machines, instants)
    SELECT TG_TABLE_NAME,
        array_agg(hashtext(c.machine_id) # hashtext(c.company_id)), array_agg(c.cycle_start)
    FROM (SELECT r.company_id, r.machine_id, r.cycle_start FROM changed AS r LIMIT 1000000) AS c
    HAVING array_agg(c.cycle_start) IS NOT NULL
    RETURNING cardinality(n.instants) INTO v_rows;
    IF v_rows = 1000000 THEN
        INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
        SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false
        FROM changed AS c
        OFFSET 1000000;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtimes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, true FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtime_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtime_deletes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_rows integer;
BEGIN
    INSERT INTO _stage.noted_deletes AS n (table_name, machines, instants)
    SELECT TG_TABLE_NAME,
        array_agg(hashtext(c.machine_id) # hashtext(c.company_id)), array_agg(c.down_start)
    FROM (SELECT r.company_id, r.machine_id, r.down_start FROM changed AS r LIMIT 1000000) AS c
    HAVING array_agg(c.down_start) IS NOT NULL
    RETURNING cardinality(n.instants) INTO v_rows;
    IF v_rows = 1000000 THEN
        INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
        SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false
        FROM changed AS c
        OFFSET 1000000;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_truncate() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, inserted) VALUES (TG_TABLE_NAME, false);
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION _stage.spread_deletes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.count_notes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_deletes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_deletes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtimes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtime_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtime_deletes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_truncate() FROM PUBLIC;
