-- One object of every kind that a snapshot covers. Runs on both editions.
CREATE SCHEMA sample;
COMMENT ON SCHEMA sample IS 'everything once';

CREATE TYPE sample.mood AS ENUM ('calm', 'busy');
CREATE TYPE sample.point AS (x integer, y integer);
CREATE DOMAIN sample.port AS integer CONSTRAINT port_check CHECK (VALUE BETWEEN 1 AND 65535);

CREATE TABLE sample.plant (
    iot_id integer GENERATED ALWAYS AS IDENTITY,
    plant_id text NOT NULL,
    timezone text NOT NULL DEFAULT 'Asia/Kolkata',
    moment timestamptz DEFAULT '2022-08-08 13:51:36.771+00',
    mood sample.mood,
    shout text GENERATED ALWAYS AS (upper(plant_id)) STORED,
    CONSTRAINT plant_pkey PRIMARY KEY (iot_id),
    CONSTRAINT plant_plant_id_key UNIQUE NULLS NOT DISTINCT (plant_id)
) WITH (fillfactor = 70);
CREATE INDEX plant_timezone_idx ON sample.plant (timezone) WHERE timezone <> 'UTC';
COMMENT ON COLUMN sample.plant.timezone IS 'a zone PostgreSQL knows';

CREATE SEQUENCE sample.loose_seq CACHE 7;
CREATE TABLE sample.machine (
    machine_id integer NOT NULL DEFAULT nextval('sample.loose_seq'),
    plant_iot_id integer NOT NULL,
    port sample.port,
    note varchar(20),
    CONSTRAINT machine_plant_iot_id_fkey FOREIGN KEY (plant_iot_id)
        REFERENCES sample.plant (iot_id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE sample.machine
    ADD CONSTRAINT machine_port_check CHECK (port <> 22) NOT VALID;

CREATE FUNCTION sample.add_one(p_number integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog
AS $sql$ SELECT p_number + 1 $sql$;
CREATE FUNCTION sample.touch() RETURNS trigger
LANGUAGE plpgsql
AS $plpgsql$
BEGIN
    RETURN new;
END
$plpgsql$;
CREATE PROCEDURE sample.work(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $plpgsql$
BEGIN
    COMMIT;
END
$plpgsql$;
CREATE TRIGGER machine_touch BEFORE UPDATE ON sample.machine
    FOR EACH ROW EXECUTE FUNCTION sample.touch();

CREATE VIEW sample.plant_list AS
    SELECT p.plant_id, p.timezone, (SELECT count(*) FROM sample.machine AS m
        WHERE m.plant_iot_id = p.iot_id) AS machines
    FROM sample.plant AS p
    WHERE p.mood = 'calm';
CREATE VIEW sample.machine_list AS
    SELECT m.machine_id, p.plant_id
    FROM sample.machine AS m
    INNER JOIN sample.plant AS p ON p.iot_id = m.plant_iot_id;
CREATE MATERIALIZED VIEW sample.plant_count AS
    SELECT plant.timezone, count(*) AS plants FROM sample.plant GROUP BY plant.timezone;

CREATE TABLE sample.reading (
    time timestamptz NOT NULL,
    machine_id integer NOT NULL,
    value double precision
);
SELECT create_hypertable(
    relation => 'sample.reading',
    time_column_name => 'time',
    chunk_time_interval => INTERVAL '7 days',
    create_default_indexes => false
);
CREATE INDEX reading_machine_id_time_idx ON sample.reading (machine_id, time DESC);
INSERT INTO sample.reading (time, machine_id, value)
    SELECT t.t, 1, 0.1
    FROM generate_series('2022-08-01 00:00+00'::timestamptz, '2022-08-20', '1 day') AS t (t);

CREATE ROLE setu_sample_reader NOLOGIN;
GRANT USAGE ON SCHEMA sample TO setu_sample_reader;
GRANT SELECT ON sample.plant TO setu_sample_reader;
GRANT INSERT (machine_id, port) ON sample.machine TO setu_sample_reader;
REVOKE EXECUTE ON FUNCTION sample.add_one(integer) FROM PUBLIC;
ALTER ROLE setu_sample_reader SET synchronous_commit = off;
ALTER DEFAULT PRIVILEGES IN SCHEMA sample GRANT SELECT ON TABLES TO setu_sample_reader;
