GRANT SELECT, INSERT, UPDATE ON silver.customer_feedback TO setu_etl;
GRANT SELECT ON silver.customer_feedback TO setu_reader;
