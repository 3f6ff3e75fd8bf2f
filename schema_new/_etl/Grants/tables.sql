GRANT SELECT, UPDATE ON _etl.watermarks TO setu_etl;
GRANT SELECT, INSERT, UPDATE, DELETE ON _etl.fence_readings, _etl.job_runs TO setu_etl;
GRANT SELECT, INSERT, UPDATE ON _etl.rejected_rows TO setu_etl;
