-- New: the numbers of the catalogue mean themselves by default: a new code for every company that
-- does not use its number for another one, for a new company all of them. So the mapping says what
-- each number means, and a number that is not in it means nothing.
-- @section function
CREATE FUNCTION master.fn_map_new_codes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- A code and a company that come at once would not see each other.
    PERFORM pg_advisory_xact_lock(hashtext('master.downtime_code_mapping'));
    IF TG_TABLE_NAME = 'companies' THEN
        INSERT INTO master.downtime_code_mapping (company_iot_id, source_down_id, down_id)
        SELECT NEW.iot_id, d.down_id, d.down_id
        FROM master.downtime_codes AS d
        ON CONFLICT (company_iot_id, source_down_id) DO NOTHING;
    ELSE
        INSERT INTO master.downtime_code_mapping (company_iot_id, source_down_id, down_id)
        SELECT c.iot_id, NEW.down_id, NEW.down_id
        FROM master.companies AS c
        ON CONFLICT (company_iot_id, source_down_id) DO NOTHING;
    END IF;
    RETURN NULL;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_map_new_codes() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_map_new_codes() IS
    'Adds the numbers of a new code, or for a new company, to master.downtime_code_mapping';

-- @section triggers
CREATE TRIGGER downtime_codes_map_new
AFTER INSERT ON master.downtime_codes
FOR EACH ROW EXECUTE FUNCTION master.fn_map_new_codes();

CREATE TRIGGER companies_map_codes
AFTER INSERT ON master.companies
FOR EACH ROW EXECUTE FUNCTION master.fn_map_new_codes();
