-- change: drop

CREATE TABLE bronze.migration_metadata (
    id serial NOT NULL,
    table_name text NOT NULL,
    rows_migrated integer NOT NULL,
    min_timestamp timestamptz,
    max_timestamp timestamptz,
    company_ids text[],
    max_rows_limit integer,
    run_id uuid NOT NULL,
    migrated_at timestamptz DEFAULT now(),
    CONSTRAINT migration_metadata_pkey PRIMARY KEY (id)
);

CREATE INDEX idx_migration_metadata_latest ON bronze.migration_metadata
USING btree (table_name, migrated_at DESC);

CREATE INDEX idx_migration_metadata_run ON bronze.migration_metadata USING btree (run_id);

CREATE INDEX idx_migration_metadata_table ON bronze.migration_metadata USING btree (table_name);
