-- what: the load is there
DO $verify$
BEGIN
    IF to_regprocedure(
        '_etl.fn_load_machine_cycles(bigint, bigint, timestamptz, integer)'
    ) IS NULL THEN
        RAISE EXCEPTION 'the load of machine cycles is missing';
    END IF;
END
$verify$;
