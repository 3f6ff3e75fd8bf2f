-- New: what `setu status` must know and a reader has no right to see: whether a hypertable's own
-- table holds rows (they came while timescaledb.restoring was on, and no query finds them), and how
-- much of their range sequences have used.
CREATE FUNCTION _etl.fn_status_facts()
RETURNS TABLE (fact text, subject text, amount numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_object record;
BEGIN
    FOR v_object IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'S'
                AND n.nspname IN ('master', 'bronze', 'silver', 'config', 'alerting', '_etl')
            OR c.relkind = 'r' AND n.nspname IN ('bronze', 'silver')
                AND EXISTS (
                    SELECT 1 FROM timescaledb_information.hypertables AS h
                    WHERE h.hypertable_schema = n.nspname AND h.hypertable_name = c.relname
                )
    LOOP
        subject := v_object.name;
        IF v_object.relkind = 'S' THEN
            fact := 'sequence used';
            SELECT (pg_sequence_last_value(s.seqrelid) - s.seqmin)::numeric / (s.seqmax - s.seqmin)
            INTO amount
            FROM pg_sequence AS s
            WHERE s.seqrelid = v_object.name::regclass AND s.seqmax > s.seqmin;
        ELSE
            fact := 'hidden rows';
            EXECUTE format(
                'SELECT count(*) FROM (SELECT 1 FROM ONLY %s LIMIT 1000) AS r', v_object.name
            )
            INTO amount;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_status_facts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION _etl.fn_status_facts() TO setu_etl, setu_reader;

COMMENT ON FUNCTION _etl.fn_status_facts() IS
    'Rows that hypertables hide, at most 1000 counted, and the used part of each sequence''s range';
