-- @section table
CREATE TABLE silver.customer_feedback (
    company_iot_id integer NOT NULL,
    machine_iot_id integer NOT NULL,
    event_time timestamptz NOT NULL,
    user_id text NOT NULL DEFAULT '',
    batch_no text,
    question_id text NOT NULL DEFAULT '',
    question_category text,
    rating_value integer,
    comments text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT customer_feedback_machine_iot_id_event_time_question_id_use_key
        UNIQUE (machine_iot_id, event_time, question_id, user_id)
);

COMMENT ON TABLE silver.customer_feedback IS
    'One row per answer of a customer to a question about a machine';
COMMENT ON COLUMN silver.customer_feedback.user_id IS
    'Empty where nobody was named: null would let a repeated row in again';
COMMENT ON COLUMN silver.customer_feedback.question_id IS
    'Empty where the answer is to no question: null would let a repeated row in again';
COMMENT ON COLUMN silver.customer_feedback.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN silver.customer_feedback.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.customer_feedback.event_time IS
    'When it happened, by the machine''s clock';
COMMENT ON COLUMN silver.customer_feedback.batch_no IS 'Batch that the answer is about';
COMMENT ON COLUMN silver.customer_feedback.question_category IS 'What the question is about';
COMMENT ON COLUMN silver.customer_feedback.rating_value IS 'Rating that the customer gave';
COMMENT ON COLUMN silver.customer_feedback.comments IS 'What the customer wrote';
COMMENT ON COLUMN silver.customer_feedback.created_at IS 'When the row was added';

-- @section hypertable
SELECT create_hypertable(
    relation => 'silver.customer_feedback',
    dimension => by_range('event_time', INTERVAL '1 month'),
    create_default_indexes => false
);

-- @section indexes
CREATE INDEX customer_feedback_event_time_idx ON silver.customer_feedback (event_time DESC);

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.customer_feedback TO setu_etl;
GRANT SELECT ON silver.customer_feedback TO setu_reader;

-- @section column_store
-- @community
ALTER TABLE silver.customer_feedback SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'machine_iot_id',
    timescaledb.orderby = 'event_time'
);
-- @section policy
-- @community
CALL add_columnstore_policy(
    hypertable => 'silver.customer_feedback',
    after => current_setting('setu.silver_columnstore_after')::interval
);

-- @section retention
-- @community
SELECT add_retention_policy(
    relation => 'silver.customer_feedback',
    drop_after => current_setting('setu.silver_retention')::interval,
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours'
);
