CREATE INDEX machine_alarms_event_time_idx ON silver.machine_alarms (event_time DESC);
