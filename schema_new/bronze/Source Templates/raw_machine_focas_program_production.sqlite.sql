-- New: the gateway's own SQLite table, from which bronze.raw_machine_focas_program_production
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
CREATE TABLE raw_machine_focas_program_production (
    row_no INTEGER PRIMARY KEY,
    kafka_partition INTEGER,
    kafka_offset INTEGER,
    device_id TEXT NOT NULL,
    machine_iot_id INTEGER NOT NULL,
    event_time DATETIME,
    program_no TEXT,
    actual_count INTEGER,
    target_count INTEGER,
    std_load_unload INTEGER,
    std_cycle_time INTEGER
);
