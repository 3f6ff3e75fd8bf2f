CREATE TABLE _stage.backfill_progress (
    table_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL,
    rows_migrated bigint,
    finished_at timestamptz,
    CONSTRAINT backfill_progress_pkey PRIMARY KEY (table_name, range_start)
);
COMMENT ON TABLE _stage.backfill_progress IS
    'The v1 chunks there were when the trigger began; finished_at is set with the rows';

CREATE TABLE _stage.migrate_failures (
    table_name text NOT NULL,
    event_time timestamptz NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE _stage.migrate_failures IS 'Rows that v1 wrote and that could not be migrated as they came';
