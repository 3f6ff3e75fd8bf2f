-- what: v1 and v2 were compared, and no key differs that v1 did not change meanwhile
DO $verify$
BEGIN
    IF to_regnamespace('_stage') IS NOT NULL AND to_regprocedure('_stage.reconcile_rows()') IS NULL
    THEN
        RAISE EXCEPTION 'the rows of v1 and v2 have not been compared';
    END IF;
    IF EXISTS (
        SELECT 1 FROM _archive.row_reconciliation AS a
        WHERE a.v1_rows <> a.migrated + a.merged + a.left_out OR a.merged < 0
    ) THEN
        RAISE EXCEPTION 'the numbers of what became of v1''s rows do not add up';
    END IF;
END
$verify$;
