-- what: the calendar covers every day of this year and the next, without a gap
DO $check$
DECLARE
    v_missing bigint;
BEGIN
    SELECT count(*)
    INTO v_missing
    FROM generate_series(
        date_trunc('year', now()),
        date_trunc('year', now()) + INTERVAL '2 years - 1 day',
        INTERVAL '1 day'
    ) AS d (day)
    LEFT JOIN master.calendar AS c ON c.full_date = d.day::date
    WHERE c.date_key IS NULL;
    IF v_missing > 0 THEN
        RAISE EXCEPTION 'master.calendar lacks % days of this year and the next', v_missing
            USING HINT = 'Run SELECT master.fn_fill_calendar(from_year, to_year)';
    END IF;
END
$check$;
