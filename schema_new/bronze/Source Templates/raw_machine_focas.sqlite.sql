-- New: the gateway's own SQLite table, from which bronze.raw_machine_focas
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
CREATE TABLE raw_machine_focas (
    row_no INTEGER PRIMARY KEY,
    kafka_partition INTEGER,
    kafka_offset INTEGER,
    device_id TEXT NOT NULL,
    machine_iot_id INTEGER NOT NULL,
    event_time DATETIME,
    part_count REAL,
    rej_count REAL,
    pot REAL,
    ot REAL,
    ct REAL
);
