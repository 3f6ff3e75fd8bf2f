-- Going back means waking what sleeps; without it nothing may be touched.
DO $require$
BEGIN
    IF to_regclass('_archive.machine_cycles') IS NULL OR to_regclass('_archive.companies') IS NULL
        OR to_regclass('_archive.plants') IS NULL OR to_regclass('_archive.machine_info') IS NULL
        OR to_regclass('_archive.shifts') IS NULL
    THEN
        RAISE EXCEPTION 'cannot go back to v1 because its rows are no longer in _archive'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                DETAIL = 'v1''s tables slept there: companies, plants, machine_info, shifts, machine_cycles.',
                HINT = 'setu archive drop was run, or they were dropped by hand. Stay at v2, or restore a backup.';
    END IF;
END
$require$;
