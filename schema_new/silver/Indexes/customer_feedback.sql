CREATE INDEX customer_feedback_event_time_idx ON silver.customer_feedback (event_time DESC);
