-- New: silver rows that were removed or replaced by hand. Rows that arrive for such a key are
-- rejected, so that no resend brings the row back, until _etl.fn_restore_row ends the correction.
-- @section table
CREATE TABLE _etl.corrections (
    pipeline text NOT NULL,
    machine_iot_id integer NOT NULL,
    event_time timestamptz NOT NULL,
    key_part text NOT NULL DEFAULT '',
    action text NOT NULL,
    reason text NOT NULL,
    row_before jsonb NOT NULL,
    corrected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    corrected_by text NOT NULL DEFAULT session_user,
    CONSTRAINT corrections_pkey PRIMARY KEY (pipeline, machine_iot_id, event_time, key_part),
    CONSTRAINT corrections_action_check CHECK (action IN ('removed', 'replaced'))
);

COMMENT ON TABLE _etl.corrections IS
    'Silver rows removed or replaced by hand; rows that arrive for their keys are rejected';
COMMENT ON COLUMN _etl.corrections.row_before IS 'What silver held before the first correction';
COMMENT ON COLUMN _etl.corrections.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.corrections.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.corrections.event_time IS
    'With machine and key part, the key of the row in silver';
COMMENT ON COLUMN _etl.corrections.key_part IS
    'Third column of silver''s key; empty where there are two';
COMMENT ON COLUMN _etl.corrections.action IS 'removed or replaced';
COMMENT ON COLUMN _etl.corrections.reason IS 'Why the person did it';
COMMENT ON COLUMN _etl.corrections.corrected_at IS 'When a person did it';
COMMENT ON COLUMN _etl.corrections.corrected_by IS 'The session''s user';

-- @section grants
GRANT SELECT ON _etl.corrections TO setu_etl, setu_reader;
