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

-- @section grants
GRANT SELECT ON _etl.corrections TO setu_etl, setu_reader;
