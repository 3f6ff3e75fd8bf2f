CREATE INDEX machine_focas_program_production_event_time_idx
    ON silver.machine_focas_program_production (event_time DESC);
