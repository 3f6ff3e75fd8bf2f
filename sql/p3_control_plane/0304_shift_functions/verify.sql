-- what: the functions are there, and an instant without a plant has no shift
DO $verify$
BEGIN
    IF to_regprocedure('master.fn_get_shift_id(integer, timestamptz)') IS NULL
        OR to_regprocedure('master.fn_get_shift(integer, timestamptz)') IS NULL
    THEN
        RAISE EXCEPTION 'a shift function is missing';
    END IF;
    IF (SELECT s.shift_id FROM master.fn_get_shift(NULL, now()) AS s) IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'an instant that no shift covers must have shift 0';
    END IF;
END
$verify$;
