-- what: removes the policies that compress chunks; compressed chunks stay compressed
-- why: how a table is compressed belongs to its definition; a downgrade decompresses nothing
-- transaction: yes
-- lock: none that other sessions need
-- down: undone by upgrading again
-- @community
DO $policies$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT format('%I.%I', h.hypertable_schema, h.hypertable_name)
        FROM timescaledb_information.hypertables AS h
        WHERE h.hypertable_schema IN ('bronze', 'silver')
    LOOP
        CALL remove_columnstore_policy(v_table::regclass, if_exists => true);
    END LOOP;
END
$policies$;
