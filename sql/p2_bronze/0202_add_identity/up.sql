-- what: bronze.raw_machine_cycles.id becomes an identity column
-- why: the sweep goes by id, and never takes one again: ids go on where an earlier v2 period stopped
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on bronze.raw_machine_cycles, which is new and empty
-- down: the identity goes; ids that rows have stay
-- @include schema_new/bronze/Identity/raw_machine_cycles.sql

DO $continue$
DECLARE
    v_last bigint;
BEGIN
    IF to_regclass('_archive.raw_machine_cycles_id_seq') IS NOT NULL THEN
        SELECT s.last_value INTO v_last FROM _archive.raw_machine_cycles_id_seq AS s;
    ELSIF to_regclass('_archive.v2_raw_machine_cycles') IS NOT NULL THEN
        SELECT max(b.id) INTO v_last FROM _archive.v2_raw_machine_cycles AS b;
    END IF;
    IF v_last IS NOT NULL THEN
        PERFORM setval('bronze.raw_machine_cycles_id_seq', v_last);
    END IF;
END
$continue$;
