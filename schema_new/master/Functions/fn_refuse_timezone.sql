-- New: IST means India, Israel and Ireland; Foo5 is any zone five hours west. Only the name of a
-- region determines a plant's clock in summer and winter.
CREATE FUNCTION master.fn_refuse_timezone() RETURNS trigger
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_regions CONSTANT text :=
        '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/';
    -- Where several regions fit, suggest the most common one.
    v_usual CONSTANT text[] := ARRAY[
        'Asia/Kolkata', 'Europe/London', 'Europe/Berlin', 'Europe/Helsinki', 'Europe/Moscow',
        'America/New_York', 'America/Chicago', 'America/Denver', 'America/Los_Angeles',
        'America/Sao_Paulo', 'Asia/Dubai', 'Asia/Bangkok', 'Asia/Shanghai', 'Asia/Tokyo',
        'Australia/Sydney', 'Pacific/Auckland'
    ];
    v_offset interval;
    v_suggested text;
BEGIN
    IF NEW.timezone = 'UTC' OR EXISTS (
        SELECT 1 FROM pg_timezone_names AS n
        WHERE n.name = NEW.timezone AND n.name ~ v_regions
    ) THEN
        RETURN NEW;
    END IF;

    -- People mean +05:30 as east; POSIX reads it as west.
    IF NEW.timezone ~ '^(UTC|GMT)?[+-][0-9]{1,2}(:?[0-9]{2})?$' THEN
        v_offset := regexp_replace(
            regexp_replace(NEW.timezone, '^(UTC|GMT)', ''), '^([+-][0-9]{1,2}):?([0-9]{2})?$',
                '\1:\2'
        )::interval;
    ELSE
        BEGIN
            v_offset := (now() AT TIME ZONE NEW.timezone) - (now() AT TIME ZONE 'UTC');
        EXCEPTION WHEN invalid_parameter_value THEN
            v_offset := NULL;
        END;
    END IF;
    SELECT s.name INTO v_suggested
    FROM (
        SELECT
            n.name,
            CASE
                WHEN lower(n.name) = lower(NEW.timezone) THEN 1
                WHEN lower(regexp_replace(n.name, '^.*/', ''))
                    = lower(replace(regexp_replace(NEW.timezone, '^.*/', ''), ' ', '_')) THEN 2
                WHEN n.abbrev = upper(NEW.timezone) THEN 3
                WHEN n.utc_offset = v_offset THEN 4
            END AS rank
        FROM pg_timezone_names AS n
        WHERE n.name ~ v_regions
        UNION ALL
        SELECT 'UTC', 1
        WHERE upper(NEW.timezone) IN ('UTC', 'ETC/UTC', 'GMT', 'ETC/GMT', 'Z', 'ZULU', 'UCT')
    ) AS s
    WHERE s.rank IS NOT NULL
    ORDER BY s.rank, array_position(v_usual, s.name), s.name
    LIMIT 1;

    RAISE EXCEPTION 'cannot keep plant % in the time zone % because it is not the name of a region',
        NEW.plant_id, NEW.timezone
        USING ERRCODE = 'check_violation',
            DETAIL = 'Abbreviations and POSIX strings mean other clocks than people expect.',
            HINT = format(
                'Write %s', coalesce(v_suggested, 'a region such as Asia/Kolkata, or UTC')
            );
END
$function$;

REVOKE ALL ON FUNCTION master.fn_refuse_timezone() FROM PUBLIC;

COMMENT ON FUNCTION master.fn_refuse_timezone() IS
    'Refuses a plant''s time zone that is not the name of a region or UTC, and suggests one';

CREATE TRIGGER plants_timezone
    BEFORE INSERT OR UPDATE OF timezone ON master.plants
    FOR EACH ROW EXECUTE FUNCTION master.fn_refuse_timezone();
