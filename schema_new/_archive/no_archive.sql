-- A v2 made in an empty database has no v1 to go back to: verify.sql and pre-flight treat this like
-- a dropped archive.
CREATE TABLE _archive.dropped_tables (
    table_name text PRIMARY KEY,
    bytes bigint NOT NULL,
    dropped_by text NOT NULL DEFAULT session_user,
    dropped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
