-- New: how far gold.machine_shifts is filled, plant by plant.
-- @section table
CREATE TABLE gold.rolled_up_dates (
    plant_iot_id integer NOT NULL,
    first_date date NOT NULL,
    last_date date NOT NULL,
    CONSTRAINT rolled_up_dates_pkey PRIMARY KEY (plant_iot_id),
    CONSTRAINT rolled_up_dates_check CHECK (first_date <= last_date)
);

COMMENT ON TABLE gold.rolled_up_dates IS
    'The range of business dates that gold.machine_shifts covers for a plant; other dates are read '
    'from silver';
COMMENT ON COLUMN gold.rolled_up_dates.plant_iot_id IS '0: machines without a plant';
COMMENT ON COLUMN gold.rolled_up_dates.first_date IS 'First date that it has';
COMMENT ON COLUMN gold.rolled_up_dates.last_date IS 'Last date that it has';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON gold.rolled_up_dates TO setu_etl;
GRANT SELECT ON gold.rolled_up_dates TO setu_reader;
