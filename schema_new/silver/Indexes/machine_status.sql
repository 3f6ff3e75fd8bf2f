CREATE INDEX machine_status_event_time_idx ON silver.machine_status (event_time DESC);
