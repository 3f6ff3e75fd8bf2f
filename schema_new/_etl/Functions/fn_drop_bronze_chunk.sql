-- New: drops one chunk of bronze if every row of it has been through the load. It returns what
-- prevents the drop (a view on the chunk, an owner of its own, a lock) instead of failing, so that
-- the others are dropped.
CREATE FUNCTION _etl.fn_drop_bronze_chunk(
    p_pipeline text,
    p_chunk text,
    p_range_start timestamptz,
    p_range_end timestamptz
)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Readers of bronze wait behind it meanwhile.
SET lock_timeout = '500ms'
AS $function$
DECLARE
    v_mark record;
    v_left bigint;
    v_extension name;
    v_detail text;
    v_reason text;
BEGIN
    -- At a stricter level this would not see a row that was committed while it waited for the lock.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN format('cannot be checked in a %s transaction',
            current_setting('transaction_isolation'));
    END IF;
    -- Rows of the column store count, whatever the owner's sessions are set to.
    PERFORM set_config(s.name, 'on', true)
    FROM (VALUES
        ('timescaledb.enable_transparent_decompression'), ('timescaledb.enable_columnarscan'),
        ('timescaledb.enable_tiered_reads')
    ) AS s (name)
    WHERE current_setting(s.name, true) IS NOT NULL;
    -- Lock before the check, so that no row can enter the chunk after it.
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', p_chunk::regclass);

    SELECT w.source_table::regclass AS source, w.last_processed_id INTO STRICT v_mark
    FROM _etl.watermarks AS w
    WHERE w.pipeline = p_pipeline;
    EXECUTE format('SELECT c.id FROM %s AS c WHERE c.id > $1 LIMIT 1', p_chunk::regclass)
    INTO v_left USING v_mark.last_processed_id;
    IF v_left IS NOT NULL THEN
        RETURN 'not loaded';
    END IF;

    SELECT n.nspname INTO STRICT v_extension
    FROM pg_extension AS e
    INNER JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'timescaledb';
    EXECUTE format(
        'SELECT %I.drop_chunks(relation => $1, older_than => $2, newer_than => $3)', v_extension
    ) USING v_mark.source, p_range_end, p_range_start;
    RETURN 'dropped';
EXCEPTION
    WHEN lock_not_available THEN
        RETURN 'locked';
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_reason = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL;
        RETURN left(concat_ws(E'\n', SQLSTATE || ': ' || v_reason, nullif(v_detail, '')), 2000);
END
$function$;

REVOKE ALL ON FUNCTION _etl.fn_drop_bronze_chunk(text, text, timestamptz, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION _etl.fn_drop_bronze_chunk(text, text, timestamptz, timestamptz) IS
    'Drops a bronze chunk whose rows are all loaded; returns dropped, or what prevents it';
