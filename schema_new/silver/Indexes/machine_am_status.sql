CREATE INDEX machine_am_status_event_time_idx ON silver.machine_am_status (event_time DESC);
