-- New: the gateway's own SQLite table, from which bronze.raw_machine_downtime
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
CREATE TABLE raw_machine_downtime (
    row_no INTEGER PRIMARY KEY,
    kafka_partition INTEGER,
    kafka_offset INTEGER,
    device_id TEXT NOT NULL,
    machine_iot_id INTEGER NOT NULL,
    down_start DATETIME,
    down_end DATETIME,
    program_no TEXT,
    down_code TEXT,
    down_id INTEGER,
    down_threshold INTEGER
);
