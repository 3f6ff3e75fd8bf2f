-- asks text_holds_all: Can the database hold the texts of every sender?
-- why text_holds_all: A row with a character that the encoding does not have is refused
-- asks collation_is_the_same: Do indexes on text follow the collation that the system has now?
-- why collation_is_the_same: After an update of the system an index may miss rows that are there
-- asks timescaledb_plans: Are the optimizations of TimescaleDB on?
-- why timescaledb_plans: Without them a query reads chunks that it could leave alone
-- asks extension_is_current: Is the extension of the version that the server has installed?
-- why extension_is_current: An old version has faults that the installed one has not
-- asks nothing_is_reported: Does the server keep its numbers to itself?
-- why nothing_is_reported: Telemetry sends sizes and versions to the vendor each day
SELECT 'text_holds_all', 'warning', 'database ' || current_database(),
    format('is encoded in %s', pg_encoding_to_char(d.encoding)),
    'CREATE DATABASE ... TEMPLATE template0 ENCODING ''UTF8'', and restore a dump into it'
FROM pg_database AS d
WHERE d.datname = current_database() AND pg_encoding_to_char(d.encoding) <> 'UTF8'
UNION ALL
SELECT 'collation_is_the_same', 'error', 'database ' || d.datname,
    format('was made under version %s of its collation, and the system has %s', d.datcollversion,
        v.actual),
    format('REINDEX DATABASE %I; then ALTER DATABASE %I REFRESH COLLATION VERSION;', d.datname,
        d.datname)
FROM pg_database AS d
CROSS JOIN LATERAL (SELECT pg_database_collation_actual_version(d.oid) AS actual) AS v
WHERE d.datname = current_database() AND d.datcollversion <> v.actual
UNION ALL
SELECT 'timescaledb_plans', 'warning', 'server', format('has %s off', s.name),
    format('ALTER SYSTEM RESET %s, and see pg_db_role_setting', s.name)
FROM pg_settings AS s
WHERE s.name LIKE 'timescaledb.enable\_%' AND s.boot_val = 'on' AND s.setting = 'off'
UNION ALL
SELECT 'extension_is_current', 'advice', 'extension timescaledb',
    format('is of version %s, and %s is installed', e.extversion, a.default_version),
    'ALTER EXTENSION timescaledb UPDATE; as the first statement of a new session (psql -X)'
FROM pg_extension AS e
INNER JOIN pg_available_extensions AS a ON a.name = e.extname
WHERE e.extname = 'timescaledb' AND a.default_version <> e.extversion
UNION ALL
SELECT 'nothing_is_reported', 'advice', 'server',
    format('has timescaledb.telemetry_level = %s', s.setting),
    'ALTER SYSTEM SET timescaledb.telemetry_level = off, and reload the server'
FROM pg_settings AS s
WHERE s.name = 'timescaledb.telemetry_level' AND s.setting <> 'off'
