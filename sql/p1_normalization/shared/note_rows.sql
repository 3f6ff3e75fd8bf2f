-- lint: allow-file qualified: transition tables have no schema
-- v1's silver and alert history note which rows changed, once a statement and set-based. A note is
-- a row in a table without key, constraint or index: no session can wait for it, and it cannot
-- fail. migrate_noted processes the notes: it reads v1's present rows. One function for each name
-- of a time column: v1's statements must not pay for dynamic SQL.
CREATE TABLE _stage.noted_rows (
    table_name text,
    company_id text,
    machine_id text,
    at timestamptz,
    inserted boolean
);
COMMENT ON TABLE _stage.noted_rows IS
    'Machine and time of v1 rows that changed; at is null where the table was truncated';

CREATE FUNCTION _stage.fn_note_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, TG_OP = 'INSERT' FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.time, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, TG_OP = 'INSERT'
    FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_cycle_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.cycle_start, false FROM former AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtimes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, TG_OP = 'INSERT'
    FROM changed AS c;
    RETURN NULL;
END
$function$;

CREATE FUNCTION _stage.fn_note_downtime_updates() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    INSERT INTO _stage.noted_rows (table_name, company_id, machine_id, at, inserted)
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM changed AS c
    UNION
    SELECT TG_TABLE_NAME, c.company_id, c.machine_id, c.down_start, false FROM former AS c;
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

REVOKE ALL ON FUNCTION _stage.fn_note_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_cycle_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtimes() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_downtime_updates() FROM PUBLIC;
REVOKE ALL ON FUNCTION _stage.fn_note_truncate() FROM PUBLIC;
