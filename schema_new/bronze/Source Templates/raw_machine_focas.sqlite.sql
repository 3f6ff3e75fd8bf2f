-- New: the gateway's own SQLite table, from which bronze.raw_machine_focas
-- is fed. DATETIME is ISO-8601 text; without a zone it is UTC. row_no stays in the file: bronze
-- draws its own id and time.
-- A row holds amounts of an interval that ends at event_time (parts; seconds of power on, operation
-- and cutting), which reports add up: never readings of a counter that runs on.
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
