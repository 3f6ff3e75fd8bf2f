-- New: the settings of all ten loads, in one row, so that one UPDATE changes all of them.
-- @section table
CREATE TABLE _etl.load_settings (
    is_only_row boolean NOT NULL DEFAULT true,
    future_limit interval NOT NULL DEFAULT INTERVAL '1 day',
    sender_check text NOT NULL DEFAULT 'reject',
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT load_settings_pkey PRIMARY KEY (is_only_row),
    CONSTRAINT load_settings_is_only_row_check CHECK (is_only_row),
    CONSTRAINT load_settings_future_limit_check
        CHECK (future_limit BETWEEN INTERVAL '0' AND INTERVAL '100 years'),
    CONSTRAINT load_settings_sender_check_check CHECK (sender_check IN ('reject', 'count'))
);

COMMENT ON TABLE _etl.load_settings IS 'Settings of all loads; one row';
COMMENT ON COLUMN _etl.load_settings.future_limit IS
    'How far after its arrival an event may lie; one that lies further is rejected';
COMMENT ON COLUMN _etl.load_settings.sender_check IS
    'A row of another device than its machine''s: rejected, or loaded and counted in the run log';
COMMENT ON COLUMN _etl.load_settings.is_only_row IS 'Always true: the table has one row';
COMMENT ON COLUMN _etl.load_settings.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT ON _etl.load_settings TO setu_etl, setu_reader;

-- @section seed
-- A row that was archived by a downgrade keeps its values.
INSERT INTO _etl.load_settings (future_limit, sender_check)
VALUES (current_setting('setu.future_limit')::interval, current_setting('setu.sender_check'))
ON CONFLICT (is_only_row) DO NOTHING;
