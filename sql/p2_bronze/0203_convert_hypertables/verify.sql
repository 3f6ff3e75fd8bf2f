-- what: the table is a hypertable on time, with no index that nobody asked for
DO $verify$
DECLARE
    v_interval interval;
BEGIN
    SELECT d.time_interval INTO v_interval
    FROM timescaledb_information.dimensions AS d
    WHERE d.hypertable_schema = 'bronze' AND d.hypertable_name = 'raw_machine_cycles'
        AND d.column_name = 'time' AND d.dimension_type = 'Time';
    IF v_interval IS NULL THEN
        RAISE EXCEPTION 'bronze.raw_machine_cycles is not a hypertable on time';
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_index AS i
        WHERE i.indrelid = 'bronze.raw_machine_cycles'::regclass
            AND pg_get_indexdef(i.indexrelid) LIKE '%("time" DESC)'
    ) THEN
        RAISE EXCEPTION 'bronze.raw_machine_cycles has the default index on time, which only costs inserts';
    END IF;
END
$verify$;
