-- Drops v1's sleeping tables for good. Keys, accounts and what came under v2 stay. In one transaction.
-- A note of what was dropped is left: verify.sql and pre-flight read it.
CREATE TABLE _archive.dropped_tables (
    table_name text PRIMARY KEY,
    bytes bigint NOT NULL,
    dropped_by text NOT NULL DEFAULT session_user,
    dropped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO _archive.dropped_tables (table_name, bytes)
SELECT t.name, coalesce(hypertable_size(c.oid::regclass), pg_total_relation_size(c.oid))
FROM unnest(ARRAY[
    'machine_cycles', 'raw_telemetry', 'dead_letter_queue', 'shifts', 'machine_info', 'plants',
    'companies'
]) AS t (name)
INNER JOIN pg_class AS c ON c.oid = to_regclass(format('_archive.%I', t.name));

-- Its argument is a row of raw_telemetry.
DROP FUNCTION _archive.payload_digest(_archive.raw_telemetry);

DROP TABLE _archive.machine_cycles;
DROP TABLE _archive.raw_telemetry;
DROP TABLE _archive.dead_letter_queue;
DROP TABLE _archive.shifts;
DROP TABLE _archive.machine_info;
DROP TABLE _archive.plants;
DROP TABLE _archive.companies;

-- Their jobs went with them.
DELETE FROM _archive.sleeping_jobs AS s
WHERE s.table_name IN (SELECT d.table_name FROM _archive.dropped_tables AS d);
