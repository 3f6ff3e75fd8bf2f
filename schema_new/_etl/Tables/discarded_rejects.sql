-- New: counts rejected rows that were deleted: by hand, or because they were too many or too old.
-- Each bronze row must stay accounted for.
CREATE TABLE _etl.discarded_rejects (
    pipeline text NOT NULL,
    reason_code text NOT NULL,
    cause text NOT NULL,
    rows_discarded bigint NOT NULL,
    last_discarded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_discarded_by text NOT NULL DEFAULT session_user,
    CONSTRAINT discarded_rejects_pkey PRIMARY KEY (pipeline, reason_code, cause),
    CONSTRAINT discarded_rejects_cause_check CHECK (cause IN ('by hand', 'age', 'number'))
);

COMMENT ON TABLE _etl.discarded_rejects IS
    'How many rejected rows were discarded, by reason and cause';
COMMENT ON COLUMN _etl.discarded_rejects.cause IS
    'by hand: with setu rejects discard; age, number: beyond what is kept of waiting rows';
COMMENT ON COLUMN _etl.discarded_rejects.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.discarded_rejects.reason_code IS 'Why it was rejected';
COMMENT ON COLUMN _etl.discarded_rejects.rows_discarded IS 'Rows that went so';
COMMENT ON COLUMN _etl.discarded_rejects.last_discarded_at IS 'When a row went last';
COMMENT ON COLUMN _etl.discarded_rejects.last_discarded_by IS 'Who let the last row go';
