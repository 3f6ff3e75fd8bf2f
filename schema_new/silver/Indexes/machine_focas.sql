CREATE INDEX machine_focas_event_time_idx ON silver.machine_focas (event_time DESC);
