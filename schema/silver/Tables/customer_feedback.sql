-- change: drop constraint fk_cf_company
-- change: drop index customer_feedback_time_idx
-- change: rename column time TO event_time
-- change: add index customer_feedback_event_time_idx USING btree (event_time DESC)
-- change: rename column company_id TO company_iot_id
-- change: retype column company_iot_id integer NOT NULL
-- change: rename column machine_id TO machine_iot_id
-- change: retype column machine_iot_id integer NOT NULL
-- change: retype column user_id text NOT NULL DEFAULT ''
-- change: retype column question_id text NOT NULL DEFAULT ''
-- change: retype column created_at timestamptz NOT NULL DEFAULT clock_timestamp()
-- change: add constraint customer_feedback_machine_iot_id_event_time_question_id_use_key
--     UNIQUE (machine_iot_id, event_time, question_id, user_id)
-- change: order columns company_iot_id, machine_iot_id, event_time, user_id, batch_no, question_id,
--     question_category, rating_value, comments, created_at
-- change: set chunk interval 1 month

CREATE TABLE silver.customer_feedback (
    time timestamptz NOT NULL,
    company_id text NOT NULL,
    machine_id text NOT NULL,
    user_id text,
    batch_no text,
    question_id text,
    question_category text,
    rating_value integer,
    comments text,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT fk_cf_company FOREIGN KEY (company_id)
        REFERENCES master.companies (company_id)
);

SELECT public.create_hypertable(
    relation => 'silver.customer_feedback',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);

CREATE INDEX customer_feedback_time_idx ON silver.customer_feedback USING btree ("time" DESC);

-- @community
SELECT public.add_retention_policy(
    relation => 'silver.customer_feedback',
    drop_after => INTERVAL '1 year'
);
