-- New: reports group by week and month; the ISO year of a date is not its calendar year.
-- @section table
CREATE TABLE master.calendar (
    date_key integer NOT NULL,
    full_date date NOT NULL,
    year smallint NOT NULL,
    month smallint NOT NULL,
    iso_year smallint NOT NULL,
    iso_week smallint NOT NULL,
    week_start_date date NOT NULL,
    week_end_date date NOT NULL,
    day_of_week smallint NOT NULL,
    is_weekend boolean NOT NULL,
    CONSTRAINT calendar_pkey PRIMARY KEY (date_key),
    CONSTRAINT calendar_full_date_key UNIQUE (full_date)
);

COMMENT ON TABLE master.calendar IS 'One row per date';
COMMENT ON COLUMN master.calendar.date_key IS 'yyyymmdd';
COMMENT ON COLUMN master.calendar.week_start_date IS 'Monday of the ISO week';
COMMENT ON COLUMN master.calendar.week_end_date IS 'Sunday of the ISO week';
COMMENT ON COLUMN master.calendar.day_of_week IS 'ISO: 1 is Monday, 7 is Sunday';
COMMENT ON COLUMN master.calendar.is_weekend IS 'Saturday or Sunday';
COMMENT ON COLUMN master.calendar.full_date IS 'The date';
COMMENT ON COLUMN master.calendar.year IS 'Year of the calendar';
COMMENT ON COLUMN master.calendar.month IS '1 to 12';
COMMENT ON COLUMN master.calendar.iso_year IS 'ISO year, to which the week belongs';
COMMENT ON COLUMN master.calendar.iso_week IS 'ISO week, 1 to 53';

-- @section grants
GRANT SELECT ON master.calendar TO setu_etl, setu_reader;
-- The calendar must not end: the role that runs the jobs can add years.
GRANT INSERT ON master.calendar TO setu_etl;

-- @section seed
-- The years that silver spans, this one and two ahead. The ranges of the
-- chunks give the years without reading a row.
SELECT master.fn_fill_calendar(
    extract(year FROM least(min(c.range_start), clock_timestamp()))::integer,
    extract(year FROM greatest(max(c.range_end), clock_timestamp()))::integer + 2
)
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = 'silver'
    AND c.range_start > '1900-01-01 00:00:00+00' AND c.range_end < '2200-01-01 00:00:00+00';
