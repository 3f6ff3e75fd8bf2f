CREATE INDEX machine_pm_status_event_time_idx ON silver.machine_pm_status (event_time DESC);
