-- New: updated_at says when a row last changed, by any session.
CREATE FUNCTION master.fn_set_updated_at() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;

REVOKE ALL ON FUNCTION master.fn_set_updated_at() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_set_updated_at() IS 'Sets updated_at of a row that changes';

CREATE TRIGGER plants_updated_at
    BEFORE UPDATE ON master.plants
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION master.fn_set_updated_at();

CREATE TRIGGER device_info_updated_at
    BEFORE UPDATE ON master.device_info
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION master.fn_set_updated_at();

CREATE TRIGGER machine_assets_updated_at
    BEFORE UPDATE ON master.machine_assets
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION master.fn_set_updated_at();

CREATE TRIGGER shift_definitions_updated_at
    BEFORE UPDATE ON master.shift_definitions
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION master.fn_set_updated_at();
