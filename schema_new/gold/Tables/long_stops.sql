-- New: a stop can begin long before a day that it covers. To find such stops in silver would read
-- every chunk.
-- @section table
CREATE TABLE gold.long_stops (
    machine_iot_id integer NOT NULL,
    down_start timestamptz NOT NULL,
    down_end timestamptz,
    is_open boolean NOT NULL,
    CONSTRAINT long_stops_pkey PRIMARY KEY (machine_iot_id, down_start)
);

COMMENT ON TABLE gold.long_stops IS
    'Stops without an end, and those that last longer than a day; kept by a trigger on '
    'silver.machine_downtime';
COMMENT ON COLUMN gold.long_stops.down_end IS
    'Of a stop without an end: when the machine next showed otherwise; null: not looked up yet';
COMMENT ON COLUMN gold.long_stops.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN gold.long_stops.down_start IS 'When the stop began';
COMMENT ON COLUMN gold.long_stops.is_open IS 'True while nothing says that the stop is over';

-- @section grants
GRANT SELECT, INSERT, UPDATE, DELETE ON gold.long_stops TO setu_etl;
GRANT SELECT ON gold.long_stops TO setu_reader;
