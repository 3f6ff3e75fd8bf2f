-- New: the years that silver spans, this one and two ahead. Chunks tell the years without a look at a
-- row.
SELECT master.fn_fill_calendar(
    extract(year FROM least(min(c.range_start), clock_timestamp()))::integer,
    extract(year FROM greatest(max(c.range_end), clock_timestamp()))::integer + 2
)
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = 'silver'
    AND c.range_start > '1900-01-01 00:00:00+00' AND c.range_end < '2200-01-01 00:00:00+00';
