-- what: the calendar covers this year and two ahead; so does the shift calendar of each plant
DO $verify$
DECLARE
    v_missing bigint;
    v_plants text;
BEGIN
    SELECT count(*) INTO v_missing
    FROM generate_series(
        date_trunc('year', now()), date_trunc('year', now()) + INTERVAL '3 years - 1 day',
            INTERVAL '1 day'
    ) AS d (day)
    LEFT JOIN master.calendar AS c ON c.full_date = d.day::date
    WHERE c.date_key IS NULL;
    IF v_missing > 0 THEN
        RAISE EXCEPTION 'master.calendar lacks % days of this year and the next two', v_missing
            USING HINT = 'Add them with SELECT master.fn_fill_calendar(from_year, to_year)';
    END IF;

    SELECT string_agg(p.plant_id, ', ') INTO v_plants
    FROM master.plants AS p
    LEFT JOIN master.shift_calendar_extents AS x ON x.plant_iot_id = p.iot_id
    WHERE x.last_date IS NULL OR x.last_date < (now() AT TIME ZONE 'UTC')::date + 7;
    IF v_plants IS NOT NULL THEN
        RAISE EXCEPTION 'the shift calendar of some plants ends within a week'
            USING DETAIL = format('Plants: %s.', v_plants),
                HINT = 'Run CALL master.sp_extend_shift_calendar(0, NULL), as its job does every '
                       'hour';
    END IF;
END
$verify$;
