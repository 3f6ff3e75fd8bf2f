-- what: the bronze hypertables are archived whole; empty ones take their place, which refuse rows
-- why: index and compressed chunks stay as they are, so that neither direction rebuilds them
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on the flat tables, while what came since 0205's last pass is handed back
-- down: undone by upgrading again, which restores the hypertables

-- Nobody waits while these are made.
CREATE SCHEMA _stage;
-- @with bronze => _stage
-- @include schema_new/bronze/Tables/raw_*.sql#table
-- @include schema_new/bronze/Tables/raw_*.sql#identity
-- @include schema_new/bronze/Tables/raw_*.sql#hypertable
-- @include schema_new/bronze/Tables/raw_*.sql#grants
-- @include schema_new/bronze/Tables/raw_*.sql#column_store

SELECT _archive.hand_back(f.table_name, s.upto_id, 1000000)
FROM _archive.flat_tables AS f
CROSS JOIN LATERAL _archive.settled_id(f.table_name, INTERVAL '100 milliseconds') AS s (upto_id)
WHERE s.upto_id IS NOT NULL;

SELECT _archive.lock_tables(VARIADIC ARRAY(
    SELECT format('bronze.%I', f.table_name)::regclass FROM _archive.flat_tables AS f
    ORDER BY f.table_name
));

DO $rest$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT f.table_name FROM _archive.flat_tables AS f LOOP
        WHILE _archive.hand_back(
            v_table,
            coalesce(pg_sequence_last_value(
                pg_get_serial_sequence(format('bronze.%I', v_table), 'id')::regclass
            ), 0),
            1000000
        ) LOOP
        END LOOP;
    END LOOP;
END
$rest$;

SELECT _archive.archive_table(format('bronze.%I', f.table_name)::regclass, 'v2_' || f.table_name)
FROM _archive.flat_tables AS f;

SELECT _archive.move_tables('_stage', 'bronze', ARRAY(
    SELECT f.table_name FROM _archive.flat_tables AS f
));
DROP SCHEMA _stage;
-- @include sql/p2_bronze/shared/close_bronze.sql
