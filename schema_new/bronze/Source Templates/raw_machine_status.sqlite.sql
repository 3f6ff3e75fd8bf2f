-- New: the gateway's own SQLite table, from which bronze.raw_machine_status
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
CREATE TABLE raw_machine_status (
    row_no INTEGER PRIMARY KEY,
    kafka_partition INTEGER,
    kafka_offset INTEGER,
    device_id TEXT NOT NULL,
    machine_iot_id INTEGER NOT NULL,
    event_time DATETIME,
    program_no TEXT,
    status TEXT,
    operator_id TEXT,
    target INTEGER
);
