-- what: the functions that translate v2's rows back are there
DO $verify$
BEGIN
    IF to_regclass('_archive.dropped_tables') IS NULL
        AND to_regprocedure('_archive.migrate_rest_back(integer)') IS NULL
    THEN
        RAISE EXCEPTION 'the functions of the way back are missing';
    END IF;
END
$verify$;
