-- New: the gateway's own SQLite table, from which bronze.raw_machine_pm_status
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
CREATE TABLE raw_machine_pm_status (
    row_no INTEGER PRIMARY KEY,
    kafka_partition INTEGER,
    kafka_offset INTEGER,
    device_id TEXT NOT NULL,
    machine_iot_id INTEGER NOT NULL,
    event_time DATETIME,
    status TEXT,
    pm_corrected_count INTEGER,
    pm_pending_count INTEGER
);
