CREATE INDEX machine_energy_event_time_idx ON silver.machine_energy (event_time DESC);
